"""The evaluation in service watches, and decides nothing: not when it fails, not when it hangs."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lane.cameras.frame import Frame
from lane.cameras.simulated import SimulatedCamera
from lane.capture.measuring import Measurer
from lane.decision.evidence import DeskContact
from lane.decision.policy import Policy
from lane.decision.referral import Answer, PassageId
from lane.demo import photos as store
from lane.demo.passengers import Passenger, demo_passengers
from lane.document.travel_document import TravelDocument
from lane.evaluation.cohort import Cohort
from lane.evaluation.evaluation_thread import EvaluationThread, VerificationEvaluator
from lane.evaluation.evaluator import Evaluator, Limits, Shadow, Verification, expected
from lane.passage.judge import Judge, JudgedPassage
from lane.platform.clock import SkippingClock
from lane.platform.errors import SettingsError
from lane.service import build
from lane.service.build import build_evaluation_thread
from lane.service.settings import read
from models.align import ARCFACE_112, Layout
from models.errors import CatalogueError, InferenceError, WeightsChangedError, WeightsMissingError
from models.networks.build import Networks, build_networks
from models.runtime.onnx_runtime import RuntimeSettings
from models.values.face import AlignedFace, Embedding
from models.values.identity import MatcherIdentity
from tests.support import tiers
from tests.support.lane.calibration_files import policy_for
from tests.support.lane.simulated_lane import Hall, StandingClock, hall

THUMBNAIL = MatcherIdentity("thumbnail", "2" * 64, "3" * 64)
LONG_S = 60.0
"""Longer than any test takes."""

NAMES = (
    "holder",
    "holder-new-photo",
    "impostor",
    "two-people",
    "nobody",
    "blurred",
    "dark",
    "expired",
    "no-face",
)


@dataclass(frozen=True)
class Thumbnail:
    """A simulated matcher: the crop itself, small and grey, is the vector."""

    identity: MatcherIdentity = THUMBNAIL
    layout: Layout = ARCFACE_112

    def embed(self, face: AlignedFace, /) -> Embedding:
        grey = cv2.cvtColor(cv2.resize(face.image_bgr, (16, 16)), cv2.COLOR_BGR2GRAY)
        flat = grey.astype(np.float32).ravel()
        flat -= flat.mean()
        return Embedding(flat / np.float32(np.linalg.norm(flat)), self.identity)


def unchanged() -> None:
    """A matcher's file that nobody touches."""


class NoCamera:
    def frames(self) -> Iterator[Frame]:
        return iter(())


class Judges(Judge):
    """A real judge's verdicts on the cast, given again in the order that a test chooses."""

    def __init__(self, judge: Judge, verdicts: Sequence[JudgedPassage]) -> None:
        super().__init__(NoCamera(), judge.measurer, judge.policy, SkippingClock())
        self.left = iter(verdicts)

    def judge(self, document: TravelDocument, desk: DeskContact, **_: object) -> JudgedPassage:
        return next(self.left)


@dataclass
class Verdicts:
    judge: Judge
    of: dict[str, JudgedPassage]


class Lazily(dict[str, JudgedPassage]):
    """A passenger is judged when a test first asks: some captures take as long as they may."""

    def __init__(self, judge: Judge, camera: SimulatedCamera, people: Sequence[Passenger]) -> None:
        super().__init__()
        self._judge, self._camera, self._people = judge, camera, {one.name: one for one in people}
        assert set(self._people) == set(NAMES)

    def __missing__(self, name: str) -> JudgedPassage:
        self._camera.scene = self._people[name].scene
        self[name] = self._judge.judge(self._people[name].document, DeskContact.REACHED)
        return self[name]


@pytest.fixture(scope="module")
def verdicts(photos: Path, measurer: Measurer, policy: Policy) -> Verdicts:
    """What a real judge says of each passenger of the cast."""
    assert photos == store.folder()
    clock = StandingClock()
    camera = SimulatedCamera(clock, clock.skip, frames_per_second=12.5)
    judge = Judge(camera, measurer, policy, clock)
    people = demo_passengers(measurer, date.today())  # noqa: DTZ011  the document's own day
    return Verdicts(judge, Lazily(judge, camera, people))


def cohort(size: int = 10) -> Cohort:
    return Cohort(size, LONG_S * 60, lambda: 0.0)


def compared(judged: JudgedPassage) -> Verification:
    assert judged.verification is not None
    return judged.verification


class Raising:
    def evaluate(self, _: Verification, /) -> dict[str, Any]:
        raise MemoryError("of all things")

    def close(self) -> None:
        pass


class Senseless:
    """What it says fits into no ledger."""

    def evaluate(self, _: Verification, /) -> dict[str, Any]:
        return {"similarity": float("nan"), "passage": "somebody else's"}

    def close(self) -> None:
        pass


class Hanging:
    """Comes to no end until the test does."""

    def __init__(self) -> None:
        self.end = threading.Event()

    def evaluate(self, _: Verification, /) -> dict[str, Any]:
        self.end.wait(LONG_S)
        return {}

    def close(self) -> None:
        self.end.set()


def observers(policy: Policy) -> Iterator[EvaluationThread]:
    yield EvaluationThread(Evaluator(policy, cohort()), LONG_S)
    yield EvaluationThread(Evaluator(policy, cohort(), Shadow(Thumbnail(), 0.5, unchanged)), LONG_S)
    yield EvaluationThread(Evaluator(policy, cohort(0)), LONG_S)
    yield EvaluationThread(Raising(), LONG_S)
    yield EvaluationThread(Senseless(), LONG_S)
    yield EvaluationThread(Hanging(), 0.001)


def lane_of(
    folder: Path, verdicts: Verdicts, judged: Sequence[JudgedPassage], evaluation: EvaluationThread | None
) -> Hall:
    """A lane that has started, whose judge gives these verdicts."""
    judge, passengers = Judges(verdicts.judge, judged), list[Any]([(TravelDocument(b"", None), None)])
    measurer, policy = verdicts.judge.measurer, verdicts.judge.policy
    here = hall(folder, measurer, policy, passengers * len(judged), judge=judge, evaluation=evaluation)
    here.station.start()
    return here


def walked(
    verdicts: Verdicts, names: Sequence[str], answer: Answer, evaluation: EvaluationThread | None
) -> list[Any]:
    """All that a lane decides and does with these passengers; their passages are told by their number."""
    with TemporaryDirectory() as folder:
        here = lane_of(Path(folder), verdicts, [verdicts.of[name] for name in names], evaluation)
        here.desk.script = lambda _: answer
        reports = [here.walk() for _ in names]
        assert here.station.serve() is None
        if evaluation is not None:
            evaluation.close()
        here.journal.close()
    said = [(one.kind, one.body) for one in here.desk.entries if one.kind != "passage.evaluated"]
    text = json.dumps([said, here.gate.diary], default=str, sort_keys=True)
    for number, report in enumerate(reports):
        text = text.replace(report.passage, f"passage {number}")
    outcomes = [(one.outcome, one.reasons, one.remarks, one.officer, one.gate_opened) for one in reports]
    return [outcomes, here.states, without_ids_of_decisions(text)]


def without_ids_of_decisions(text: str) -> str:
    facts, diary = json.loads(text)
    for _, body in facts:
        if isinstance(body.get("decision"), dict):
            body["decision"].pop("decided_at")
    return json.dumps([facts, diary], sort_keys=True)


ENDING = [answer for answer in Answer if answer is not Answer.REPEAT_CAPTURE]
"""Answers that end the wait: a desk that asks for nothing but captures is waited for, for ever."""


@pytest.mark.thorough
@settings(max_examples=tiers.examples(10))
@given(names=st.lists(st.sampled_from(NAMES), max_size=5), answer=st.sampled_from(ENDING))
def test_evaluator_changes_no_decision(names: list[str], answer: Answer, verdicts: Verdicts) -> None:
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
    judged = [verdicts.of[name] for name in ("holder", "impostor", "holder-new-photo", "holder")]
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
        first = evaluator.evaluate(compared(verdicts.of["holder"]))
        assert (first["cohort"]["size"], first["own_match"]) == (0, True)
        again = evaluator.evaluate(compared(verdicts.of["holder"]))["cohort"]
        assert (again["size"], again["others"]["compared"]) == (1, 0), "the same document"
        assert evaluator.evaluate(compared(verdicts.of["impostor"]))["own_match"] is False
        assert evaluator.evaluate(compared(verdicts.of["nobody"]))["own_match"] is None


def test_incomplete_capture_counts_nothing(policy: Policy, verdicts: Verdicts) -> None:
    held = cohort()
    with closing(Evaluator(policy, held)) as evaluator:
        for name, why, count in (("no-face", "no reference", 0), ("nobody", "no complete capture", 1)):
            said = evaluator.evaluate(compared(verdicts.of[name]))["cohort"]
            assert (said, len(held)) == ({"not_assessed": why}, count)
    assert len(held) == 0


def test_nationality_is_used_only_if_counted(policy: Policy, verdicts: Verdicts) -> None:
    holder = replace(compared(verdicts.of["holder"]), nationality="UTO")
    for groups, said in ((frozenset[str](), None), (frozenset({"CHN"}), None), (frozenset({"UTO"}), "UTO")):
        body = evaluate(policy, holder, groups=groups)
        assert body["group"] == said
        assert (body["cohort"]["in_group"] is not None) is (said is not None)
        assert ("UTO" in json.dumps(body)) is (said is not None)


@pytest.mark.parametrize(("threshold", "agreement"), [(-1.0, "both_match"), (1.0, "disagree"), (None, None)])
def test_shadow_score_and_agreement_are_told(
    threshold: float | None, agreement: str | None, policy: Policy, verdicts: Verdicts
) -> None:
    body = evaluate(policy, compared(verdicts.of["holder"]), Shadow(Thumbnail(), threshold, unchanged))
    shadow = body["shadow"]
    assert shadow["matcher"]["name"] == "thumbnail"
    assert -1 <= shadow["similarity"]["value"] <= 1
    assert (shadow["threshold"], shadow["agreement"]) == (threshold, agreement)
    assert len(json.dumps(body, allow_nan=False)) < 1200, "plain counts only: no vector and no picture"


class BrokenEmbedder(Thumbnail):
    def embed(self, face: AlignedFace, /) -> Embedding:
        raise InferenceError("no answer")


def test_failed_shadow_keeps_stranger_count(policy: Policy, verdicts: Verdicts) -> None:
    body = evaluate(policy, compared(verdicts.of["holder"]), Shadow(BrokenEmbedder(), 0.5, unchanged))
    assert body["shadow"] == {"not_assessed": "InferenceError"}
    assert (body["own_match"], body["cohort"]["size"]) == (True, 0)


def take(evaluation: EvaluationThread, verdicts: Verdicts, passage: str = "p-1") -> bool:
    return evaluation.submit(PassageId(passage), compared(verdicts.of["holder"]))


def test_late_evaluation_comes_with_next(verdicts: Verdicts) -> None:
    hanging = Hanging()
    evaluation = EvaluationThread(hanging, LONG_S)
    assert take(evaluation, verdicts)
    assert evaluation.results(wait=False) == []
    assert not take(evaluation, verdicts, "p-2")
    hanging.end.set()
    assert evaluation.results(wait=True) == [("p-1", {})], "p-2 came while p-1 was at work"
    take(evaluation, verdicts, "p-3")
    assert evaluation.results(wait=True) == [("p-3", {})]
    evaluation.close()


def test_last_passengers_late_evaluation_is_recorded(tmp_path: Path, verdicts: Verdicts) -> None:
    hanging = Hanging()
    with EvaluationThread(hanging, 0.001) as evaluation:
        here = lane_of(tmp_path, verdicts, [verdicts.of["holder"]], evaluation)
        report = here.walk()
        assert evaluated(here) == []
        hanging.end.set()
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
        here = lane_of(tmp_path, verdicts, [verdicts.of["holder"]] * 3, evaluation)
        assert [here.walk().gate_opened for _ in range(3)] == [True, True, True]
        assert evaluation.waits == 1


def models_changed(judged: JudgedPassage) -> JudgedPassage:
    return replace(judged, evidence=replace(judged.evidence, models_unchanged=False))


def test_failing_evaluation_hides_no_closing_reason(tmp_path: Path, verdicts: Verdicts) -> None:
    """Why a lane closes is recorded even where the evaluation does not end."""

    class Endless(Raising):
        def close(self) -> None:
            raise MemoryError("of all things")

    judged = [models_changed(verdicts.of["holder"])]
    here = lane_of(tmp_path, verdicts, judged, EvaluationThread(Endless(), LONG_S))
    here.walk()
    assert here.kinds()[-1] == "lane.closed"


def test_one_that_raised_is_asked_again(verdicts: Verdicts) -> None:
    class Moody(Raising):
        calls = 0

        def evaluate(self, compared: Verification, /) -> dict[str, Any]:
            self.calls += 1
            return {"calls": 2} if self.calls > 1 else super().evaluate(compared)

    evaluator: VerificationEvaluator = Moody()
    with EvaluationThread(evaluator, LONG_S) as evaluation:
        take(evaluation, verdicts)
        assert evaluation.results(wait=True) == []
        take(evaluation, verdicts)
        assert evaluation.results(wait=True) == [("p-1", {"calls": 2})]


def test_closed_observer_takes_and_holds_nobody(policy: Policy, verdicts: Verdicts) -> None:
    held = cohort()
    evaluation = EvaluationThread(Evaluator(policy, held), LONG_S)
    take(evaluation, verdicts)
    assert len(evaluation.results(wait=True)) == 1
    assert len(held) == 1
    evaluation.close()
    evaluation.close()
    take(evaluation, verdicts)
    assert evaluation.results(wait=True) == []
    assert len(held) == 0


def test_self_closed_lane_erases_cohort(tmp_path: Path, policy: Policy, verdicts: Verdicts) -> None:
    held, holder = cohort(), verdicts.of["holder"]
    evaluation = EvaluationThread(Evaluator(policy, held), LONG_S)
    here = lane_of(tmp_path, verdicts, [holder, models_changed(holder)], evaluation)
    here.walk()
    assert len(held) == 1
    here.walk()
    assert here.kinds()[-1] == "lane.closed"
    assert len(evaluated(here)) == 1, "what a changed file measured is not counted"
    assert len(held) == 0


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
    after = compared(verdicts.of["holder"])
    assert after.reference.embedding is not None
    reference = replace(after.reference, embedding=replace(after.reference.embedding, matcher=THUMBNAIL))
    before = replace(after, reference=reference)
    said = [evaluate(both, one)["limits"] for one in (before, after)]
    due = [expected(lost, THUMBNAIL), expected(policy, after.reference.embedding.matcher)]
    assert [(one["fmr"], one["fnmr"]) for one in said] == [(one.fmr, one.fnmr) for one in due]
    assert said[0] != said[1]
    nobody = evaluate(both, compared(verdicts.of["no-face"]))
    assert (nobody["matcher"], nobody["limits"]) == (None, {"fmr": None, "fnmr": None})


def test_unmeasured_matcher_has_no_expectation(policy: Policy) -> None:
    assert expected(policy, THUMBNAIL) == Limits(None, None)


@pytest.mark.parametrize(("threshold", "agreement"), [(-1.0, "both_match"), (None, None)])
def test_lane_takes_shadow_from_settings(
    threshold: float | None, agreement: str | None, policy: Policy, networks: Networks, verdicts: Verdicts
) -> None:
    evaluation = built(
        policy,
        with_shadow(networks, unchanged),
        evaluation={"shadow_matcher": "thumbnail", "shadow_threshold": threshold},
    )
    shadow = result_of(evaluation, verdicts)["shadow"]
    assert (shadow["matcher"]["name"], shadow["agreement"]) == ("thumbnail", agreement)


@dataclass
class File:
    """The file of a second matcher, which somebody may exchange."""

    check: Callable[[], None]


def with_shadow(networks: Networks, check: Callable[[], None]) -> Networks:
    files: Any = {"thumbnail": File(check)}
    others: Any = {"thumbnail": Thumbnail()}
    return replace(networks, others=others, others_watched=files)


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
        here = lane_of(tmp_path, verdicts, [verdicts.of["holder"]] * 3, evaluation)
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
    assert result_of(evaluation, verdicts)["shadow"] == {
        "not_assessed": "switched off: not ready at the start"
    }
    assert [line.levelname for line in caplog.records if "dlib-resnet-29" in line.message] == ["CRITICAL"]


def test_unknown_shadow_is_a_settings_error(policy: Policy) -> None:
    with pytest.raises(CatalogueError, match="no-such-matcher"):
        build.build_measurer(
            read(evaluation={"shadow_matcher": "no-such-matcher"}, engine={"threads": 1}), policy
        )


def test_deciding_matcher_cannot_shadow_itself(policy: Policy, networks: Networks) -> None:
    with pytest.raises(SettingsError, match="decides already"):
        built(policy, networks, evaluation={"shadow_matcher": networks.embedder.identity.name})
