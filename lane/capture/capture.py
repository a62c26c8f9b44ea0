"""Looks at frames until enough of them are good, or time is up; keeps the best for the officer."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lane.cameras.frame import Frame, same_pixels
from lane.cameras.port import FrameSource
from lane.capture.guidance import Guide, Instruction, Told, instruction_for, lacking, next_told, nobody_guides
from lane.capture.liveness_frames import Looks
from lane.capture.measuring import Measurer, Question, Sighting, Stopwatch
from lane.capture.stream_check import StreamWatch
from lane.capture.tracking import Scene, Tracker
from lane.decision.evidence import CaptureEnd, CaptureEvidence
from lane.decision.policy import CaptureRule, Policy, beyond_limits
from lane.platform.clock import Clock
from lane.platform.errors import CameraError
from models.errors import ModelError
from models.quality.components import COMPONENTS, mapped
from models.quality.face.motion import Before
from models.values.face import Embedding
from models.values.measurement import Measure, Measured, NotAssessed

PICTURES_KEPT = 4
_OF_A_FRAME = tuple(name for name, one in COMPONENTS.items() if one.ranks_frames)
PART_S = 0.03
"""For each part of an embedding a camera's pace has to leave so much time; one part is always done."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A frame with what was found in it."""

    frame: Frame
    sighting: Sighting
    failing: tuple[str, ...]
    track: int | None = None
    """Of the passenger, who was alone in the zone."""
    pace_s: float = 0.0
    """The time between this camera's frames, of which some may have been missed."""

    @property
    def merit(self) -> tuple[int, int, float]:
        """Larger is better: a face, few limits missed, all of quality. Knows nothing of the document."""
        return (int(self.sighting.face is not None), -len(self.failing), whole_quality(self.sighting.quality))


@dataclass(frozen=True, slots=True, eq=False)
class Good:
    """A frame that may decide, with its probe."""

    seen: Seen
    probe: Embedding


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A good frame whose probe is being made, part by part."""

    seen: Seen
    parts: Iterator[Embedding | None]


@dataclass(slots=True, eq=False)
class Capture:
    """One capture as it grows."""

    ended: CaptureEnd = CaptureEnd.ABORTED
    frames_seen: int = 0
    looked_at: int = 0
    most_faces: int = 0
    good: list[Good] = field(default_factory=list)
    pending: Pending | None = None
    best: list[Seen] = field(default_factory=list)
    together: Seen | None = None
    """The best frame that shows more than one person in the zone."""
    rejections: Counter[str] = field(default_factory=Counter)
    engine_fault: str | None = None
    stream: StreamWatch | None = None
    """What all frames tell of where they came from; None before the first."""
    looks: Looks = field(default_factory=Looks)

    @property
    def probes(self) -> list[Embedding]:
        """Of the good frames."""
        return [good.probe for good in self.good]

    def progress(self, rule: CaptureRule) -> float:
        """How far it is, 0 to 1."""
        return min(1.0, len(self.good) / rule.good_frames)

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
        """Count a frame, keep it where it is among the best, start anew where it shows somebody else."""
        self.looked_at += 1
        self.looks.see(seen.frame, seen.sighting, seen.track)
        self.most_faces = max(self.most_faces, seen.sighting.faces)
        self.best = _sorted([*self.best, seen])[:PICTURES_KEPT]
        if seen.sighting.faces > 1:
            self.together = _sorted([seen, *([self.together] if self.together else [])])[0]
        self.rejections.update(seen.failing)
        # nobody may come, go or change places between the frames that decide
        self.good = [good for good in self.good if _of_one(good.seen, seen)]
        if self.pending is not None and not _of_one(self.pending.seen, seen):
            self.pending = None

    def for_officer(self) -> tuple[Seen, ...]:
        """The best frames, best first: of who was decided on, and one that shows who else was there."""
        decided = {good.seen.track for good in self.good} if self.ended is CaptureEnd.ENOUGH else None
        best = [seen for seen in self.best if decided is None or seen.track in decided]
        best = _sorted(dict.fromkeys([*best, *(good.seen for good in self.good)]))[:PICTURES_KEPT]
        if self.together is None or self.together in best:
            return tuple(best)
        return (*best[: PICTURES_KEPT - 1], self.together)

    def forget_before(self, moment_s: float) -> None:
        """Good frames from before this monotonic time decide nothing any more."""
        self.good = [good for good in self.good if good.seen.frame.captured_monotonic_s >= moment_s]


@dataclass(frozen=True, slots=True)
class Booth:
    """Where captures are taken: what looks, by which rules, and what tells the traveller what would help."""

    camera: FrameSource
    measurer: Measurer
    policy: Policy
    clock: Clock
    guide: Guide = nobody_guides


def capture(taken: Capture, booth: Booth, question: Question, watch: Stopwatch) -> None:
    """Fill `taken`, until the good frames settle the question, time is up, the passenger left or a fault.

    A question that is settled before the passenger was looked at for the policy's least time stays settled as
    long as it is the same passenger: what comes until then is looked at, for cues of movement, and decides
    nothing.
    """
    settled = False
    try:
        for seen in _looked_at(taken, booth, watch):
            taken.note(seen)
            taken.forget_before(seen.frame.captured_monotonic_s - booth.policy.capture.max_span_s)
            settled = settled and bool(taken.good)  # none is left where somebody else came, or they are old
            if not settled:
                settled = _embed(taken, booth, seen, watch) and question.settled_by(taken.probes, watch)
            if settled and taken.looks.last_s(seen.frame) >= booth.policy.capture.least_s:
                taken.ended = CaptureEnd.ENOUGH
                return
            with watch.time("liveness"):
                taken.looks.get_ahead(seen.pace_s)
    except CameraError:
        taken.ended = CaptureEnd.CAMERA_LOST
    except ModelError as error:
        taken.engine_fault = type(error).__name__
    if taken.ended is CaptureEnd.TIMEOUT:
        taken.forget_before(booth.clock.monotonic_s() - booth.policy.capture.max_span_s)
        if len(taken.good) >= booth.policy.capture.good_frames:
            taken.ended = CaptureEnd.ENOUGH  # more would have been looked at, but what is there may decide


def _embed(taken: Capture, booth: Booth, seen: Seen, watch: Stopwatch) -> bool:
    """Work on the probe of a good frame for as long as a frame's time allows; True where one was done.

    How much that is follows from the camera's pace and from nothing that a clock says here, so that the
    same frames give the same evidence on each machine.
    """
    for _ in range(max(1, int(seen.pace_s / PART_S))):
        if taken.pending is None:
            if seen.failing:
                return False
            taken.pending = Pending(seen, booth.measurer.embed_by_parts(seen.sighting, watch))
        probe = next(taken.pending.parts)
        if probe is not None:
            taken.good.append(Good(taken.pending.seen, probe))
            taken.pending = None
            return True
    return False


def _looked_at(taken: Capture, booth: Booth, watch: Stopwatch) -> Iterator[Seen]:
    """Fresh frames with what is in them, until time is up or the passenger has left."""
    eye = _Eye(booth, watch)
    for frame in _fresh(taken, booth, watch):
        seen = eye.look(frame)
        if eye.scene.left:
            taken.ended = CaptureEnd.TURNED_BACK
            return
        yield seen
        booth.guide(eye.instruction(seen), taken.progress(booth.policy.capture))


def _fresh(taken: Capture, booth: Booth, watch: Stopwatch) -> Iterator[Frame]:
    """Frames until time is up; a stale or frozen one decides nothing."""
    until = booth.clock.monotonic_s() + booth.policy.capture.timeout_s
    last: Frame | None = None
    stream = taken.stream = StreamWatch(booth.policy.stream)
    for frame in booth.camera.frames():
        if booth.clock.monotonic_s() > until:
            taken.ended = CaptureEnd.TIMEOUT
            return
        taken.frames_seen += 1
        with watch.time("stream"):
            stream.see(frame)
        unfit = _unfit(frame, last, booth.policy.capture, booth.clock)
        if unfit:
            taken.rejections[unfit] += 1
            continue
        last = frame
        yield frame
    taken.ended = CaptureEnd.CAMERA_LOST


class _Eye:
    """Looks at one frame after another: who is there, how good the picture is, what would help."""

    def __init__(self, booth: Booth, watch: Stopwatch) -> None:
        self._booth, self._watch = booth, watch
        self._tracker = Tracker(booth.policy.zone, booth.policy.capture.second_face_ratio)
        self._last: Seen | None = None
        self._told: Told | None = None
        self.scene = Scene()

    def look(self, frame: Frame) -> Seen:
        """Raises ModelError where a network fails."""
        measurer, image_bgr = self._booth.measurer, frame.image_bgr
        height, width = image_bgr.shape[:2]
        found = measurer.find(image_bgr, self._watch)
        self.scene = self._tracker.update(found, frame.captured_monotonic_s, (width, height))
        track = self.scene.passenger.number if self.scene.passenger else None
        faces = [one.face for one in self.scene.inside]
        sighting = measurer.look_at(image_bgr, faces, self._watch, self._before(frame, track))
        self._last = Seen(frame, sighting, failing(sighting, self._booth.policy), track, self._pace_s(frame))
        return self._last

    def _pace_s(self, frame: Frame) -> float:
        if self._last is None:
            return 0.0
        before = self._last.frame
        since_s = frame.captured_monotonic_s - before.captured_monotonic_s
        return since_s / (frame.sequence - before.sequence)

    def instruction(self, seen: Seen) -> Instruction:
        """What the traveller reads now, after this frame."""
        limits = self._booth.policy.quality.live
        wanted = instruction_for(self.scene, lacking(seen.sighting.quality, limits))
        self._told = next_told(self._told, wanted, seen.frame.captured_monotonic_s)
        return self._told.instruction

    def _before(self, frame: Frame, track: int | None) -> Before | None:
        """The same passenger one frame earlier."""
        last = self._last
        if last is None or last.sighting.face is None or track is None or last.track != track:
            return None
        return Before(last.sighting.face, frame.captured_monotonic_s - last.frame.captured_monotonic_s)


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
    return later and not same_pixels(frame.image_bgr, last.image_bgr)  # a live sensor has noise


def failing(sighting: Sighting, policy: Policy) -> tuple[str, ...]:
    """What keeps a picture from deciding: not exactly one face, or the components that miss their limit."""
    if sighting.faces != 1:
        return ("no_face",) if sighting.faces == 0 else ("several_faces",)
    return beyond_limits(sighting.quality, policy.quality.live)


def _of_one(before: Seen, seen: Seen) -> bool:
    """Whether both show one passenger, followed from one to the other without a gap."""
    return before.track is not None and before.track == seen.track


def _sorted(seen: Iterable[Seen]) -> list[Seen]:
    return sorted(seen, key=lambda one: one.merit, reverse=True)


def whole_quality(quality: Mapping[str, Measure]) -> float:
    """The mean of the components, each from 0 to 100 as the standard maps it; 0 for what was not assessed."""
    values = [mapped(name, quality.get(name, NotAssessed("not measured"))) for name in _OF_A_FRAME]
    return sum(value.value for value in values if isinstance(value, Measured)) / len(_OF_A_FRAME)
