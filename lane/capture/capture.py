"""Looks at frames until enough of them are good, or time is up; keeps the best for the officer."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lane.cameras.frame import Frame, same_pixels
from lane.cameras.port import FrameSource
from lane.capture.guidance import (
    Guide,
    Instruction,
    ShownInstruction,
    instruction_for,
    missed_limits,
    next_instruction,
    no_guide,
)
from lane.capture.liveness_frames import LivenessFrames
from lane.capture.measuring import Measurer, Question, Sighting, Stopwatch
from lane.capture.stream_check import StreamWatch
from lane.capture.tracking import Scene, Tracker
from lane.decision.evidence import CaptureEnd, CaptureEvidence
from lane.decision.policy import CaptureRule, Policy, beyond_limits
from lane.platform.clock import Clock
from lane.platform.errors import CameraError
from models.errors import ModelError
from models.quality.components import COMPONENTS, mapped
from models.quality.motion import Before
from models.values.face import Embedding
from models.values.measurement import Measure, Measured, NotAssessed

PICTURES_KEPT = 4
_OF_A_FRAME = tuple(name for name, one in COMPONENTS.items() if one.ranks_frames)
PART_S = 0.03
"""The time between two frames that one part of an embedding needs; one part is always done."""


@dataclass(frozen=True, slots=True, eq=False)
class AssessedFrame:
    """A frame with what was found in it."""

    frame: Frame
    sighting: Sighting
    failing: tuple[str, ...]
    track: int | None = None
    """The number of the passenger's track; None unless the passenger was alone in the zone."""
    pace_s: float = 0.0
    """The time between two frames of this camera, counting those that were missed."""

    @property
    def merit(self) -> tuple[int, int, float]:
        """Larger is better: a face, few limits missed, overall quality. Independent of the document."""
        return (
            int(self.sighting.face is not None),
            -len(self.failing),
            overall_quality(self.sighting.quality),
        )


@dataclass(frozen=True, slots=True, eq=False)
class GoodFrame:
    """A frame that may decide, with its probe."""

    assessed: AssessedFrame
    probe: Embedding


@dataclass(slots=True, eq=False)
class Capture:
    ended: CaptureEnd = CaptureEnd.ABORTED
    frames_seen: int = 0
    looked_at: int = 0
    most_faces: int = 0
    good: list[GoodFrame] = field(default_factory=list)
    pending: tuple[AssessedFrame, Iterator[Embedding | None]] | None = None
    """A good frame, and its probe, which is being made part by part."""
    best: list[AssessedFrame] = field(default_factory=list)
    with_others: AssessedFrame | None = None
    """The best frame that shows more than one person in the zone."""
    rejections: Counter[str] = field(default_factory=Counter)
    engine_fault: str | None = None
    stream: StreamWatch | None = None
    """Checks that the frames come from the camera; None before the first frame."""
    liveness_frames: LivenessFrames = field(default_factory=LivenessFrames)

    @property
    def probes(self) -> list[Embedding]:
        return [good.probe for good in self.good]

    def progress(self, rule: CaptureRule) -> float:
        """The share of the good frames that are needed, 0 to 1."""
        return min(1.0, len(self.good) / rule.good_frames)

    def evidence(self) -> CaptureEvidence:
        """What the decision needs to know of this capture."""
        faces: Measure = NotAssessed("no frame was looked at")
        if self.looked_at > 0:
            faces = Measured(1 if self.ended is CaptureEnd.ENOUGH else self.most_faces)
        return CaptureEvidence(self.ended, self.frames_seen, faces, len(self.good), dict(self.rejections))

    def quality(self) -> Mapping[str, Measure]:
        """The quality of the best frame, by component."""
        chosen = [good.assessed for good in self.good] or self.best
        return max(chosen, key=lambda assessed: assessed.merit).sighting.quality if chosen else {}

    def add(self, assessed: AssessedFrame) -> None:
        """Count a frame, keep it if it is among the best, drop good frames of another passenger."""
        self.looked_at += 1
        self.liveness_frames.see(assessed.frame, assessed.sighting, assessed.track)
        self.most_faces = max(self.most_faces, assessed.sighting.faces)
        self.best = _sorted([*self.best, assessed])[:PICTURES_KEPT]
        if assessed.sighting.faces > 1:
            self.with_others = _sorted([assessed, *([self.with_others] if self.with_others else [])])[0]
        self.rejections.update(assessed.failing)
        # nobody may come, go or change places between the frames that decide
        self.good = [good for good in self.good if _same_passenger(good.assessed, assessed)]
        if self.pending is not None and not _same_passenger(self.pending[0], assessed):
            self.pending = None

    def frames_for_officer(self) -> tuple[AssessedFrame, ...]:
        """The best frames of the passenger, best first, and one that shows other people in the zone."""
        decided = {good.assessed.track for good in self.good} if self.ended is CaptureEnd.ENOUGH else None
        best = [assessed for assessed in self.best if decided is None or assessed.track in decided]
        best = _sorted(dict.fromkeys([*best, *(good.assessed for good in self.good)]))[:PICTURES_KEPT]
        if self.with_others is None or self.with_others in best:
            return tuple(best)
        return (*best[: PICTURES_KEPT - 1], self.with_others)

    def forget_before(self, moment_s: float) -> None:
        """Drop good frames from before this monotonic time."""
        self.good = [good for good in self.good if good.assessed.frame.captured_monotonic_s >= moment_s]


@dataclass(frozen=True, slots=True)
class CaptureSetup:
    camera: FrameSource
    measurer: Measurer
    policy: Policy
    clock: Clock
    guide: Guide = no_guide


def run_capture(capture: Capture, setup: CaptureSetup, question: Question, watch: Stopwatch) -> None:
    """Fill the capture until the good frames settle the question, time is up, the passenger left or a fault.

    A question may be settled before the policy's least time is over. It then stays settled as long as the
    same passenger is there; the frames until then serve liveness cues and decide nothing.
    """
    settled = False
    try:
        for assessed in _assessed_frames(capture, setup, watch):
            capture.add(assessed)
            capture.forget_before(assessed.frame.captured_monotonic_s - setup.policy.capture.max_span_s)
            settled = settled and bool(capture.good)  # none is left where somebody else came, or they are old
            if not settled:
                settled = _embed(capture, setup, assessed, watch) and question.settled_by(
                    capture.probes, watch
                )
            if settled and capture.liveness_frames.last_s(assessed.frame) >= setup.policy.capture.least_s:
                capture.ended = CaptureEnd.ENOUGH
                return
            with watch.time("liveness"):
                capture.liveness_frames.get_ahead(assessed.pace_s)
    except CameraError:
        capture.ended = CaptureEnd.CAMERA_LOST
    except ModelError as error:
        capture.engine_fault = type(error).__name__
    if capture.ended is CaptureEnd.TIMEOUT:
        capture.forget_before(setup.clock.monotonic_s() - setup.policy.capture.max_span_s)
        if len(capture.good) >= setup.policy.capture.good_frames:
            capture.ended = CaptureEnd.ENOUGH  # more would have been looked at, but what is there may decide


def _embed(capture: Capture, setup: CaptureSetup, assessed: AssessedFrame, watch: Stopwatch) -> bool:
    """Embed a good frame part by part, as far as the time of a frame allows; True once a probe is complete.

    The number of parts follows from the camera's pace and not from a clock, so that the same frames give the
    same evidence on every machine.
    """
    for _ in range(max(1, int(assessed.pace_s / PART_S))):
        if capture.pending is None:
            if assessed.failing:
                return False
            capture.pending = assessed, setup.measurer.embed_by_parts(assessed.sighting, watch)
        begun, parts = capture.pending
        probe = next(parts)
        if probe is not None:
            capture.good.append(GoodFrame(begun, probe))
            capture.pending = None
            return True
    return False


def _assessed_frames(capture: Capture, setup: CaptureSetup, watch: Stopwatch) -> Iterator[AssessedFrame]:
    """Fresh frames, assessed, until time is up or the passenger has left."""
    assessor = _FrameAssessor(setup, watch)
    for frame in _fresh_frames(capture, setup, watch):
        assessed = assessor.look(frame)
        if assessor.scene.left:
            capture.ended = CaptureEnd.TURNED_BACK
            return
        yield assessed
        setup.guide(assessor.instruction(assessed), capture.progress(setup.policy.capture))


def _fresh_frames(capture: Capture, setup: CaptureSetup, watch: Stopwatch) -> Iterator[Frame]:
    """Frames until time is up, without stale and frozen ones."""
    until = setup.clock.monotonic_s() + setup.policy.capture.timeout_s
    last: Frame | None = None
    stream = capture.stream = StreamWatch(setup.policy.stream)
    for frame in setup.camera.frames():
        if setup.clock.monotonic_s() > until:
            capture.ended = CaptureEnd.TIMEOUT
            return
        capture.frames_seen += 1
        with watch.time("stream"):
            stream.see(frame)
        rejection = _why_rejected(frame, last, setup.policy.capture, setup.clock)
        if rejection:
            capture.rejections[rejection] += 1
            continue
        last = frame
        yield frame
    capture.ended = CaptureEnd.CAMERA_LOST


class _FrameAssessor:
    """Assesses one frame after another: who is there, how good the picture is, which instruction helps."""

    def __init__(self, setup: CaptureSetup, watch: Stopwatch) -> None:
        self._setup, self._watch = setup, watch
        self._tracker = Tracker(setup.policy.zone, setup.policy.capture.second_face_ratio)
        self._last: AssessedFrame | None = None
        self._shown: ShownInstruction | None = None
        self.scene = Scene()

    def look(self, frame: Frame) -> AssessedFrame:
        """Raises ModelError where a network fails."""
        measurer, image_bgr = self._setup.measurer, frame.image_bgr
        height, width = image_bgr.shape[:2]
        found = measurer.find(image_bgr, self._watch)
        self.scene = self._tracker.update(found, frame.captured_monotonic_s, (width, height))
        track = self.scene.passenger.number if self.scene.passenger else None
        faces = [one.face for one in self.scene.inside]
        sighting = measurer.look_at(image_bgr, faces, self._watch, self._before(frame, track))
        self._last = AssessedFrame(
            frame, sighting, failing(sighting, self._setup.policy), track, self._pace_s(frame)
        )
        return self._last

    def _pace_s(self, frame: Frame) -> float:
        if self._last is None:
            return 0.0
        before = self._last.frame
        since_s = frame.captured_monotonic_s - before.captured_monotonic_s
        return since_s / (frame.sequence - before.sequence)

    def instruction(self, assessed: AssessedFrame) -> Instruction:
        """What the traveller reads after this frame."""
        limits = self._setup.policy.quality.live
        wanted = instruction_for(self.scene, missed_limits(assessed.sighting.quality, limits))
        self._shown = next_instruction(self._shown, wanted, assessed.frame.captured_monotonic_s)
        return self._shown.instruction

    def _before(self, frame: Frame, track: int | None) -> Before | None:
        """The same passenger's face one frame earlier, for motion."""
        last = self._last
        if last is None or last.sighting.face is None or track is None or last.track != track:
            return None
        return Before(last.sighting.face, frame.captured_monotonic_s - last.frame.captured_monotonic_s)


def _why_rejected(frame: Frame, last: Frame | None, rule: CaptureRule, clock: Clock) -> str | None:
    """Why this frame is not assessed: too old, from another clock, or the same as the last one."""
    age_s = clock.monotonic_s() - frame.captured_monotonic_s
    if not 0 <= age_s <= rule.max_frame_age_s:  # NaN and other clocks compare false
        return "age"
    if last is None:
        return None
    later = frame.sequence > last.sequence and frame.captured_monotonic_s > last.captured_monotonic_s
    if later and not same_pixels(frame.image_bgr, last.image_bgr):  # a live sensor has noise
        return None
    return "frozen"


def failing(sighting: Sighting, policy: Policy) -> tuple[str, ...]:
    """Why a picture may not decide: not exactly one face, or the components that miss their limit."""
    if sighting.faces != 1:
        return ("no_face",) if sighting.faces == 0 else ("several_faces",)
    return beyond_limits(sighting.quality, policy.quality.live)


def _same_passenger(before: AssessedFrame, assessed: AssessedFrame) -> bool:
    """Whether both show one passenger, followed from one to the other without a gap."""
    return before.track is not None and before.track == assessed.track


def _sorted(assessed: Iterable[AssessedFrame]) -> list[AssessedFrame]:
    return sorted(assessed, key=lambda one: one.merit, reverse=True)


def overall_quality(quality: Mapping[str, Measure]) -> float:
    """The mean of the components, each from 0 to 100 as the standard maps it; 0 for what was not assessed."""
    values = [mapped(name, quality.get(name, NotAssessed("not measured"))) for name in _OF_A_FRAME]
    return sum(value.value for value in values if isinstance(value, Measured)) / len(_OF_A_FRAME)
