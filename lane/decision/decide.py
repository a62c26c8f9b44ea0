"""Evidence in, admit or refer out: a pure function that reads like the rule book.

It admits only on positive proof of every check; whatever is missing, not a number or failing is a reason to
refer. It never refuses: that is an officer's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from lane.decision.evidence import (
    CaptureEnd,
    CaptureEvidence,
    Check,
    DeskContact,
    DocumentEvidence,
    DocumentKind,
    Evidence,
    to_plain,
)
from lane.decision.policy import Policy, beyond_limits
from lane.decision.reason_codes import Code, Reason, worst_first
from models.quality.components import COMPONENTS, Aspect
from models.values.measurement import Measure, Measured, NotAssessed


@dataclass(frozen=True, slots=True)
class Admit:
    """Every required check was proved. `remarks` are signalled, and stand in the ledger."""

    remarks: tuple[Reason, ...] = ()
    word: ClassVar = "admit"
    reasons: ClassVar[tuple[Reason, ...]] = ()


@dataclass(frozen=True, slots=True)
class Refer:
    """An officer decides; `reasons` worst first."""

    reasons: tuple[Reason, ...]
    remarks: tuple[Reason, ...] = ()
    word: ClassVar = "refer"


def describe(outcome: Admit | Refer) -> dict[str, Any]:
    """As JSON values, for the ledger."""
    reasons, remarks = to_plain(outcome.reasons), to_plain(outcome.remarks)
    return {"outcome": outcome.word, "reasons": reasons, "remarks": remarks}


def decide(evidence: Evidence, policy: Policy) -> Admit | Refer:
    """Admit only on positive proof; anything missing is a reason to refer."""
    rules = RULES_WITHOUT_CAPTURE if _without_capture(evidence, policy) else RULES
    failed = tuple(dict.fromkeys(reason for rule in rules for reason in rule(evidence, policy)))
    remarks = worst_first(tuple(_remarks(evidence, policy)))
    return Refer(worst_first(failed), remarks) if failed else Admit(remarks)


def straight_to_officer(
    document: DocumentEvidence, wishes: tuple[Code, ...], policy: Policy
) -> tuple[Reason, ...]:
    """Why this passenger is not captured and an officer helps at once; none of it counts against them."""
    if policy.for_stills:
        return ()
    reasons = [Reason(code) for code in wishes]
    if document.kind not in (DocumentKind.ORDINARY, None):
        reasons.append(Reason(Code.DIPLOMATIC))
    if document.age is Check.FAILED:
        reasons.append(Reason(Code.CHILD))
    unknown = {"kind": document.kind is None, "age": document.age not in (Check.SUCCESSFUL, Check.FAILED)}
    missing = tuple(name for name, holds in unknown.items() if holds)
    if missing and policy.person.when_unknown == "refer":
        reasons.append(Reason(Code.CHIP_UNREADABLE, missing))
    return tuple(reasons)


def _without_capture(evidence: Evidence, policy: Policy) -> bool:
    """Only where something else refers: a capture that is merely missing is a fault."""
    skipped = evidence.capture.ended is CaptureEnd.NOT_TAKEN
    return skipped and bool(straight_to_officer(evidence.document, evidence.wishes, policy))


def _person(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    yield from straight_to_officer(evidence.document, evidence.wishes, policy)


def _events(evidence: Evidence, _: Policy) -> Iterator[Reason]:
    yield from (Reason(code) for code in evidence.events)


def _clock_sound(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if not policy.for_stills and evidence.clock is not Check.SUCCESSFUL:
        yield Reason(Code.CLOCK_WRONG)


def _genuine_stream(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if policy.for_stills:
        return
    if evidence.stream.genuine is Check.FAILED:
        yield Reason(Code.STREAM_INJECTED, evidence.stream.signs)
    elif evidence.stream.genuine is not Check.SUCCESSFUL and evidence.capture.ended is CaptureEnd.ENOUGH:
        yield Reason(Code.ATTACK_DETECTION_UNAVAILABLE, ("stream",))


def _unchanged(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if not evidence.models_unchanged:
        yield Reason(Code.MODEL_CHANGED)
    if policy.band(evidence.matcher) is None:
        yield Reason(Code.MODEL_CHANGED, ("matcher",))


def _engine_ran(evidence: Evidence, _: Policy) -> Iterator[Reason]:
    if evidence.engine_fault is not None:
        yield Reason(Code.ENGINE_LOST)


def _document_valid(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if not policy.for_stills and evidence.document.expiry is not Check.SUCCESSFUL:
        yield Reason(Code.DOCUMENT_EXPIRED)


def _document_checked(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    """Every required check was proved, and none was disproved, whether it is required or not."""
    checks = evidence.document.checks
    failed = [name for name, result in checks.items() if result is Check.FAILED]
    yield from (Reason(FAILED_CHECKS.get(name, Code.SECURITY_OBJECT_BAD), (name,)) for name in failed)
    required = policy.document.required_checks
    missing = [name for name in required if checks.get(name) is not Check.SUCCESSFUL and name not in failed]
    if missing:
        yield Reason(Code.CHIP_UNREADABLE, tuple(missing))


FAILED_CHECKS: dict[str, Code] = {}
"""What a failed check of the document stands for, by its name; D03 for one without an entry."""


def _photo_usable(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if evidence.document.photo_fault is not None:
        yield Reason(Code.DOCUMENT_PHOTO_UNUSABLE, (evidence.document.photo_fault,))
    elif _engine_says_why(evidence, evidence.document.photo_faces):
        return
    elif evidence.document.photo_faces != Measured(1):
        yield Reason(Code.DOCUMENT_PHOTO_UNUSABLE, ("faces",))
    elif failing := beyond_limits(evidence.document.photo_quality, policy.quality.document):
        yield Reason(Code.DOCUMENT_PHOTO_UNUSABLE, failing)


def _engine_says_why(evidence: Evidence, measure: Measure) -> bool:
    """S01 refers already: a system fault never counts against the person."""
    return evidence.engine_fault is not None and not isinstance(measure, Measured)


def _one_face(evidence: Evidence, _: Policy) -> Iterator[Reason]:
    lost = evidence.capture.ended is CaptureEnd.CAMERA_LOST  # S05 says why nobody was seen
    match evidence.capture.faces_in_view:
        case Measured(1):
            return
        case Measured(value) if value > 1:
            yield Reason(Code.SEVERAL_FACES)
        case Measured() if not lost:
            yield Reason(Code.NO_FACE)
        case NotAssessed() if not lost:
            yield Reason(Code.TIMEOUT)


def _enough_frames(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    capture = evidence.capture
    if capture.ended is CaptureEnd.CAMERA_LOST:
        yield Reason(Code.CAMERA_DRIFT, ("lost",))
    elif capture.ended is CaptureEnd.TURNED_BACK:
        yield Reason(Code.TURNED_BACK)
    elif capture.ended is not CaptureEnd.ENOUGH or capture.good_frames < policy.capture.good_frames:
        yield Reason(Code.OVERLOAD if _overloaded(capture) else Code.TIMEOUT)


def _overloaded(capture: CaptureEvidence) -> bool:
    """Most frames came too late to be looked at: no fault of the passenger's."""
    return 2 * capture.rejections.get("age", 0) > capture.frames_seen


def _good_quality(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    faces = evidence.capture.faces_in_view
    if not (isinstance(faces, Measured) and faces.value >= 1):
        return  # _one_face refers: without a face there is no quality to speak of
    if evidence.engine_fault is not None and not evidence.quality:
        return  # _engine_ran refers
    failing = beyond_limits(evidence.quality, policy.quality.live)
    if failing:
        yield Reason(Code.QUALITY, failing)
    measured = {name for name in failing if isinstance(evidence.quality.get(name), Measured)}
    yield from (Reason(code) for code, names in _OWN_CODE.items() if names & measured)


_OWN_CODE = {
    code: {name for name, one in COMPONENTS.items() if one.aspect is aspect}
    for aspect, code in {
        Aspect.COVER: Code.OCCLUSION,
        Aspect.MOTION: Code.MOTION,
        Aspect.POSE: Code.POSE,
        Aspect.LIGHT: Code.LIGHT,
    }.items()
}
"""Codes that say what is the matter, beside F04, which names the components; only of what was measured."""


def _same_person(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    band = policy.band(evidence.matcher)
    if band is None:
        return  # _unchanged refers: a score without its threshold says nothing
    match evidence.similarity:
        case Measured(value) if value >= band.admit:
            return
        case Measured(value) if value >= band.borderline:
            yield Reason(Code.BORDERLINE)
        case Measured():
            yield Reason(Code.NO_MATCH)
        case _ if not any(_photo_usable(evidence, policy)):
            yield Reason(Code.TIMEOUT)  # otherwise D16 says why there was nothing to compare with


def _live(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    match evidence.liveness:
        case Measured(value) if value >= policy.liveness.minimum:
            return
        case Measured():
            yield Reason(Code.ATTACK_ALARM)
        case _ if policy.liveness.when_not_assessed != "signal":
            yield Reason(Code.ATTACK_DETECTION_UNAVAILABLE)


def _desk_reached(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if policy.desk.when_lost != "signal":
        yield from _desk_lost(evidence)


RULES_WITHOUT_CAPTURE: tuple[Callable[[Evidence, Policy], Iterator[Reason]], ...] = (
    _unchanged,
    _engine_ran,
    _clock_sound,
    _person,
    _events,
    _document_valid,
    _document_checked,
    _desk_reached,
)
RULES = (
    *RULES_WITHOUT_CAPTURE,
    _photo_usable,
    _one_face,
    _enough_frames,
    _good_quality,
    _same_person,
    _live,
    _genuine_stream,
)


def _remarks(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    if isinstance(evidence.liveness, NotAssessed) and policy.liveness.when_not_assessed == "signal":
        yield Reason(Code.ATTACK_DETECTION_UNAVAILABLE)
    if policy.desk.when_lost == "signal":
        yield from _desk_lost(evidence)


def _desk_lost(evidence: Evidence) -> Iterator[Reason]:
    if evidence.desk is not DeskContact.REACHED:
        lost = evidence.desk is DeskContact.NETWORK_LOST
        yield Reason(Code.NETWORK_LOST if lost else Code.DESK_LOST)
