"""Which camera to read, and how: plain values that go to the reader's process, the password among them."""

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
