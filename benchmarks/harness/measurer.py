"""The lane's own measuring, as a lane would build it, and one frame through all that it does, by stage."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import FRAMES_PER_SECOND, Walk
from benchmarks.harness.timing import StageWatch
from lane.capture.measuring import Measurer, Sighting, agreed_similarity, faces_that_count
from lane.capture.reference import examine, unexamined
from lane.decision.calibration import Band
from lane.decision.decide import Admit, decide
from lane.decision.evidence import CaptureEnd, CaptureEvidence, Check, DeskContact, Evidence, StreamEvidence
from lane.decision.policy import Policy, load
from lane.passage.judge import gather
from models.networks.build import build_networks
from models.quality.motion import Before
from models.runtime.onnx_runtime import RuntimeSettings
from models.runtime.providers import CPU
from models.values.face import Face, ImageBGR
from models.values.measurement import Measure, Measured

STAGES = ("detect", "quality", "align", "embed", "compare", "decide")


def shipped_policy() -> Policy:
    """The shipped rules: what a benchmark measures is what the product does."""
    return load()


def build_measurer(
    rules: Policy,
    *,
    provider: str = CPU,
    threads: int | None = None,
    matchers: Sequence[str] = (),
    bf16: bool = False,
) -> Measurer:
    """Networks on exactly this provider; ProviderError where it does not run them whole.

    `matchers` are names of the catalogue, beside the lane's own. With `bf16` that one computes in bfloat16,
    as a lane with `[engine] bf16 = "require"`; ProviderError where it cannot.
    """
    settings = replace(runtime_settings(provider, threads), bf16="require" if bf16 else "never")
    networks = build_networks(settings, matchers=matchers)
    return Measurer(networks, second_face_ratio=rules.capture.second_face_ratio)


def admission_band(rules: Policy, measurer: Measurer) -> Band:
    """Where the rules admit by these networks; PolicyError that says more than an admission that fails."""
    embedder = measurer.networks.embedder
    return rules.check(embedder.identity, embedder.arithmetic)


def runtime_settings(provider: str, threads: int | None) -> RuntimeSettings:
    """Exactly this provider, without a way back to the CPU."""
    return RuntimeSettings("cpu" if provider == CPU else "require", provider, threads)


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
