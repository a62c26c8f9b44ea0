"""One document photo against live pictures, by the lane's measuring and policy; nothing moves."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lane.cameras.frame import Frame
from lane.capture.capture import AssessedFrame, failing
from lane.capture.measuring import Measurer, Stopwatch, agreed_similarity
from lane.capture.reference import examine, unexamined
from lane.decision.decide import Admit, Refer, decide
from lane.decision.evidence import CaptureEnd, CaptureEvidence, DeskContact, Evidence
from lane.decision.policy import Policy
from lane.document.travel_document import TravelDocument
from lane.passage.judge import gather
from lane.platform.clock import Clock
from lane.platform.errors import PictureError
from models.errors import ImageError, ModelError
from models.image import read
from models.quality.components import mapped
from models.values.face import ImageBGR
from models.values.measurement import Measure, Measured

STAGES = ("detect", "align", "quality", "embed", "compare", "total")


@dataclass(frozen=True, slots=True)
class Comparison:
    evidence: Evidence
    outcome: Admit | Refer
    policy: Policy
    timings_ms: dict[str, float]

    def plain(self) -> dict[str, Any]:
        """As JSON values; what was not assessed is null."""
        reasons = self.outcome.reasons
        band, rate = self.policy.band(self.evidence.matcher), self.evidence.achieved_fmr
        return {
            "outcome": self.outcome.word,
            "reasons": [reason.code.value for reason in reasons],
            "components": {
                reason.code.value: list(reason.components) for reason in reasons if reason.components
            },
            "remarks": [reason.code.value for reason in self.outcome.remarks],
            "similarity": _number(self.evidence.similarity),
            # Not rounded: a small rate must not become none.
            "achieved_fmr": rate.value if isinstance(rate, Measured) else None,
            "threshold": band and band.admit,
            "borderline": band and band.borderline,
            "holders_below_threshold": band and band.holders_below,
            "accepted_referral_load": self.policy.comparison.accepted_referral_load,
            "matcher": {"name": self.evidence.matcher.name, "sha256": self.evidence.matcher.sha256},
            "quality": {name: _number(measure) for name, measure in self.evidence.quality.items()},
            "quality_mapped": {
                name: _number(mapped(name, measure)) for name, measure in self.evidence.quality.items()
            },
            "timings_ms": {stage: self.timings_ms[stage] for stage in STAGES},
        }


def compare_pictures(
    document: Path, live: Sequence[Path], measurer: Measurer, policy: Policy, clock: Clock
) -> Comparison:
    """Raises PictureError for a picture that cannot be read, ModelError where a network fails."""
    rules = policy.for_pictures()
    frames = [_frame(number, path, clock) for number, path in enumerate(live)]
    photo = _document(document)
    watch = Stopwatch()
    stated = unexamined(photo, clock.now().date(), rules.person.capture_from_age)
    reference = examine(photo, stated, measurer, watch)
    if reference.evidence.photo_fault is not None:
        raise PictureError(f"{document}: the picture cannot be used ({reference.evidence.photo_fault})")
    if reference.engine_fault is not None:
        raise ModelError(f"a network failed on {document}: {reference.engine_fault}")
    sightings = [measurer.look(frame.image_bgr, watch) for frame in frames]
    taken = [
        AssessedFrame(frame, sighting, failing(sighting, rules))
        for frame, sighting in zip(frames, sightings, strict=True)
    ]
    probes = [measurer.embed(assessed.sighting, watch) for assessed in _chosen(taken)]
    evidence = gather(
        measurer,
        rules,
        document=reference.evidence,
        capture=_account(taken),
        quality=max(_good(taken) or taken, key=lambda assessed: assessed.merit).sighting.quality,
        similarity=agreed_similarity(reference.embedding, probes, watch),
        desk=DeskContact.REACHED,
        models_unchanged=True,
    )
    return Comparison(evidence, decide(evidence, rules), rules, watch.timings_ms())


def read_picture(path: Path) -> ImageBGR:
    """Raises PictureError."""
    try:
        return read(path)
    except ImageError as error:
        raise PictureError(str(error)) from error


def _chosen(taken: Sequence[AssessedFrame]) -> list[AssessedFrame]:
    """The good ones; where none is good, the best with one face is compared all the same."""
    with_face = sorted(
        (assessed for assessed in taken if assessed.sighting.faces == 1), key=lambda assessed: assessed.merit
    )
    return _good(taken) or with_face[-1:]


def _good(taken: Sequence[AssessedFrame]) -> list[AssessedFrame]:
    return [assessed for assessed in taken if not assessed.failing]


def _account(taken: Sequence[AssessedFrame]) -> CaptureEvidence:
    good = len(_good(taken))
    ended = CaptureEnd.ENOUGH if good else CaptureEnd.TIMEOUT
    faces = Measured(max(assessed.sighting.faces for assessed in taken))
    rejections = Counter(component for assessed in taken for component in assessed.failing)
    return CaptureEvidence(ended, len(taken), faces, good, dict(rejections))


def _document(path: Path) -> TravelDocument:
    try:
        return TravelDocument(path.read_bytes(), expires_on=None)
    except OSError as error:
        raise PictureError(f"{path}: {error.strerror}") from error


def _frame(number: int, path: Path, clock: Clock) -> Frame:
    return Frame("file", number, clock.now(), clock.monotonic_s(), read_picture(path))


def _number(measure: Measure) -> float | None:
    return round(measure.value, 6) if isinstance(measure, Measured) else None
