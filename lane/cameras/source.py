"""What the reader's process is told, and what it reports: the camera to read, and why it gives no frames.

Plain values; the camera's password is among what it is told.
"""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


class Kind(StrEnum):
    """How a source is read: `lane.cameras.reader.kinds.KINDS` has an entry for each."""

    USB = "usb"
    RTSP = "rtsp"
    HTTP = "http"
    FILE = "file"
    FOLDER = "folder"


class AtEnd(StrEnum):
    """What the end of a file or folder is."""

    LOST = "lost"
    """The camera is lost."""
    END = "end"
    """The capture has no more frames."""
    LOOP = "loop"
    """It begins again."""


_KIND_OF_SCHEME = {"rtsp": Kind.RTSP, "rtsps": Kind.RTSP, "http": Kind.HTTP, "https": Kind.HTTP}
SCHEMES = frozenset(_KIND_OF_SCHEME)


@dataclass(frozen=True, slots=True)
class Source:
    """One camera."""

    address: str
    """A device, a URL without credentials, a file or a folder."""
    user: str = ""
    password: str = field(default="", repr=False)
    authorities: str = ""
    """A file of certificates (PEM)."""
    transport: str = "tcp"
    frames_per_second: float | None = None
    size: str | None = None
    pixel_format: str | None = None
    at_end: AtEnd = AtEnd.LOST
    rotate_deg: int = 0
    """Clockwise; a multiple of 90."""
    mirror: bool = False
    most_pixels: int = 1920 * 1080
    rest_s: float = 0.0
    """While nobody looks, one frame in so long is enough."""

    @property
    def kind(self) -> Kind:
        """By the look of the address."""
        if "://" in self.address:
            return _KIND_OF_SCHEME[urlsplit(self.address).scheme]
        if self.address.startswith("/dev/"):
            return Kind.USB
        return Kind.FOLDER if Path(self.address).is_dir() else Kind.FILE

    @property
    def label(self) -> str:
        """The address for logs and errors: of a URL scheme, host and port alone."""
        if "://" not in self.address:
            return self.address
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    def to_json(self) -> str:
        """One line, with the password: for the reader's standard input, never for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """What `to_json` wrote."""
        plain = json.loads(line)
        return cls(**(plain | {"at_end": AtEnd(plain["at_end"])}))


class Trouble(StrEnum):
    """Why a camera gives no frames, without an address, and what a site can do about it."""

    advice: str

    MISSING = "missing", "no such device, file or folder: look at camera.source"
    BUSY = "busy", "another program uses the device"
    FORBIDDEN = (
        "forbidden",
        "this user may not open it: give the lane's user the right, such as the group video",
    )
    UNREACHABLE = "unreachable", "nobody answers there: look at address, cable and power"
    CREDENTIALS = "credentials", "user or password is refused: look at camera.user and camera.password"
    NOT_FOUND = "not-found", "the camera answers, but has no such stream: look at the path in camera.source"
    NO_VIDEO = "no-video", "what comes is no video that can be read, or asks for options that it has not"
    TOO_LARGE = "too-large", "its pictures have more pixels than camera.max_pixels"
    SEGMENTED = "segmented", "it comes in segments, seconds late: name the camera's RTSP or MJPEG stream"
    CUT = "cut", "the stream was cut"
    BEHIND = "behind", "its frames come later and later: network or reader is too slow for it"
    ENDED = "ended", "it has ended"
    BROKEN = "broken", "it cannot be read"
    # As the lane itself finds:
    STALLED = "stalled", "no whole frame in time"
    DIED = "died", "its reader was killed"

    def __new__(cls, word: str, advice: str = "") -> Self:
        trouble = str.__new__(cls, word)
        trouble._value_, trouble.advice = word, advice
        return trouble


class TroubleError(Exception):
    """Ends the reader's process, which reports this."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble
