"""What is decided: admit on positive proof alone, everything else refers, with its reason."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from math import nextafter
from operator import getitem

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.decision.decide import Admit, Refer, decide
from lane.decision.evidence import (
    CaptureEnd,
    CaptureEvidence,
    Check,
    DeskContact,
    DocumentKind,
    Evidence,
    StreamEvidence,
    from_plain,
    to_plain,
)
from lane.decision.policy import DocumentRule, Policy
from lane.decision.reason_codes import Code, Reason
from lane.passage.picture_comparison import STAGES, Comparison
from models.values.identity import MatcherIdentity
from models.values.measurement import Measure, Measured, NotAssessed
from tests.support.lane.example_evidence import BAND, GOOD, MATCHER, POLICY

UNKNOWN = NotAssessed("not measured")
LIVE, DOCUMENT = tuple(POLICY.quality.live), tuple(POLICY.quality.document)


def codes(evidence: Evidence, policy: Policy = POLICY) -> tuple[Code, ...]:
    outcome = decide(evidence, policy)
    return tuple(reason.code for reason in outcome.reasons) if isinstance(outcome, Refer) else ()


def with_quality(component: str, measure: Measure) -> Evidence:
    return replace(GOOD, quality={**GOOD.quality, component: measure})


def with_photo(**change: object) -> Evidence:
    return replace(GOOD, document=replace(GOOD.document, **change))  # type: ignore[arg-type]  # any field


def with_capture(**change: object) -> Evidence:
    return replace(GOOD, capture=replace(GOOD.capture, **change))  # type: ignore[arg-type]  # any field


def test_positive_proof_admits_with_liveness_signal() -> None:
    """The signal says that liveness was not assessed."""
    assert decide(GOOD, POLICY) == Admit((Reason(Code.ATTACK_DETECTION_UNAVAILABLE),))


FAULTS: dict[str, tuple[Evidence, Code]] = {
    "expired": (with_photo(expiry=Check.FAILED), Code.DOCUMENT_EXPIRED),
    "expiry unreadable": (with_photo(expiry=Check.UNDETERMINED), Code.DOCUMENT_EXPIRED),
    "expiry aborted": (with_photo(expiry=Check.ABORTED), Code.DOCUMENT_EXPIRED),
    "expiry not supported": (with_photo(expiry=Check.NOT_SUPPORTED), Code.DOCUMENT_EXPIRED),
    "photo broken": (with_photo(photo_faces=UNKNOWN, photo_fault="truncated"), Code.DOCUMENT_PHOTO_UNUSABLE),
    "photo without face": (with_photo(photo_faces=Measured(0)), Code.DOCUMENT_PHOTO_UNUSABLE),
    "photo with two faces": (with_photo(photo_faces=Measured(2)), Code.DOCUMENT_PHOTO_UNUSABLE),
    "photo not examined": (with_photo(photo_faces=UNKNOWN), Code.DOCUMENT_PHOTO_UNUSABLE),
    "photo too small": (
        with_photo(photo_quality={"inter_eye_distance_px": Measured(8)}),
        Code.DOCUMENT_PHOTO_UNUSABLE,
    ),
    "photo quality missing": (with_photo(photo_quality={}), Code.DOCUMENT_PHOTO_UNUSABLE),
    "nobody": (with_capture(faces_in_view=Measured(0)), Code.NO_FACE),
    "two people": (with_capture(faces_in_view=Measured(2)), Code.SEVERAL_FACES),
    "faces not counted": (with_capture(faces_in_view=UNKNOWN), Code.TIMEOUT),
    "half a face": (with_capture(faces_in_view=Measured(0.5)), Code.NO_FACE),
    "timeout": (with_capture(ended=CaptureEnd.TIMEOUT), Code.TIMEOUT),
    "camera lost": (with_capture(ended=CaptureEnd.CAMERA_LOST), Code.CAMERA_DRIFT),
    "frames too late": (
        with_capture(ended=CaptureEnd.TIMEOUT, frames_seen=9, rejections={"age": 5}),
        Code.OVERLOAD,
    ),
    "turned back": (with_capture(ended=CaptureEnd.TURNED_BACK), Code.TURNED_BACK),
    "capture left out": (with_capture(ended=CaptureEnd.NOT_TAKEN), Code.TIMEOUT),
    "diplomat": (with_photo(kind=DocumentKind.DIPLOMATIC), Code.DIPLOMATIC),
    "official": (with_photo(kind=DocumentKind.OFFICIAL), Code.DIPLOMATIC),
    "United Nations": (with_photo(kind=DocumentKind.UNITED_NATIONS), Code.DIPLOMATIC),
    "kind unknown": (with_photo(kind=None), Code.CHIP_UNREADABLE),
    "child": (with_photo(age=Check.FAILED), Code.CHILD),
    "age unknown": (with_photo(age=Check.UNDETERMINED), Code.CHIP_UNREADABLE),
    "no face, please": (replace(GOOD, wishes=(Code.DECLINES_FACE,)), Code.DECLINES_FACE),
    "followed": (replace(GOOD, events=(Code.TAILGATING,)), Code.TAILGATING),
    "replayed": (
        replace(GOOD, stream=StreamEvidence(Check.FAILED, ("repeated",))),
        Code.STREAM_INJECTED,
    ),
    "stream not examined": (replace(GOOD, stream=StreamEvidence()), Code.ATTACK_DETECTION_UNAVAILABLE),
    "clock set": (replace(GOOD, clock=Check.FAILED), Code.CLOCK_WRONG),
    "clock unknown": (replace(GOOD, clock=Check.UNDETERMINED), Code.CLOCK_WRONG),
    "too few frames": (with_capture(good_frames=POLICY.capture.good_frames - 1), Code.TIMEOUT),
    "moving": (with_quality("motion", Measured(9)), Code.MOTION),
    "turned away": (with_quality("yaw_deg", Measured(80)), Code.POSE),
    "dark": (with_quality("brightness", Measured(0.01)), Code.LIGHT),
    "burnt out": (with_quality("over_exposure", Measured(0.5)), Code.LIGHT),
    "in a veil": (with_quality("dynamic_range", Measured(2)), Code.LIGHT),
    "dark glasses": (with_quality("eyes_visible", Measured(0.05)), Code.OCCLUSION),
    "behind a hand": (with_quality("mouth_visible", Measured(0.01)), Code.OCCLUSION),
    "partly covered": (with_quality("occlusion", Measured(0.3)), Code.OCCLUSION),
    "compressed": (with_quality("compression", Measured(4)), Code.QUALITY),
    "quality missing": (replace(GOOD, quality={}), Code.QUALITY),
    "borderline": (replace(GOOD, similarity=Measured(BAND.borderline)), Code.BORDERLINE),
    "other person": (replace(GOOD, similarity=Measured(BAND.borderline - 1e-6)), Code.NO_MATCH),
    "not compared": (replace(GOOD, similarity=UNKNOWN), Code.TIMEOUT),
    "attack": (replace(GOOD, liveness=Measured(POLICY.liveness.minimum - 0.01)), Code.ATTACK_ALARM),
    "engine failed": (replace(GOOD, engine_fault="InferenceError"), Code.ENGINE_LOST),
    "network lost": (replace(GOOD, desk=DeskContact.NETWORK_LOST), Code.NETWORK_LOST),
    "desk lost": (replace(GOOD, desk=DeskContact.DESK_LOST), Code.DESK_LOST),
    "model changed": (replace(GOOD, models_unchanged=False), Code.MODEL_CHANGED),
    "other matcher": (
        replace(GOOD, matcher=MatcherIdentity(MATCHER.name, "f" * 64, MATCHER.preprocessing)),
        Code.MODEL_CHANGED,
    ),
    "other preprocessing": (
        replace(GOOD, matcher=replace(MATCHER, preprocessing="f" * 64)),
        Code.MODEL_CHANGED,
    ),
}


@pytest.mark.parametrize(("evidence", "code"), FAULTS.values(), ids=FAULTS)
def test_each_fault_refers_with_its_code(evidence: Evidence, code: Code) -> None:
    assert code in codes(evidence)


@pytest.mark.parametrize("component", LIVE)
@pytest.mark.parametrize("measure", [UNKNOWN, Measured(1e9), Measured(-1e9)], ids=["missing", "high", "low"])
def test_bad_or_missing_component_is_named(component: str, measure: Measure) -> None:
    """One outside its limit or not assessed."""
    limit = POLICY.quality.live[component]
    outcome = decide(with_quality(component, measure), POLICY)
    named = isinstance(outcome, Refer) and Reason(Code.QUALITY, (component,)) in outcome.reasons
    assert named is not limit.holds(measure)


@pytest.mark.parametrize("component", ["motion", "yaw_deg", "brightness", "occlusion"])
def test_unmeasured_quality_accuses_of_nothing(component: str) -> None:
    """What was not measured is no movement, and nothing that covers a face."""
    assert codes(with_quality(component, UNKNOWN)) == (Code.QUALITY,)


def test_engine_fault_never_blames_person() -> None:
    blind = replace(
        GOOD,
        document=replace(GOOD.document, photo_faces=UNKNOWN, photo_quality={}),
        capture=replace(GOOD.capture, ended=CaptureEnd.TIMEOUT, faces_in_view=UNKNOWN, good_frames=0),
        quality={},
        similarity=UNKNOWN,
        engine_fault="InferenceError",
    )
    assert set(codes(blind)) == {Code.ENGINE_LOST, Code.TIMEOUT}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (Code.DIPLOMATIC, with_photo(kind=DocumentKind.DIPLOMATIC)),
        (Code.CHILD, with_photo(age=Check.FAILED)),
        (Code.DECLINES_FACE, replace(GOOD, wishes=(Code.DECLINES_FACE,))),
    ],
)
def test_uncaptured_person_refers_for_that_alone(code: Code, why: Evidence) -> None:
    uncaptured = replace(
        why,
        document=replace(why.document, photo_faces=UNKNOWN, photo_quality={}),
        capture=CaptureEvidence(CaptureEnd.NOT_TAKEN, 0, UNKNOWN, 0, {}),
        quality={},
        similarity=UNKNOWN,
        stream=StreamEvidence(),
    )
    assert codes(uncaptured) == (code,)
    assert set(codes(replace(uncaptured, clock=Check.FAILED))) == {code, Code.CLOCK_WRONG}


def test_lost_camera_never_blames_person() -> None:
    for faces in (UNKNOWN, Measured(0)):
        lost = with_capture(ended=CaptureEnd.CAMERA_LOST, faces_in_view=faces, good_frames=0)
        found = codes(replace(lost, quality={}, similarity=UNKNOWN))
        assert set(found) == {Code.CAMERA_DRIFT, Code.TIMEOUT}


def test_case_lists_all_codes_worst_first() -> None:
    everything = replace(
        with_photo(expiry=Check.FAILED),
        similarity=Measured(-1),
        desk=DeskContact.NETWORK_LOST,
        liveness=Measured(0),
    )
    expected = (Code.ATTACK_ALARM, Code.NO_MATCH, Code.DOCUMENT_EXPIRED, Code.NETWORK_LOST)
    assert codes(everything) == expected


def test_unsupervised_lane_needs_attack_detection() -> None:
    """Without it, the lane admits nobody."""
    strict = POLICY.model_copy(
        update={"liveness": POLICY.liveness.model_copy(update={"when_not_assessed": "refer"})}
    )
    assert codes(GOOD, strict) == (Code.ATTACK_DETECTION_UNAVAILABLE,)


def test_site_may_admit_without_desk() -> None:
    """Clear matches only, and it is signalled."""
    lenient = POLICY.model_copy(update={"desk": POLICY.desk.model_copy(update={"when_lost": "signal"})})
    outcome = decide(replace(GOOD, desk=DeskContact.DESK_LOST), lenient)
    assert isinstance(outcome, Admit)
    assert Reason(Code.DESK_LOST) in outcome.remarks


def test_referral_without_reason_is_a_referral() -> None:
    """It is told as one."""
    for outcome, said in ((Refer(()), "refer"), (Admit(), "admit")):
        compared = Comparison(GOOD, outcome, POLICY, dict.fromkeys(STAGES, 0.0))
        assert compared.plain()["outcome"] == said


scores = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1, 1),
    st.sampled_from([nextafter(edge, to) for edge in (BAND.admit, BAND.borderline) for to in (-1, edge, 1)]),
)


@given(scores)
def test_bands_leave_no_score_out(score: float) -> None:
    found = codes(replace(GOOD, similarity=Measured(score)))
    expected: tuple[Code, ...] = ()
    if score < BAND.admit:
        expected = (Code.BORDERLINE,) if score >= BAND.borderline else (Code.NO_MATCH,)
    assert found == expected


def _spoil_engine(evidence: Evidence) -> Evidence:
    return replace(evidence, engine_fault="InferenceError")


SPOILERS: list[Callable[[Evidence], Evidence]] = [
    lambda e: replace(e, similarity=UNKNOWN),
    lambda e: replace(e, quality={}),
    lambda e: replace(e, document=replace(e.document, expiry=Check.FAILED)),
    lambda e: replace(e, document=replace(e.document, photo_faces=UNKNOWN)),
    lambda e: replace(e, document=replace(e.document, photo_faces=Measured(2))),
    lambda e: replace(e, capture=replace(e.capture, faces_in_view=UNKNOWN)),
    lambda e: replace(e, capture=replace(e.capture, faces_in_view=Measured(2))),
    lambda e: replace(e, capture=replace(e.capture, good_frames=0)),
    lambda e: replace(e, capture=replace(e.capture, ended=CaptureEnd.CAMERA_LOST)),
    lambda e: replace(e, models_unchanged=False),
    lambda e: replace(e, liveness=Measured(0.0)),
    lambda e: replace(e, desk=DeskContact.DESK_LOST),
    lambda e: replace(e, capture=replace(e.capture, ended=CaptureEnd.NOT_TAKEN)),
    lambda e: replace(e, capture=replace(e.capture, ended=CaptureEnd.TURNED_BACK)),
    lambda e: replace(e, document=replace(e.document, kind=None)),
    lambda e: replace(e, document=replace(e.document, kind=DocumentKind.DIPLOMATIC)),
    lambda e: replace(e, document=replace(e.document, age=Check.FAILED)),
    lambda e: replace(e, wishes=(Code.DECLINES_FACE,)),
    lambda e: replace(e, events=(Code.TURNED_BACK,)),
    lambda e: replace(e, stream=StreamEvidence(Check.FAILED)),
    lambda e: replace(e, clock=Check.UNDETERMINED),
    _spoil_engine,
]
measures = st.one_of(
    st.builds(Measured, st.floats(allow_nan=False, allow_infinity=False)),
    st.just(UNKNOWN),
    st.just(Measured(1)),
)
anything = st.builds(
    replace,
    st.just(GOOD),
    similarity=measures,
    liveness=measures,
    clock=st.sampled_from([Check.SUCCESSFUL, *Check]),
    wishes=st.lists(st.sampled_from([Code.IMPAIRMENT, Code.DECLINES_FACE]), max_size=1).map(tuple),
    events=st.lists(st.sampled_from([Code.TAILGATING, Code.DOOR_FORCED]), max_size=1).map(tuple),
    stream=st.builds(StreamEvidence, st.sampled_from([Check.SUCCESSFUL, *Check])),
    quality=st.dictionaries(st.sampled_from(LIVE), measures),
)


@given(anything, st.lists(st.sampled_from(SPOILERS), min_size=1))
def test_missing_or_failing_check_never_admits(
    evidence: Evidence, spoilers: list[Callable[[Evidence], Evidence]]
) -> None:
    for spoil in spoilers:
        evidence = spoil(evidence)
    assert isinstance(decide(evidence, POLICY), Refer)


@given(anything)
def test_every_admission_has_proved_checks(evidence: Evidence) -> None:
    """Every check of it."""
    if isinstance(decide(evidence, POLICY), Admit):
        assert isinstance(evidence.similarity, Measured)
        assert evidence.similarity.value >= BAND.admit
        assert all(limit.holds(evidence.quality[name]) for name, limit in POLICY.quality.live.items())
        assert evidence.clock is evidence.stream.genuine is Check.SUCCESSFUL
        assert not evidence.wishes
        assert not evidence.events
        assert (
            not isinstance(evidence.liveness, Measured) or evidence.liveness.value >= POLICY.liveness.minimum
        )


hashes = st.sampled_from([MATCHER.sha256, MATCHER.preprocessing, "c" * 64])
others = st.builds(MatcherIdentity, st.sampled_from([MATCHER.name, "other"]), hashes, hashes)


@given(anything, others.filter(lambda one: one != MATCHER))
def test_foreign_matcher_score_never_admits(evidence: Evidence, other: MatcherIdentity) -> None:
    assert Code.MODEL_CHANGED in codes(replace(evidence, matcher=other))


@given(anything)
def test_without_any_calibration_nobody_is_admitted(evidence: Evidence) -> None:
    assert Code.MODEL_CHANGED in codes(evidence, POLICY.model_copy(update={"calibrated": ()}))


@given(st.sampled_from([float("nan"), float("inf"), float("-inf")]))
def test_non_number_never_becomes_measure(value: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        Measured(value)


@pytest.mark.parametrize("result", [*list(Check)[1:], None])
def test_required_document_check_refers_without_success(result: Check | None) -> None:
    policy = POLICY.model_copy(update={"document": DocumentRule(required_checks=["signature"])})
    assert set(codes(with_photo(checks={"signature": Check.SUCCESSFUL}), policy)) == set()
    found = set(codes(with_photo(checks={"signature": result} if result else {}), policy))
    assert found == {Code.SECURITY_OBJECT_BAD if result is Check.FAILED else Code.CHIP_UNREADABLE}


def test_failed_document_check_always_refers() -> None:
    """Without being required, too."""
    assert codes(with_photo(checks={"signature": Check.FAILED})) == (Code.SECURITY_OBJECT_BAD,)
    assert codes(with_photo(checks={"signature": Check.NOT_SUPPORTED})) == ()


def test_document_checks_are_written_if_present() -> None:
    """Only where there are some."""
    assert "checks" not in to_plain(GOOD)["document"]
    checked = with_photo(checks={"signature": Check.FAILED})
    assert to_plain(checked)["document"]["checks"] == {"signature": "failed"}
    assert from_plain(to_plain(checked)) == checked


def test_slipped_in_nan_never_admits() -> None:
    slipped = Measured(1.0)
    object.__setattr__(slipped, "value", float("nan"))
    for evidence in (
        replace(GOOD, similarity=slipped),
        replace(GOOD, liveness=slipped),
        replace(GOOD, quality={**GOOD.quality, "sharpness": slipped}),
        with_capture(faces_in_view=slipped),
        with_photo(photo_faces=slipped),
    ):
        assert isinstance(decide(evidence, POLICY), Refer)


@given(anything)
def test_plain_evidence_replays_the_decision(evidence: Evidence) -> None:
    stored = json.dumps(to_plain(evidence), allow_nan=False)
    assert decide(from_plain(json.loads(stored)), POLICY) == decide(evidence, POLICY)


@pytest.mark.parametrize("part", [(), ("document",), ("capture",), ("stream",)])
def test_incomplete_evidence_is_not_read(part: tuple[str, ...]) -> None:
    for name in reduce(getitem, part, to_plain(GOOD)):
        stored = to_plain(GOOD)
        del reduce(getitem, part, stored)[name]
        with pytest.raises(KeyError, match=name):
            from_plain(stored)
