from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from lane.cameras.shared_memory_feed import MOST_PIXELS
from lane.cameras.source import SCHEMES, AtEnd, Source
from lane.platform.errors import SettingsError
from lane.platform.settings_section import Section

REST_S = 0.25
"""While nobody looks a frame is made so often, and four times in `stall_s` at least."""


def _number(value: object) -> object:
    """The environment has text alone."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class CameraSettings(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] = "camera"
    """What frames say they come from."""
    source: str | None = None
    """/dev/video0, rtsp://… or http://… without a password, a video file, a folder of pictures."""
    user: str | None = None
    """For a camera that asks who looks."""
    password: SecretStr | None = None
    """Its password; best in the environment, as PASSENGER_LANE_CAMERA__PASSWORD."""
    authorities: Path | None = None
    """Certificates (PEM) that an https or rtsps camera's must come from. None: the machine's public ones."""
    transport: Literal["tcp", "udp"] = "tcp"
    """How RTSP brings its packets; by udp what is lost stays lost."""
    frames_per_second: Annotated[float, Field(ge=0.1, le=240)] | None = None
    """Asked of a USB camera; the pace of a folder (25 without it). A stream or file has its own."""
    size: Annotated[str, Field(pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$")] | None = None
    """Asked of a USB camera, such as 1280x720."""
    pixel_format: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,20}$")] | None = None
    """Asked of a USB camera, such as mjpeg or yuyv422."""
    at_end: AtEnd = AtEnd.LOST
    """What the end of a file or folder is: lost (a fault, S05), end (of a capture), loop (from the start)."""
    rotate_deg: Annotated[Literal[0, 90, 180, 270], BeforeValidator(_number)] = 0
    """Clockwise, for a camera that is mounted on its side."""
    mirror: bool = False
    """Left for right, after the rotation, for a camera behind a mirror."""
    max_pixels: Annotated[int, Field(ge=4096, le=MOST_PIXELS)] = 1920 * 1080
    """A stream with larger pictures is refused undecoded. Each pixel takes twelve bytes of memory."""
    open_s: Annotated[float, Field(gt=0, le=60)] = 8.0
    """How long the first frame may take; then the reader is killed and started again."""
    stall_s: Annotated[float, Field(ge=0.1, le=30)] = 1.0
    """How long each next frame may take; then the same."""
    wait_s: Annotated[float, Field(ge=0.1, le=30)] = 1.5
    """So long a capture waits for a frame; then the camera is lost (S05), and an officer's case."""
    retry_s: Annotated[float, Field(ge=0.2, le=300)] = 5.0
    """At most so long after a failure, the camera is tried again."""

    @field_validator("source")
    @classmethod
    def _known(cls, source: str | None) -> str | None:
        if source is None or "://" not in source:
            return source
        parts = urlsplit(source)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise ValueError(f"give a file, a device, or a URL with {', '.join(sorted(SCHEMES))}")
        if "@" in parts.netloc:
            raise ValueError("give user and password as camera.user and camera.password, not in the URL")
        _ = parts.port  # raises ValueError where it is none
        return source

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.frames_per_second and self.stall_s * self.frames_per_second <= 1:
            raise ValueError("stall_s: must be longer than the time from frame to frame")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        return self

    def to_source(self) -> Source:
        """Raises SettingsError without a source."""
        if self.source is None:
            raise SettingsError(
                "camera.source: name the camera, such as /dev/video0 or rtsp://10.0.0.7/stream"
            )
        return Source(
            self.source,
            self.user or "",
            self.password.get_secret_value() if self.password else "",
            str(self.authorities or ""),
            self.transport,
            self.frames_per_second,
            self.size,
            self.pixel_format,
            self.at_end,
            self.rotate_deg,
            self.mirror,
            self.max_pixels,
            min(REST_S, self.stall_s / 4),
        )
