"""Looks at frames until enough of them are good, or time is up; keeps the best for the officer."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lane.errors import CameraError
from lane.evidence import CaptureEnd, CaptureEvidence
from lane.frame import Frame
from lane.measure import Before, Measurer, Sighting, Stopwatch
from lane.policy import Policy, failing_live
from lane.ports import Clock, FrameSource
from models.errors import ModelError
from models.face import Embedding, Face
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


def _value(sighting: Sighting, component: str) -> float:
    measure = sighting.quality.get(component)
    return measure.value if isinstance(measure, Measured) else 0.0


@dataclass(slots=True, eq=False)
class Capture:
    """One capture as it grows."""

    ended: CaptureEnd = CaptureEnd.TIMEOUT
    frames_seen: int = 0
    looked_at: int = 0
    most_faces: int = 0
    good: list[Seen] = field(default_factory=list)
    best: list[Seen] = field(default_factory=list)
    probes: list[Embedding] = field(default_factory=list)
    rejections: Counter[str] = field(default_factory=Counter)
    engine_fault: str | None = None

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
        chosen = self.good or self.best
        return max(chosen, key=lambda seen: seen.merit).sighting.quality if chosen else {}

    def note(self, seen: Seen) -> None:
        """Count a frame, keep it where it is among the best, start anew where somebody came along."""
        self.looked_at += 1
        self.most_faces = max(self.most_faces, seen.sighting.faces)
        self.best = sorted([*self.best, seen], key=lambda one: one.merit, reverse=True)[:PICTURES_KEPT]
        self.rejections.update(seen.failing)
        if seen.sighting.faces > 1:
            self.good.clear()  # the passenger must be alone from the first frame used to the last
            self.probes.clear()


def capture(
    camera: FrameSource, measurer: Measurer, policy: Policy, clock: Clock, watch: Stopwatch
) -> Capture:
    """Ends with enough good frames, at the time limit, when the camera is lost or a network fails."""
    taken = Capture()
    try:
        for seen in _looked_at(camera.frames(), measurer, policy, clock, watch, taken):
            taken.note(seen)
            if not seen.failing:
                taken.good.append(seen)
                taken.probes.append(measurer.embed(seen.sighting, watch))
            if len(taken.good) >= policy.capture.good_frames:
                taken.ended = CaptureEnd.ENOUGH
                break
    except CameraError:
        taken.ended = CaptureEnd.CAMERA_LOST
    except ModelError as error:
        taken.engine_fault = type(error).__name__
    return taken


def _looked_at(
    frames: Iterable[Frame],
    measurer: Measurer,
    policy: Policy,
    clock: Clock,
    watch: Stopwatch,
    taken: Capture,
) -> Iterator[Seen]:
    """Fresh frames with what is in them, until time is up; a stale frame decides nothing."""
    until = clock.monotonic_s() + policy.capture.timeout_s
    previous: tuple[Face | None, float] = (None, 0.0)
    for frame in frames:
        if clock.monotonic_s() > until:
            return
        taken.frames_seen += 1
        if clock.monotonic_s() - frame.captured_monotonic_s > policy.capture.max_frame_age_s:
            taken.rejections["age"] += 1
            continue
        face, seen_at_s = previous
        before = Before(face, frame.captured_monotonic_s - seen_at_s) if face else None
        sighting = measurer.look(frame.image_bgr, watch, before)
        previous = sighting.face, frame.captured_monotonic_s
        yield Seen(frame, sighting, _failing(sighting, policy))


def _failing(sighting: Sighting, policy: Policy) -> tuple[str, ...]:
    if sighting.faces != 1:
        return ("no_face",) if sighting.faces == 0 else ("several_faces",)
    return failing_live(sighting.quality, policy)
