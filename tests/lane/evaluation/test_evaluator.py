"""The evaluation in service watches, and decides nothing: not when it fails, not when it hangs."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lane.cameras.simulated import SimulatedCamera
from lane.capture.measuring import Measurer
from lane.decision.evidence import DeskContact
from lane.decision.policy import Policy
from lane.decision.referral import Answer, PassageId
from lane.document.travel_document import TravelDocument
from lane.evaluation.cohort import Cohort
from lane.evaluation.evaluator import EvaluationThread, Evaluator, Limits, Shadow, Verification, expected
from lane.passage.judge import Judge, JudgedPassage
from lane.platform.clock import SkippingClock
from lane.platform.errors import SettingsError
from lane.service import build
from lane.service.build import build_evaluation_thread
from lane.service.settings import read
from models.detect.align import ARCFACE_112
from models.embed.template import FaceEmbedder
from models.errors import CatalogueError, InferenceError, WeightsChangedError, WeightsMissingError
from models.networks.build import Networks, build_networks
from models.runtime.onnx_runtime import RuntimeSettings
from models.values.face import AlignedFace, Embedding
from models.values.identity import MatcherIdentity
from tests.support import tiers
from tests.support.lane.calibration_files import policy_for
from tests.support.lane.simulated_lane import Hall, LaneMaker, People, StandingClock

THUMBNAIL = MatcherIdentity("thumbnail", "2" * 64, "3" * 64)
LONG_S = 60.0
"""Longer than any test takes."""
ENDING = [answer for answer in Answer if answer is not Answer.REPEAT_CAPTURE]
"""Answers that end the wait: a desk that asks for nothing but captures is waited for, for ever."""


class Thumbnail(FaceEmbedder):
    """A simulated matcher: the crop itself, small and grey, is the vector."""

    def __init__(self) -> None:
        self.identity, self.layout = THUMBNAIL, ARCFACE_112

    def embed(self, face: AlignedFace) -> Embedding:
        grey = cv2.cvtColor(cv2.resize(face.image_bgr, (16, 16)), cv2.COLOR_BGR2GRAY)
        flat = grey.astype(np.float32).ravel()
        flat -= flat.mean()
        return Embedding(flat / np.float32(np.linalg.norm(flat)), self.identity)


class BrokenEmbedder(Thumbnail):
    def embed(self, face: AlignedFace) -> Embedding:
        raise InferenceError("no answer")


def thumbnail(threshold: float | None = 0.5, embedder: type[Thumbnail] = Thumbnail) -> Shadow:
    return Shadow(embedder(), threshold, lambda: None)


class Judges(Judge):
    """A real judge's verdicts on the cast, given again in the order that a test chooses."""

    def __init__(self, judge: Judge, verdicts: Sequence[JudgedPassage]) -> None:
        clock = SkippingClock()
        super().__init__(SimulatedCamera(clock, clock.skip), judge.measurer, judge.policy, clock)
        self.left = iter(verdicts)

    def judge(self, document: TravelDocument, desk: DeskContact, **_: object) -> JudgedPassage:
        return next(self.left)


class Verdicts(dict[str, JudgedPassage]):
    """What a real judge says of the cast, each judged when a test first asks: some captures take long."""

    def __init__(self, measurer: Measurer, policy: Policy, people: People) -> None:
        super().__init__()
        clock = StandingClock()
        self.people, self.camera = people, SimulatedCamera(clock, clock.skip, frames_per_second=12.5)
        self.judge = Judge(self.camera, measurer, policy, clock)

    def __missing__(self, name: str) -> JudgedPassage:
        self.camera.scene = self.people[name].scene
        self[name] = self.judge.judge(self.people[name].document, DeskContact.REACHED)
        return self[name]

    def compared(self, name: str) -> Verification:
        verification = self[name].verification
        assert verification is not None
        return verification


@pytest.fixture(scope="module")
def verdicts(measurer: Measurer, policy: Policy, people: People) -> Verdicts:
    return Verdicts(measurer, policy, people)


def cohort(size: int = 10) -> Cohort:
    return Cohort(size, LONG_S * 60, lambda: 0.0)


def fail() -> Any:
    raise MemoryError("of all things")


class Says(Evaluator):
    """Says and does what a test wants in place of comparing."""

    def __init__(self, say: Callable[[], dict[str, Any]], close: Callable[[], None] = lambda: None) -> None:
        self.say, self.end = say, close

    def evaluate(self, verification: Verification) -> dict[str, Any]:
        return self.say()

    def close(self) -> None:
        self.end()


class Hanging(Evaluator):
    """Comes to no end until the test does."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def evaluate(self, verification: Verification) -> dict[str, Any]:
        self.over.wait(LONG_S)
        return {}

    def close(self) -> None:
        self.over.set()


def observers(policy: Policy) -> Iterator[EvaluationThread]:
    senseless = {"similarity": float("nan"), "passage": "somebody else's"}  # fits into no ledger
    yield EvaluationThread(Evaluator(policy, cohort()), LONG_S)
    yield EvaluationThread(Evaluator(policy, cohort(), thumbnail()), LONG_S)
    yield EvaluationThread(Evaluator(policy, cohort(0)), LONG_S)
    yield EvaluationThread(Says(fail), LONG_S)
    yield EvaluationThread(Says(lambda: senseless), LONG_S)
    yield EvaluationThread(Hanging(), 0.001)


def lane_of(
    folder: Path, verdicts: Verdicts, judged: Sequence[JudgedPassage], evaluation: EvaluationThread | None
) -> Hall:
    """A lane that has started, whose judge gives these verdicts."""
    judge = verdicts.judge
    make = LaneMaker(folder, judge.measurer, judge.policy, verdicts.people)
    return make(*["nobody"] * len(judged), judge=Judges(judge, judged), evaluation=evaluation)


def walked(
    verdicts: Verdicts, names: Sequence[str], answer: Answer, evaluation: EvaluationThread | None
) -> list[Any]:
    """All that a lane decides and does with these passengers; their passages are told by their number."""
    with TemporaryDirectory() as folder:
        here = lane_of(Path(folder), verdicts, [verdicts[name] for name in names], evaluation)
        here.desk.script = lambda _: answer
        reports = [here.walk() for _ in names]
        assert here.station.serve() is None
        if evaluation is not None:
            evaluation.close()
        here.journal.close()
    facts = [(one.kind, dict(one.body)) for one in here.desk.entries if one.kind != "passage.evaluated"]
    for _, body in facts:
        if isinstance(body.get("decision"), dict):
            body["decision"] = {**body["decision"], "decided_at": None}
    text = json.dumps([facts, here.gate.diary], default=str, sort_keys=True)
    for number, report in enumerate(reports):
        text = text.replace(report.passage, f"passage {number}")
    outcomes = [(one.outcome, one.reasons, one.remarks, one.officer, one.gate_opened) for one in reports]
    return [outcomes, here.states, text]


@pytest.mark.thorough
@settings(max_examples=tiers.examples(10))
@given(data=st.data(), answer=st.sampled_from(ENDING))
def test_evaluator_changes_no_decision(data: st.DataObject, answer: Answer, verdicts: Verdicts) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(verdicts.people)), max_size=5))
    without = walked(verdicts, names, answer, None)
    for evaluation in observers(verdicts.judge.policy):
        assert walked(verdicts, names, answer, evaluation) == without


def evaluated(here: Hall) -> list[dict[str, Any]]:
    return [dict(one.body) for one in here.desk.entries if one.kind == "passage.evaluated"]


def evaluate(policy: Policy, verification: Verification, *given: Any, **named: Any) -> dict[str, Any]:
    with closing(Evaluator(policy, cohort(), *given, **named)) as evaluator:
        return evaluator.evaluate(verification)


def test_each_verification_follows_its_closed_passage(
    tmp_path: Path, policy: Policy, verdicts: Verdicts
) -> None:
    judged = [verdicts[name] for name in ("holder", "impostor", "holder-new-photo", "holder")]
    with EvaluationThread(Evaluator(policy, cohort()), LONG_S) as evaluation:
        here = lane_of(tmp_path, verdicts, judged, evaluation)
        reports = [here.walk() for _ in judged]
    said, kinds = evaluated(here), here.kinds()
    before = [kinds[at - 1] for at, kind in enumerate(kinds) if kind == "passage.evaluated"]
    assert before == ["passage.closed"] * 4
    assert [one["passage"] for one in said] == [one.passage for one in reports]
    matcher = verdicts.judge.measurer.networks.embedder.identity
    assert {one["limits"]["fmr"] for one in said} == {expected(policy, matcher).fmr}
    assert {one["matcher"]["sha256"] for one in said} == {matcher.sha256}
    assert all(one["shadow"] == {"not_assessed": "switched off"} for one in said)
    assert [one["group"] for one in said] == [None] * 4


def test_impostor_is_not_counted_as_holder(policy: Policy, verdicts: Verdicts) -> None:
    with closing(Evaluator(policy, cohort())) as evaluator:
        first = evaluator.evaluate(verdicts.compared("holder"))
        assert (first["cohort"]["size"], first["own_match"]) == (0, True)
        again = evaluator.evaluate(verdicts.compared("holder"))["cohort"]
        assert (again["size"], again["others"]["compared"]) == (1, 0), "the same document"
        assert evaluator.evaluate(verdicts.compared("impostor"))["own_match"] is False
        assert evaluator.evaluate(verdicts.compared("nobody"))["own_match"] is None


def test_incomplete_capture_counts_nothing(policy: Policy, verdicts: Verdicts) -> None:
    held = cohort()
    with closing(Evaluator(policy, held)) as evaluator:
        for name, why, count in (("no-face", "no reference", 0), ("nobody", "no complete capture", 1)):
            said = evaluator.evaluate(verdicts.compared(name))["cohort"]
            assert (said, len(held._held)) == ({"not_assessed": why}, count)
    assert not held._held


def test_nationality_is_used_only_if_counted(policy: Policy, verdicts: Verdicts) -> None:
    holder = replace(verdicts.compared("holder"), nationality="UTO")
    for groups, said in ((frozenset[str](), None), (frozenset({"CHN"}), None), (frozenset({"UTO"}), "UTO")):
        body = evaluate(policy, holder, groups=groups)
        assert body["group"] == said
        assert (body["cohort"]["in_group"] is not None) is (said is not None)
        assert ("UTO" in json.dumps(body)) is (said is not None)


@pytest.mark.parametrize(("threshold", "agreement"), [(-1.0, "both_match"), (1.0, "disagree"), (None, None)])
def test_shadow_score_and_agreement_are_told(
    threshold: float | None, agreement: str | None, policy: Policy, verdicts: Verdicts
) -> None:
    body = evaluate(policy, verdicts.compared("holder"), thumbnail(threshold))
    shadow = body["shadow"]
    assert shadow["matcher"]["name"] == "thumbnail"
    assert -1 <= shadow["similarity"]["value"] <= 1
    assert (shadow["threshold"], shadow["agreement"]) == (threshold, agreement)
    assert len(json.dumps(body, allow_nan=False)) < 1200, "plain counts only: no vector and no picture"


def test_failed_shadow_keeps_stranger_count(policy: Policy, verdicts: Verdicts) -> None:
    body = evaluate(policy, verdicts.compared("holder"), thumbnail(embedder=BrokenEmbedder))
    assert body["shadow"] == {"not_assessed": "InferenceError"}
    assert (body["own_match"], body["cohort"]["size"]) == (True, 0)


def take(evaluation: EvaluationThread, verdicts: Verdicts, passage: str = "p-1") -> bool:
    return evaluation.submit(PassageId(passage), verdicts.compared("holder"))


def test_late_evaluation_comes_with_next(verdicts: Verdicts) -> None:
    hanging = Hanging()
    with EvaluationThread(hanging, LONG_S) as evaluation:
        assert take(evaluation, verdicts)
        assert evaluation.results(wait=False) == []
        assert not take(evaluation, verdicts, "p-2")
        hanging.over.set()
        assert evaluation.results(wait=True) == [("p-1", {})], "p-2 came while p-1 was at work"
        take(evaluation, verdicts, "p-3")
        assert evaluation.results(wait=True) == [("p-3", {})]


def test_last_passengers_late_evaluation_is_recorded(tmp_path: Path, verdicts: Verdicts) -> None:
    hanging = Hanging()
    with EvaluationThread(hanging, 0.001) as evaluation:
        here = lane_of(tmp_path, verdicts, [verdicts["holder"]], evaluation)
        report = here.walk()
        assert evaluated(here) == []
        hanging.over.set()
        with evaluation._changed:
            assert evaluation._changed.wait_for(lambda: not evaluation._busy, LONG_S)
        assert here.station.serve() is None
        assert evaluated(here) == [{"passage": report.passage}]


def test_hanging_evaluation_is_awaited_once(tmp_path: Path, verdicts: Verdicts) -> None:
    class Waited(EvaluationThread):
        waits = 0

        def results(self, *, wait: bool) -> list[tuple[PassageId, dict[str, Any]]]:
            self.waits += wait
            return super().results(wait=wait)

    with Waited(Hanging(), 0.001) as evaluation:
        here = lane_of(tmp_path, verdicts, [verdicts["holder"]] * 3, evaluation)
        assert [here.walk().gate_opened for _ in range(3)] == [True, True, True]
        assert evaluation.waits == 1


def models_changed(judged: JudgedPassage) -> JudgedPassage:
    return replace(judged, evidence=replace(judged.evidence, models_unchanged=False))


def test_failing_evaluation_hides_no_closing_reason(tmp_path: Path, verdicts: Verdicts) -> None:
    """Why a lane closes is recorded even where the evaluation does not end."""
    judged = [models_changed(verdicts["holder"])]
    here = lane_of(tmp_path, verdicts, judged, EvaluationThread(Says(fail, close=fail), LONG_S))
    here.walk()
    assert here.kinds()[-1] == "lane.closed"


def test_one_that_raised_is_asked_again(verdicts: Verdicts) -> None:
    moods = iter([False, True])

    def say() -> dict[str, Any]:
        return {"calls": 2} if next(moods) else fail()

    with EvaluationThread(Says(say), LONG_S) as evaluation:
        take(evaluation, verdicts)
        assert evaluation.results(wait=True) == []
        take(evaluation, verdicts)
        assert evaluation.results(wait=True) == [("p-1", {"calls": 2})]


def test_closed_observer_takes_and_holds_nobody(policy: Policy, verdicts: Verdicts) -> None:
    held = cohort()
    evaluation = EvaluationThread(Evaluator(policy, held), LONG_S)
    take(evaluation, verdicts)
    assert len(evaluation.results(wait=True)) == 1
    assert len(held._held) == 1
    evaluation.close()
    evaluation.close()
    take(evaluation, verdicts)
    assert evaluation.results(wait=True) == []
    assert not held._held


def test_self_closed_lane_erases_cohort(tmp_path: Path, policy: Policy, verdicts: Verdicts) -> None:
    held, holder = cohort(), verdicts["holder"]
    evaluation = EvaluationThread(Evaluator(policy, held), LONG_S)
    here = lane_of(tmp_path, verdicts, [holder, models_changed(holder)], evaluation)
    here.walk()
    assert len(held._held) == 1
    here.walk()
    assert here.kinds()[-1] == "lane.closed"
    assert len(evaluated(here)) == 1, "what a changed file measured is not counted"
    assert not held._held


def built(policy: Policy, networks: Networks, **given: Any) -> EvaluationThread:
    return build_evaluation_thread(read(**given), policy, SkippingClock(), networks)


def result_of(evaluation: EvaluationThread, verdicts: Verdicts) -> dict[str, Any]:
    with evaluation:
        take(evaluation, verdicts)
        ((_, body),) = evaluation.results(wait=True)
    return body


def test_built_lane_expects_its_calibrations_rates(
    policy: Policy, networks: Networks, verdicts: Verdicts
) -> None:
    body = result_of(built(policy, networks), verdicts)
    assert expected(policy, THUMBNAIL) == Limits(None, None), "nobody measured that one"
    (calibrated,) = policy.calibrated
    assert calibrated.calibration.matcher == networks.embedder.identity
    at_admit = {point.score: point for point in calibrated.calibration.content.points}[calibrated.band.admit]
    assert body["limits"] == {"fmr": at_admit.worst_fmr_high, "fnmr": at_admit.fnmr_high}
    assert at_admit.fnmr <= body["limits"]["fnmr"]
    assert body["shadow"] == {"not_assessed": "switched off"}


def test_fallback_keeps_comparing_matchers_expectation(policy: Policy, verdicts: Verdicts) -> None:
    """After networks were lost, the matcher which compared says what is expected."""
    (one,) = policy_for(THUMBNAIL).calibrated
    stricter = replace(one, band=replace(one.band, admit=one.band.admit + 0.2))
    lost = policy.model_copy(update={"calibrated": (stricter,)})
    both = policy.model_copy(update={"calibrated": (*lost.calibrated, *policy.calibrated)})
    after = verdicts.compared("holder")
    assert after.reference.embedding is not None
    reference = replace(after.reference, embedding=replace(after.reference.embedding, matcher=THUMBNAIL))
    before = replace(after, reference=reference)
    said = [evaluate(both, one)["limits"] for one in (before, after)]
    due = [expected(lost, THUMBNAIL), expected(policy, after.reference.embedding.matcher)]
    assert [(one["fmr"], one["fnmr"]) for one in said] == [(one.fmr, one.fnmr) for one in due]
    assert said[0] != said[1]
    nobody = evaluate(both, verdicts.compared("no-face"))
    assert (nobody["matcher"], nobody["limits"]) == (None, {"fmr": None, "fnmr": None})


@pytest.mark.parametrize(("threshold", "agreement"), [(-1.0, "both_match"), (None, None)])
def test_lane_takes_shadow_from_settings(
    threshold: float | None, agreement: str | None, policy: Policy, networks: Networks, verdicts: Verdicts
) -> None:
    wanted = {"shadow_matcher": "thumbnail", "shadow_threshold": threshold}
    shadow = result_of(built(policy, with_shadow(networks), evaluation=wanted), verdicts)["shadow"]
    assert (shadow["matcher"]["name"], shadow["agreement"]) == ("thumbnail", agreement)


def with_shadow(networks: Networks, check: Callable[[], None] = lambda: None) -> Networks:
    """`check` looks whether somebody has exchanged the second matcher's file."""
    files: Any = {"thumbnail": SimpleNamespace(check=check)}
    return replace(networks, others={"thumbnail": Thumbnail()}, others_watched=files)


def test_shadow_with_changed_file_is_off(
    tmp_path: Path, policy: Policy, networks: Networks, verdicts: Verdicts, caplog: pytest.LogCaptureFixture
) -> None:
    looks = iter([None, WeightsChangedError(Path("thumbnail.onnx"), "a" * 64, "b" * 64), None])

    def check() -> None:
        if (fault := next(looks)) is not None:
            raise fault

    beside = with_shadow(networks, check)
    beside.check_files()
    wanted = {"shadow_matcher": "thumbnail", "shadow_threshold": 0.5}
    with built(policy, beside, evaluation=wanted) as evaluation:
        here = lane_of(tmp_path, verdicts, [verdicts["holder"]] * 3, evaluation)
        assert [here.walk().gate_opened for _ in range(3)] == [True, True, True]
        said = [one["shadow"] for one in evaluated(here)]
    assert said[0]["matcher"]["name"] == "thumbnail"
    assert said[1:] == [{"not_assessed": "switched off: WeightsChangedError"}] * 2, "for good"
    assert [line.levelname for line in caplog.records if "second matcher" in line.message] == ["CRITICAL"]
    assert "lane.closed" not in here.kinds()


def test_lane_starts_without_unready_shadow(
    policy: Policy, verdicts: Verdicts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = build_networks

    def without_others(runtime: RuntimeSettings, matchers: Sequence[str] = ()) -> Networks:
        if matchers:
            raise WeightsMissingError(Path("dlib.onnx"), "prepare it")
        return real(runtime)

    monkeypatch.setattr(build, "build_networks", without_others)
    given = read(evaluation={"shadow_matcher": "dlib-resnet-29"}, engine={"threads": 1})
    measurer = build.build_measurer(given, policy)
    evaluation = build_evaluation_thread(given, policy, SkippingClock(), measurer.networks)
    unready = {"not_assessed": "switched off: not ready at the start"}
    assert result_of(evaluation, verdicts)["shadow"] == unready
    assert [line.levelname for line in caplog.records if "dlib-resnet-29" in line.message] == ["CRITICAL"]


def test_shadow_is_another_matcher_of_the_catalogue(policy: Policy, networks: Networks) -> None:
    unknown = read(evaluation={"shadow_matcher": "no-such-matcher"}, engine={"threads": 1})
    with pytest.raises(CatalogueError, match="no-such-matcher"):
        build.build_measurer(unknown, policy)
    with pytest.raises(SettingsError, match="decides already"):
        built(policy, networks, evaluation={"shadow_matcher": networks.embedder.identity.name})
