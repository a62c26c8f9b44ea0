"""Each kind of camera: how it is opened, and how its pictures come. In the reader's process alone.

Another kind is one more entry of `KINDS`, and how its address looks in `lane.cameras.source`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lane.cameras.reader import opening
from lane.cameras.reader.decoding import Frames, LookedAt, film, folder, live
from lane.cameras.reader.opening import Opening
from lane.cameras.source import Kind, Source


@dataclass(frozen=True, slots=True)
class CameraKind:
    opening: Callable[[Source], Opening]
    read_frames: Callable[[Source, Opening, LookedAt], Frames]


KINDS = {
    Kind.USB: CameraKind(opening.usb, live),
    Kind.RTSP: CameraKind(opening.rtsp, partial(live, own_clock=True)),
    Kind.HTTP: CameraKind(opening.http, live),
    Kind.FILE: CameraKind(opening.file, film),
    Kind.FOLDER: CameraKind(opening.file, folder),
}


def read_frames(source: Source, looked_at: LookedAt = lambda: True) -> Frames:
    """The camera's pictures as they come, and those that are missed; all while it is looked at.

    Ends where a file or folder ends; raises TroubleError, or av's and the system's errors.
    """
    kind = KINDS[source.kind]
    return kind.read_frames(source, kind.opening(source), looked_at)
