"""Each kind of camera: how av opens it, and how its pictures come. In the reader's process alone.

Another kind is one more entry of `KINDS`, and how its address looks in `lane.cameras.source`.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from lane.cameras.reader.decoding import Frames, LookedAt, Opening, film_frames, folder_pictures, live, paced
from lane.cameras.source import Kind, Source


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


def file(source: Source) -> Opening:
    """A file or folder by its whole path: no name of one is taken for a protocol of FFmpeg's."""
    whole = Path(source.address).absolute()
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


@dataclass(frozen=True, slots=True)
class CameraKind:
    opening: Callable[[Source], Opening]
    read_frames: Callable[[Source, Opening, LookedAt], Frames]


KINDS = {
    Kind.USB: CameraKind(usb, live),
    Kind.RTSP: CameraKind(rtsp, partial(live, own_clock=True)),
    Kind.HTTP: CameraKind(http, live),
    Kind.FILE: CameraKind(file, partial(paced, once=film_frames)),
    Kind.FOLDER: CameraKind(file, partial(paced, once=folder_pictures)),
}


def read_frames(source: Source, looked_at: LookedAt = lambda: True) -> Frames:
    """The camera's pictures as they come, and those that are missed; all while it is looked at.

    Ends where a file or folder ends; raises TroubleError, or av's and the system's errors.
    """
    kind = KINDS[source.kind]
    return kind.read_frames(source, kind.opening(source), looked_at)
