"""What is decided: admit on positive proof alone, everything else refers, with its reason."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from math import nextafter
from operator import getitem
from typing import Any

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


Change = Callable[[Evidence], Evidence]


def evidence(**change: Any) -> Change:
    return lambda one: replace(one, **change)


def document(**change: Any) -> Change:
    return lambda one: replace(one, document=replace(one.document, **change))


def capture(**change: Any) -> Change:
    return lambda one: replace(one, capture=replace(one.capture, **change))


def quality(component: str, measure: Measure) -> Change:
    return lambda one: replace(one, quality={**one.quality, component: measure})


def test_positive_proof_admits_with_liveness_signal() -> None:
    assert decide(GOOD, POLICY) == Admit((Reason(Code.ATTACK_DETECTION_UNAVAILABLE),))


FAULTS: dict[str, tuple[Change, Code]] = {
    "expired": (document(expiry=Check.FAILED), Code.DOCUMENT_EXPIRED),
    "expiry unreadable": (document(expiry=Check.UNDETERMINED), Code.DOCUMENT_EXPIRED),
    "expiry aborted": (document(expiry=Check.ABORTED), Code.DOCUMENT_EXPIRED),
    "expiry not supported": (document(expiry=Check.NOT_SUPPORTED), Code.DOCUMENT_EXPIRED),
    "photo broken": (document(photo_faces=UNKNOWN, photo_fault="truncated"), Code.DOCUMENT_PHOTO_UNUSABLE),
    "photo without face": (document(photo_faces=Measured(0)), Code.DOCUMENT_PHOTO_UNUSABLE),
    "photo with two faces": (document(photo_faces=Measured(2)), Code.DOCUMENT_PHOTO_UNUSABLE),
    "photo not examined": (document(photo_faces=UNKNOWN), Code.DOCUMENT_PHOTO_UNUSABLE),
    "photo too small": (
        document(photo_quality={"inter_eye_distance_px": Measured(8)}),
        Code.DOCUMENT_PHOTO_UNUSABLE,
    ),
    "photo quality missing": (document(photo_quality={}), Code.DOCUMENT_PHOTO_UNUSABLE),
    "nobody": (capture(faces_in_view=Measured(0)), Code.NO_FACE),
    "two people": (capture(faces_in_view=Measured(2)), Code.SEVERAL_FACES),
    "faces not counted": (capture(faces_in_view=UNKNOWN), Code.TIMEOUT),
    "half a face": (capture(faces_in_view=Measured(0.5)), Code.NO_FACE),
    "timeout": (capture(ended=CaptureEnd.TIMEOUT), Code.TIMEOUT),
    "camera lost": (capture(ended=CaptureEnd.CAMERA_LOST), Code.CAMERA_DRIFT),
    "frames too late": (
        capture(ended=CaptureEnd.TIMEOUT, frames_seen=9, rejections={"age": 5}),
        Code.OVERLOAD,
    ),
    "turned back": (capture(ended=CaptureEnd.TURNED_BACK), Code.TURNED_BACK),
    "capture left out": (capture(ended=CaptureEnd.NOT_TAKEN), Code.TIMEOUT),
    "diplomat": (document(kind=DocumentKind.DIPLOMATIC), Code.DIPLOMATIC),
    "official": (document(kind=DocumentKind.OFFICIAL), Code.DIPLOMATIC),
    "United Nations": (document(kind=DocumentKind.UNITED_NATIONS), Code.DIPLOMATIC),
    "kind unknown": (document(kind=None), Code.CHIP_UNREADABLE),
    "child": (document(age=Check.FAILED), Code.CHILD),
    "age unknown": (document(age=Check.UNDETERMINED), Code.CHIP_UNREADABLE),
    "no face, please": (evidence(wishes=(Code.DECLINES_FACE,)), Code.DECLINES_FACE),
    "followed": (evidence(events=(Code.TAILGATING,)), Code.TAILGATING),
    "replayed": (evidence(stream=StreamEvidence(Check.FAILED, ("repeated",))), Code.STREAM_INJECTED),
    "stream not examined": (evidence(stream=StreamEvidence()), Code.ATTACK_DETECTION_UNAVAILABLE),
    "clock set": (evidence(clock=Check.FAILED), Code.CLOCK_WRONG),
    "clock unknown": (evidence(clock=Check.UNDETERMINED), Code.CLOCK_WRONG),
    "too few frames": (capture(good_frames=POLICY.capture.good_frames - 1), Code.TIMEOUT),
    "moving": (quality("motion", Measured(9)), Code.MOTION),
    "turned away": (quality("yaw_deg", Measured(80)), Code.POSE),
    "dark": (quality("brightness", Measured(0.01)), Code.LIGHT),
    "burnt out": (quality("over_exposure", Measured(0.5)), Code.LIGHT),
    "in a veil": (quality("dynamic_range", Measured(2)), Code.LIGHT),
    "dark glasses": (quality("eyes_visible", Measured(0.05)), Code.OCCLUSION),
    "behind a hand": (quality("mouth_visible", Measured(0.01)), Code.OCCLUSION),
    "partly covered": (quality("occlusion", Measured(0.3)), Code.OCCLUSION),
    "compressed": (quality("compression", Measured(4)), Code.QUALITY),
    "quality missing": (evidence(quality={}), Code.QUALITY),
    "borderline": (evidence(similarity=Measured(BAND.borderline)), Code.BORDERLINE),
    "other person": (evidence(similarity=Measured(BAND.borderline - 1e-6)), Code.NO_MATCH),
    "not compared": (evidence(similarity=UNKNOWN), Code.TIMEOUT),
    "attack": (evidence(liveness=Measured(POLICY.liveness.minimum - 0.01)), Code.ATTACK_ALARM),
    "engine failed": (evidence(engine_fault="InferenceError"), Code.ENGINE_LOST),
    "network lost": (evidence(desk=DeskContact.NETWORK_LOST), Code.NETWORK_LOST),
    "desk lost": (evidence(desk=DeskContact.DESK_LOST), Code.DESK_LOST),
    "model changed": (evidence(models_unchanged=False), Code.MODEL_CHANGED),
    "other matcher": (
        evidence(matcher=MatcherIdentity(MATCHER.name, "f" * 64, MATCHER.preprocessing)),
        Code.MODEL_CHANGED,
    ),
    "other preprocessing": (evidence(matcher=replace(MATCHER, preprocessing="f" * 64)), Code.MODEL_CHANGED),
}


@pytest.mark.parametrize(("fault", "code"), FAULTS.values(), ids=FAULTS)
def test_each_fault_refers_with_its_code(fault: Change, code: Code) -> None:
    assert code in codes(fault(GOOD))


@pytest.mark.parametrize("component", LIVE)
@pytest.mark.parametrize("measure", [UNKNOWN, Measured(1e9), Measured(-1e9)], ids=["missing", "high", "low"])
def test_bad_or_missing_component_is_named(component: str, measure: Measure) -> None:
    limit = POLICY.quality.live[component]
    outcome = decide(quality(component, measure)(GOOD), POLICY)
    named = isinstance(outcome, Refer) and Reason(Code.QUALITY, (component,)) in outcome.reasons
    assert named is not limit.holds(measure)


@pytest.mark.parametrize("component", ["motion", "yaw_deg", "brightness", "occlusion"])
def test_unmeasured_quality_accuses_of_nothing(component: str) -> None:
    """What was not measured is no movement, and nothing that covers a face."""
    assert codes(quality(component, UNKNOWN)(GOOD)) == (Code.QUALITY,)


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
        (Code.DIPLOMATIC, document(kind=DocumentKind.DIPLOMATIC)(GOOD)),
        (Code.CHILD, document(age=Check.FAILED)(GOOD)),
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
        lost = capture(ended=CaptureEnd.CAMERA_LOST, faces_in_view=faces, good_frames=0)(GOOD)
        found = codes(replace(lost, quality={}, similarity=UNKNOWN))
        assert set(found) == {Code.CAMERA_DRIFT, Code.TIMEOUT}


def test_case_lists_all_codes_worst_first() -> None:
    everything = replace(
        document(expiry=Check.FAILED)(GOOD),
        similarity=Measured(-1),
        desk=DeskContact.NETWORK_LOST,
        liveness=Measured(0),
    )
    expected = (Code.ATTACK_ALARM, Code.NO_MATCH, Code.DOCUMENT_EXPIRED, Code.NETWORK_LOST)
    assert codes(everything) == expected


def test_unsupervised_lane_needs_attack_detection() -> None:
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


@given(anything, st.lists(st.sampled_from([fault for fault, _ in FAULTS.values()]), min_size=1))
def test_missing_or_failing_check_never_admits(evidence: Evidence, faults: list[Change]) -> None:
    for fault in faults:
        evidence = fault(evidence)
    assert isinstance(decide(evidence, POLICY), Refer)


@given(anything)
def test_every_admission_has_proved_checks(evidence: Evidence) -> None:
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
def test_document_check_refers_if_failed_or_required(result: Check | None) -> None:
    policy = POLICY.model_copy(update={"document": DocumentRule(required_checks=["signature"])})
    assert set(codes(document(checks={"signature": Check.SUCCESSFUL})(GOOD), policy)) == set()
    found = set(codes(document(checks={"signature": result} if result else {})(GOOD), policy))
    assert found == {Code.SECURITY_OBJECT_BAD if result is Check.FAILED else Code.CHIP_UNREADABLE}
    unasked = codes(document(checks={"signature": result} if result else {})(GOOD))
    assert unasked == ((Code.SECURITY_OBJECT_BAD,) if result is Check.FAILED else ())


def test_document_checks_are_written_if_present() -> None:
    assert "checks" not in to_plain(GOOD)["document"]
    checked = document(checks={"signature": Check.FAILED})(GOOD)
    assert to_plain(checked)["document"]["checks"] == {"signature": "failed"}
    assert from_plain(to_plain(checked)) == checked


def test_slipped_in_nan_never_admits() -> None:
    slipped = Measured(1.0)
    object.__setattr__(slipped, "value", float("nan"))
    for evidence in (
        replace(GOOD, similarity=slipped),
        replace(GOOD, liveness=slipped),
        replace(GOOD, quality={**GOOD.quality, "sharpness": slipped}),
        capture(faces_in_view=slipped)(GOOD),
        document(photo_faces=slipped)(GOOD),
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
