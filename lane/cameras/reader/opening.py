"""How av opens a source, and what its errors mean. In the reader's process alone."""

import errno
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from lane.cameras.source import Source
from lane.cameras.trouble import Trouble, TroubleError


@dataclass(frozen=True, slots=True)
class Opening:
    address: str = field(repr=False)
    """With the credentials, where there are some."""
    format: str | None
    options: Mapping[str, str]


def usb(source: Source) -> Opening:
    rate = None if source.frames_per_second is None else f"{source.frames_per_second:g}"
    wanted = {"framerate": rate, "video_size": source.size, "input_format": source.pixel_format}
    options = {name: value for name, value in wanted.items() if value is not None}
    return Opening(source.address, "v4l2", _bounded(source) | options)


def rtsp(source: Source) -> Opening:
    options = {
        "rtsp_transport": source.transport,
        "allowed_media_types": "video",
        "protocol_whitelist": "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
        "fflags": "nobuffer",
        "fpsprobesize": "0",  # the first frame at once: the rate is not needed
    }
    return Opening(_with_credentials(source), "rtsp", _bounded(source) | options | _verified(source))


def http(source: Source) -> Opening:
    # No playlist that a camera serves makes the lane read a file of its own.
    options = {"protocol_whitelist": "http,https,tcp,tls", "fflags": "nobuffer"}
    return Opening(_with_credentials(source), None, _bounded(source) | options | _verified(source))


def file(source: Source, path: Path | None = None) -> Opening:
    """A file by its whole path: no name of one is taken for a protocol of FFmpeg's."""
    whole = (path or Path(source.address)).absolute()
    return Opening(f"file:{whole}", None, _bounded(source) | {"protocol_whitelist": "file"})


def _bounded(source: Source) -> dict[str, str]:
    return {"max_pixels": str(source.most_pixels)}


def _verified(source: Source) -> dict[str, str]:
    if not source.address.startswith(("https:", "rtsps:")):
        return {}
    authorities = source.authorities or ssl.get_default_verify_paths().cafile or ""
    return {"tls_verify": "1", "ca_file": authorities}


def _with_credentials(source: Source) -> str:
    if not source.user:
        return source.address
    scheme, rest = source.address.split("://", 1)
    return f"{scheme}://{quote(source.user, safe='')}:{quote(source.password, safe='')}@{rest}"


def open_video(how: Opening, most_pixels: int) -> tuple[InputContainer, VideoStream]:
    """The first video of it, of at most so many pixels.

    Raises TroubleError, or av's and the system's errors.
    """
    container = av.open(how.address, "r", format=how.format, options=dict(how.options))
    try:
        if not container.streams.video:
            raise TroubleError(Trouble.NO_VIDEO)
        if container.format.name in ("hls", "dash"):
            raise TroubleError(Trouble.SEGMENTED)
        stream = container.streams.video[0]
        if stream.width * stream.height > most_pixels:
            raise TroubleError(Trouble.TOO_LARGE)
        # A spoilt picture is an error, and not one with a grey half.
        stream.codec_context.options = {"err_detect": "explode", "max_pixels": str(most_pixels)}
        stream.codec_context.thread_count = 1  # each thread more holds a frame back
    except BaseException:
        container.close()
        raise
    return container, stream


_BY_NUMBER = {
    errno.EBUSY: Trouble.BUSY,
    errno.ENOTTY: Trouble.NO_VIDEO,
    errno.EHOSTUNREACH: Trouble.UNREACHABLE,
    errno.ENETUNREACH: Trouble.UNREACHABLE,
    errno.EIO: Trouble.CUT,
}
_BY_KIND: tuple[tuple[type[Exception], Trouble], ...] = (
    (av.HTTPUnauthorizedError, Trouble.CREDENTIALS),
    (av.HTTPForbiddenError, Trouble.CREDENTIALS),
    (av.HTTPNotFoundError, Trouble.NOT_FOUND),
    (FileNotFoundError, Trouble.MISSING),
    (PermissionError, Trouble.FORBIDDEN),
    (ConnectionError, Trouble.UNREACHABLE),
    (TimeoutError, Trouble.UNREACHABLE),
    (av.EOFError, Trouble.CUT),
    (ValueError, Trouble.NO_VIDEO),  # av's for data or options that fit nothing
    (LookupError, Trouble.NO_VIDEO),  # av's for a decoder, option or format that it has not
)


def to_trouble(error: Exception) -> Trouble:
    """The word for it: the error's own message may hold the address and its password."""
    if isinstance(error, TroubleError):
        return error.trouble
    number = error.errno if isinstance(error, OSError) else None
    kinds = (trouble for kind, trouble in _BY_KIND if isinstance(error, kind))
    return _BY_NUMBER.get(number or 0) or next(kinds, Trouble.BROKEN)
