"""One frame through everything a lane does to it, timed by stage; its result is checked, untimed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import FRAMES_PER_SECOND, Walk
from benchmarks.harness.timing import StageWatch
from lane.capture.measuring import Measurer, Sighting, agreed_similarity, faces_that_count
from lane.capture.reference import examine, unexamined
from lane.decision.decide import Admit, decide
from lane.decision.evidence import CaptureEnd, CaptureEvidence, Check, DeskContact, Evidence, StreamEvidence
from lane.decision.policy import Policy
from lane.passage.judge import gather
from models.quality.face.motion import Before
from models.values.face import Face, ImageBGR
from models.values.measurement import Measure, Measured

STAGES = ("detect", "quality", "align", "embed", "compare", "decide")


@dataclass(frozen=True, slots=True)
class Sample:
    """The nanoseconds of one pass: each stage, and the whole from frame to decision."""

    stages_ns: dict[str, int]
    whole_ns: int


class LanePass:
    """A lane's measuring and rules with one document in hand. Raises PolicyError without a threshold."""

    def __init__(self, measurer: Measurer, rules: Policy, walk: Walk) -> None:
        self.measurer, self.rules = measurer, rules
        unread = unexamined(walk.document, datetime.now(UTC).date(), rules.person.capture_from_age)
        self._reference = examine(walk.document, unread, measurer, StageWatch())
        self._before: Face | None = None

    def run(self, frame: ImageBGR) -> Sample:
        """Frame in, decision out; BenchmarkError unless it is the admit that this frame deserves.

        The frame is looked at as a capture looks at it: at half scale, then closely at one face.
        """
        watch, started = StageWatch(), time.perf_counter_ns()
        before = Before(self._before, 1 / FRAMES_PER_SECOND) if self._before else None
        found = self.measurer.find(frame, watch)
        faces = faces_that_count(found, self.rules.capture.second_face_ratio)
        sighting = self.measurer.look_at(frame, faces, watch, before)
        probes = [self.measurer.embed(sighting, watch)] if sighting.face else []
        similarity = agreed_similarity(self._reference.embedding, probes, watch)
        with watch.time("decide"):
            outcome = decide(self._evidence(sighting, similarity), self.rules)
        whole_ns = time.perf_counter_ns() - started
        must_be_right = self._before is not None  # a first frame has no motion, which refers
        self._before = sighting.face
        if must_be_right and not isinstance(outcome, Admit):
            codes = [reason.code.value for reason in outcome.reasons]
            raise BenchmarkError(
                f"the holder was not admitted ({codes}): timing wrong answers is worth nothing"
            )
        return Sample({stage: watch.stage_ns(stage) for stage in STAGES}, whole_ns)

    def _evidence(self, sighting: Sighting, similarity: Measure) -> Evidence:
        """As after a capture of as many good frames as the rules want."""
        good = self.rules.capture.good_frames
        evidence = gather(
            self.measurer,
            self.rules,
            document=self._reference.evidence,
            capture=CaptureEvidence(CaptureEnd.ENOUGH, good, Measured(sighting.faces), good, {}),
            quality=sighting.quality,
            similarity=similarity,
            desk=DeskContact.REACHED,
            models_unchanged=True,
        )
        return replace(evidence, stream=StreamEvidence(Check.SUCCESSFUL), clock=Check.SUCCESSFUL)


def warm_up(lane: LanePass, frames: Sequence[ImageBGR]) -> None:
    """Fill caches and the frame before; no sample is kept."""
    for frame in frames:
        lane.run(frame)
