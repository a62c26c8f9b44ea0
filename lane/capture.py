"""Looks at frames until enough of them are good, or time is up; keeps the best for the officer."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from lane.errors import CameraError
from lane.evidence import CaptureEnd, CaptureEvidence
from lane.frame import Frame
from lane.measure import Before, Measurer, Sighting, Stopwatch
from lane.policy import CaptureRule, Policy, beyond_limits
from lane.ports import Clock, FrameSource
from lane.stream import StreamWatch
from models.errors import ModelError
from models.face import Embedding
from models.measurement import Measure, Measured, NotAssessed

PICTURES_KEPT = 4


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A frame with what was found in it."""

    frame: Frame
    sighting: Sighting
    failing: tuple[str, ...]

    @property
    def merit(self) -> tuple[int, int, float]:
        """Larger is better: a face, few limits missed, much detail. Knows nothing of the document."""
        detail = _value(self.sighting, "sharpness") * _value(self.sighting, "inter_eye_distance_px")
        return (int(self.sighting.face is not None), -len(self.failing), detail)


@dataclass(frozen=True, slots=True, eq=False)
class Good:
    """A frame that may decide, with its probe."""

    seen: Seen
    probe: Embedding


@dataclass(slots=True, eq=False)
class Capture:
    """One capture as it grows."""

    ended: CaptureEnd = CaptureEnd.ABORTED
    frames_seen: int = 0
    looked_at: int = 0
    most_faces: int = 0
    good: list[Good] = field(default_factory=list)
    best: list[Seen] = field(default_factory=list)
    rejections: Counter[str] = field(default_factory=Counter)
    engine_fault: str | None = None
    stream: StreamWatch | None = None
    """What all frames tell of where they came from; None before the first."""

    @property
    def probes(self) -> list[Embedding]:
        """Of the good frames."""
        return [good.probe for good in self.good]

    def evidence(self) -> CaptureEvidence:
        """The plain account of this capture."""
        return CaptureEvidence(
            self.ended, self.frames_seen, self._faces(), len(self.good), dict(self.rejections)
        )

    def _faces(self) -> Measure:
        if self.looked_at == 0:
            return NotAssessed("no frame was looked at")
        return Measured(1 if self.ended is CaptureEnd.ENOUGH else self.most_faces)

    def quality(self) -> Mapping[str, Measure]:
        """Of the best frame."""
        chosen = [good.seen for good in self.good] or self.best
        return max(chosen, key=lambda seen: seen.merit).sighting.quality if chosen else {}

    def note(self, seen: Seen) -> None:
        """Count a frame, keep it where it is among the best, start anew where the passenger was not alone."""
        self.looked_at += 1
        self.most_faces = max(self.most_faces, seen.sighting.faces)
        self.best = sorted([*self.best, seen], key=lambda one: one.merit, reverse=True)[:PICTURES_KEPT]
        self.rejections.update(seen.failing)
        if seen.sighting.faces != 1:
            self.good.clear()  # nobody may come, go or change places between the frames that decide

    def forget_before(self, moment_s: float) -> None:
        """Good frames from before this monotonic time decide nothing any more."""
        self.good = [good for good in self.good if good.seen.frame.captured_monotonic_s >= moment_s]


def capture(
    taken: Capture, camera: FrameSource, measurer: Measurer, policy: Policy, clock: Clock, watch: Stopwatch
) -> None:
    """Fill `taken`: to enough good frames, the time limit, the camera's end or a network's failure."""
    try:
        for seen in _looked_at(taken, camera, measurer, policy, clock, watch):
            taken.note(seen)
            taken.forget_before(seen.frame.captured_monotonic_s - policy.capture.max_span_s)
            if not seen.failing:
                taken.good.append(Good(seen, measurer.embed(seen.sighting, watch)))
            if len(taken.good) >= policy.capture.good_frames:
                taken.ended = CaptureEnd.ENOUGH
                return
    except CameraError:
        taken.ended = CaptureEnd.CAMERA_LOST
    except ModelError as error:
        taken.engine_fault = type(error).__name__


def _looked_at(
    taken: Capture, camera: FrameSource, measurer: Measurer, policy: Policy, clock: Clock, watch: Stopwatch
) -> Iterator[Seen]:
    """Fresh frames with what is in them, until time is up; a stale or frozen frame decides nothing."""
    until = clock.monotonic_s() + policy.capture.timeout_s
    last: Seen | None = None
    stream = taken.stream = StreamWatch(policy.stream)
    for frame in camera.frames():
        if clock.monotonic_s() > until:
            taken.ended = CaptureEnd.TIMEOUT
            return
        taken.frames_seen += 1
        with watch.time("stream"):
            stream.see(frame)
        unfit = _unfit(frame, last.frame if last else None, policy.capture, clock)
        if unfit:
            taken.rejections[unfit] += 1
            continue
        sighting = measurer.look(frame.image_bgr, watch, _before(frame, last))
        last = Seen(frame, sighting, failing(sighting, policy))
        yield last
    taken.ended = CaptureEnd.CAMERA_LOST


def _unfit(frame: Frame, last: Frame | None, rule: CaptureRule, clock: Clock) -> str | None:
    """Why this frame is not looked at: too old or from another clock, or the last one once more."""
    age_s = clock.monotonic_s() - frame.captured_monotonic_s
    if not 0 <= age_s <= rule.max_frame_age_s:  # NaN and other clocks compare false
        return "age"
    if last is not None and not _moves_on(frame, last):
        return "frozen"
    return None


def _moves_on(frame: Frame, last: Frame) -> bool:
    later = frame.sequence > last.sequence and frame.captured_monotonic_s > last.captured_monotonic_s
    return later and not np.array_equal(frame.image_bgr, last.image_bgr)  # a live sensor has noise


def _before(frame: Frame, last: Seen | None) -> Before | None:
    if last is None or last.sighting.face is None:
        return None
    return Before(last.sighting.face, frame.captured_monotonic_s - last.frame.captured_monotonic_s)


def failing(sighting: Sighting, policy: Policy) -> tuple[str, ...]:
    """What keeps a picture from deciding: not exactly one face, or the components that miss their limit."""
    if sighting.faces != 1:
        return ("no_face",) if sighting.faces == 0 else ("several_faces",)
    return beyond_limits(sighting.quality, policy.quality.live)


def _value(sighting: Sighting, component: str) -> float:
    measure = sighting.quality.get(component)
    return measure.value if isinstance(measure, Measured) else 0.0
