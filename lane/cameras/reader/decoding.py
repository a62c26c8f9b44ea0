"""From an address to upright pictures with the time of their capture. In the reader's process alone."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import repeat
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from lane.cameras.source import AtEnd, Source, Trouble, TroubleError
from models.values.face import ImageBGR

FOLDER_FRAMES_PER_SECOND = 25.0
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
MOST_BEHIND_S = 1.0
"""A live stream that comes so much later than it did at best is opened again: what waits in it is old."""
_WITHIN = 64
_SHORTEST_S = 0.01

TimedPacket: TypeAlias = "tuple[Packet[VideoStream], int]"
"""A packet, and the monotonic time in ns when it was read."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How av opens a source."""

    address: str = field(repr=False)
    """With the credentials, where there are some."""
    format: str | None
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class CapturedImage:
    """A picture, upright, valid until the next is asked for, and when it was captured."""

    image_bgr: ImageBGR
    wall_ns: int
    monotonic_ns: int


class MissedFrame(Enum):
    """A picture that there is not, as the reader says it."""

    SPOILT = "!"
    """It could not be decoded."""
    SKIPPED = "-"
    """A newer one had come before it was decoded."""
    UNREAD = "."
    """It was not decoded: nobody looks, and another one came a moment before."""
    UNSHOWN = "+"
    """It is whole, and no picture was made of it, for the same reason."""


LookedAt: TypeAlias = Callable[[], bool]
"""Whether somebody looks at every frame now."""
Frames: TypeAlias = Iterator[CapturedImage | MissedFrame]
DueFrame: TypeAlias = tuple[VideoFrame | MissedFrame, float]
"""A frame, and when it is due, in seconds from the beginning."""


def open_video(how: Opening, most_pixels: int) -> tuple[InputContainer, VideoStream]:
    """The first video of it. Raises TroubleError, or av's and the system's errors."""
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


class _Converter:
    """Makes BGR of whatever was decoded, and stands it upright; of less while nobody looks."""

    def __init__(self, source: Source, looked_at: LookedAt) -> None:
        self._source, self._looked_at, self._reformatter = source, looked_at, VideoReformatter()
        self._made_s = float("-inf")

    def rests(self) -> bool:
        """Whether nobody looks, and the last picture is from just now."""
        return time.monotonic() - self._made_s < self._source.rest_s and not self._looked_at()

    def convert(self, frame: VideoFrame, ago_ns: int = 0) -> CapturedImage | MissedFrame:
        """Captured so long ago. Raises TroubleError where it is too large: a stream may change its size."""
        if frame.width * frame.height > self._source.most_pixels:
            raise TroubleError(Trouble.TOO_LARGE)
        if self.rests():
            return MissedFrame.UNSHOWN
        self._made_s = time.monotonic()
        wall_ns, monotonic_ns = time.time_ns() - ago_ns, time.monotonic_ns() - ago_ns
        return CapturedImage(self._upright(self._bgr(frame)), wall_ns, monotonic_ns)

    def _bgr(self, frame: VideoFrame) -> ImageBGR:
        # A buffer, which typing before Python 3.12 cannot say.
        plane: Any = self._reformatter.reformat(frame, format="bgr24").planes[0]
        rows: ImageBGR = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width * 3].reshape(frame.height, frame.width, 3)

    def _upright(self, image_bgr: ImageBGR) -> ImageBGR:
        turned = np.rot90(image_bgr, -self._source.rotate_deg // 90)
        return turned[:, ::-1] if self._source.mirror else turned


def _decode(
    packets: Iterable[TimedPacket], rests: Callable[[], bool] = lambda: False
) -> Iterator[tuple[VideoFrame | MissedFrame, int, float | None]]:
    """Every frame, the monotonic time in ns when its packet was read, its own time in seconds if it has one.

    Where pictures build on each other, all up to the next that stands for itself are spoilt with one. Where
    each stands for itself, none is decoded while the camera `rests`.
    """
    read: deque[tuple[int | None, int]] = deque(maxlen=_WITHIN)
    whole = True
    for packet, read_ns in packets:
        if packet.size and packet.stream.codec_context.codec.intra_only and rests():
            yield MissedFrame.UNREAD, read_ns, _seconds(packet)
            continue
        read.append((packet.pts, read_ns))
        try:
            frames = packet.decode()
        except av.FFmpegError:
            whole = False
            yield MissedFrame.SPOILT, read_ns, None
            continue
        for frame in frames:
            whole = (whole or frame.key_frame) and not frame.is_corrupt
            at = (at_ns for pts, at_ns in read if pts is not None and pts == frame.pts)
            if whole:
                yield frame, next(at, read_ns), frame.time
            else:
                yield MissedFrame.SPOILT, next(at, read_ns), None


def _seconds(packet: "Packet[VideoStream]") -> float | None:
    return None if packet.pts is None or packet.time_base is None else float(packet.pts * packet.time_base)


def _timed_packets(container: InputContainer, stream: VideoStream) -> Iterator[TimedPacket]:
    for packet in container.demux(stream):
        yield packet, time.monotonic_ns()


def live(source: Source, how: Opening, looked_at: LookedAt, *, own_clock: bool = False) -> Frames:
    """Until the stream ends, which is an error. It is closed by the end of the process alone.

    With `own_clock` its packets carry the camera's time: by that a frame that queued on the way is late.
    """
    converter = _Converter(source, looked_at)
    container, stream = open_video(how, source.most_pixels)
    lateness = Lateness() if own_clock else None
    packets = _Packets(container, stream)
    for frame, read_ns, at_s in _decode(packets.arrive(), converter.rests):
        yield from repeat(MissedFrame.SKIPPED, packets.skipped())
        late_ns = lateness.measure(at_s, read_ns) if lateness else 0
        if isinstance(frame, MissedFrame):
            yield frame
        else:
            yield converter.convert(frame, time.monotonic_ns() - read_ns + late_ns)


class _Packets:
    """A live stream's packets, taken as they come by a thread that does nothing else: none waits on the way.

    Where each picture stands for itself, the newest is kept alone: a decoder that falls behind skips. Where
    it does not, a decoder that falls too far behind is an error.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._newest_alone = stream.codec_context.codec.intra_only
        self._kept: deque[TimedPacket] = deque()
        self._changed = threading.Condition()
        self._ended: Exception | None = None
        self._skipped = 0
        threading.Thread(target=self._take, daemon=True).start()

    def arrive(self) -> Iterator[TimedPacket]:
        """Each with the monotonic time in ns when it came. Raises what ended the stream."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._kept or self._ended)
                if not self._kept and self._ended is not None:
                    raise self._ended
                packet = self._kept.popleft()
            yield packet

    def skipped(self) -> int:
        """How many were passed over since it was asked last."""
        with self._changed:
            skipped, self._skipped = self._skipped, 0
        return skipped

    def _take(self) -> None:
        ended: Exception = TroubleError(Trouble.CUT)
        try:
            for packet in _timed_packets(self._container, self._stream):
                self._keep(packet)
        except Exception as error:  # noqa: BLE001  raised where packets are asked for
            ended = error
        with self._changed:
            self._ended = ended
            self._changed.notify()

    def _keep(self, packet: TimedPacket) -> None:
        with self._changed:
            if self._newest_alone:
                self._skipped += len(self._kept)
                self._kept.clear()
            elif self._kept and packet[1] - self._kept[0][1] > MOST_BEHIND_S * 1e9:
                raise TroubleError(Trouble.BEHIND)
            self._kept.append(packet)
            self._changed.notify()


class Lateness:
    """How much later a frame comes than the quickest did, by the camera's own clock.

    What queues on the way, in a network that stalls or before a reader that is too slow, is old when it is
    read. The quickest is forgotten slowly, since no two clocks run alike.
    """

    _FORGOTTEN = 1e-3

    def __init__(self) -> None:
        self._least_ns: float | None = None
        self._last_ns = 0

    def measure(self, at_s: float | None, read_ns: int) -> int:
        """In ns. Raises TroubleError where the stream is too far behind."""
        if at_s is None:
            return 0
        way_ns = read_ns - at_s * 1e9
        forgotten_ns = (read_ns - self._last_ns) * self._FORGOTTEN
        least_ns = way_ns if self._least_ns is None else min(way_ns, self._least_ns + forgotten_ns)
        self._least_ns, self._last_ns = least_ns, read_ns
        late_ns = round(way_ns - least_ns)
        if late_ns > MOST_BEHIND_S * 1e9:
            raise TroubleError(Trouble.BEHIND)
        return late_ns


def paced(
    source: Source,
    how: Opening,
    looked_at: LookedAt,
    *,
    once: Callable[[Source, Opening, _Converter], Iterator[DueFrame]],
) -> Frames:
    """At the recording's own pace, from the beginning again where it loops."""
    converter, begin_s = _Converter(source, looked_at), time.monotonic()
    while True:
        before_s, last_s = 0.0, None
        for frame, at_s in once(source, how, converter):
            time.sleep(max(0.0, begin_s + at_s - time.monotonic()))
            yield frame if isinstance(frame, MissedFrame) else converter.convert(frame)
            before_s, last_s = last_s or 0.0, at_s
        if last_s is None:
            raise TroubleError(Trouble.NO_VIDEO)
        if source.at_end is not AtEnd.LOOP:
            return
        begin_s += last_s + max(_SHORTEST_S, last_s - before_s)


def film_frames(source: Source, how: Opening, converter: _Converter) -> Iterator[DueFrame]:
    container, stream = open_video(how, source.most_pixels)
    with closing(container):
        interval_s = 1 / float(stream.average_rate or FOLDER_FRAMES_PER_SECOND)
        first_s: float | None = None
        at_s = -interval_s
        for frame, _, own_s in _decode(_timed_packets(container, stream), converter.rests):
            first_s = own_s if first_s is None else first_s
            at_s = at_s + interval_s if own_s is None or first_s is None else own_s - first_s
            yield frame, at_s


def folder_pictures(source: Source, how: Opening, converter: _Converter) -> Iterator[DueFrame]:
    """Its pictures, by name."""
    rate = source.frames_per_second or FOLDER_FRAMES_PER_SECOND
    paths = sorted(path for path in Path(source.address).iterdir() if path.suffix.lower() in PICTURES)
    for number, path in enumerate(paths):
        picture = replace(how, address=f"{how.address}/{path.name}")
        yield MissedFrame.UNREAD if converter.rests() else _still(picture, source), number / rate


def _still(how: Opening, source: Source) -> VideoFrame | MissedFrame:
    """One picture. Raises TroubleError for one that is too large."""
    try:
        container, stream = open_video(how, source.most_pixels)
        with closing(container):
            frames = (frame for frame, _, _ in _decode(_timed_packets(container, stream)))
            return next(frames, MissedFrame.SPOILT)
    except av.FFmpegError:
        return MissedFrame.SPOILT
