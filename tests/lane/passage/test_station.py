"""One passenger after another, on real networks and real photographs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from lane.cameras.frame import Frame
from lane.cameras.simulated import render
from lane.capture.measuring import Measurer
from lane.decision.decide import Admit, Refer, decide
from lane.decision.evidence import DocumentKind, from_plain, to_plain
from lane.decision.passage_states import State
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.decision.referral import Answer, PassageId
from lane.document.travel_document import TravelDocument
from lane.gate.simulated import SimulatedGate
from lane.ledger.entry import read
from lane.platform.clock import SkippingClock
from lane.platform.errors import GateFaultError, LedgerBrokenError, NetworkLostError, StoppedError
from models.errors import InferenceError
from models.networks.build import Networks
from models.values.face import Face
from tests.support import tiers
from tests.support.lane.simulated_lane import (
    LANE,
    ChangedCamera,
    Hall,
    LaneMaker,
    People,
    SimulatedDesk,
    StandingClock,
    codes,
    openings,
    second_line,
)


def admit(_: PassageId) -> Answer:
    return Answer.ADMIT


def no_answer(_: PassageId) -> None:
    return None


EXPECTED = {
    "holder": set(),
    "holder-new-photo": set(),
    "impostor": {Code.NO_MATCH},
    "two-people": {Code.SEVERAL_FACES},
    "nobody": {Code.NO_FACE, Code.TIMEOUT},
    "blurred": {Code.QUALITY},
    "dark": {Code.QUALITY, Code.LIGHT},
    "expired": {Code.DOCUMENT_EXPIRED},
    "no-face": {Code.DOCUMENT_PHOTO_UNUSABLE},
}


@tiers.parametrize("name", EXPECTED, quick=3)
def test_each_cast_member_gets_ruled_outcome(name: str, lane_with: LaneMaker) -> None:
    here = lane_with(name)
    report = here.walk()
    assert EXPECTED[name] <= codes(report)
    assert (report.outcome == "refer") is bool(EXPECTED[name])
    assert report.gate_opened is (report.outcome == "admit")
    assert not here.gate.is_open


def test_holder_passes_with_ordered_steps(lane_with: LaneMaker) -> None:
    here = lane_with("holder")
    report = here.walk()
    assert here.kinds() == [
        "lane.started",
        "passage.started",
        "passage.judged",
        "gate.opening",
        "passage.closed",
    ]
    assert here.gate.diary == [f"open {report.passage}", "passed", "close"]
    assert here.states == [State.CAPTURING, State.OPEN, State.CLOSED]
    assert not here.desk.pictures, "an admitted passenger's face never leaves the lane"
    assert here.station.serve() is None


def test_referred_passenger_waits_until_officer_admits(lane_with: LaneMaker) -> None:
    here = lane_with("dark", desk=SimulatedDesk(LANE, admit))
    report = here.walk()
    assert report.officer is Answer.ADMIT
    assert report.gate_opened
    assert here.kinds()[2:] == ["passage.judged", "passage.decided", "gate.opening", "passage.closed"]
    shown = here.judged()["images"]
    assert [one["role"] for one in shown].count("document") == 1
    assert {one["sha256"] for one in shown} == set(here.desk.pictures)


@pytest.mark.parametrize(
    ("answer", "how"),
    [(Answer.SECOND_LINE, "sent_to_second_line"), (Answer.OTHER_AGENCY, "handed_to_agency")],
)
def test_other_answers_leave_the_gate_closed(answer: Answer, how: str, lane_with: LaneMaker) -> None:
    here = lane_with("impostor", desk=SimulatedDesk(LANE, lambda _: answer))
    report = here.walk()
    assert report.officer is answer
    assert not report.gate_opened
    assert here.desk.entries[-1].body["how"] == how
    assert openings(here.gate.diary) == 0


@pytest.mark.thorough
def test_repeated_capture_opens_by_own_proof(people: People, lane_with: LaneMaker) -> None:
    clock = StandingClock()
    camera = lane_with.camera("dark", clock)

    def light_on(_: PassageId) -> Answer:
        camera.scene = people["holder"].scene
        return Answer.REPEAT_CAPTURE

    here = lane_with("dark", desk=SimulatedDesk(LANE, light_on), camera=camera, clock=clock)
    report = here.walk()
    assert (report.outcome, report.gate_opened) == ("admit", True)
    assert here.kinds()[1:] == [
        "passage.started",
        "passage.judged",
        "passage.decided",
        "passage.judged",
        "gate.opening",
        "passage.closed",
    ]
    assert here.desk.entries[5].body["because"] == "proof"
    assert here.states == [State.CAPTURING, State.REFERRED, State.CAPTURING, State.OPEN, State.CLOSED]


@tiers.parametrize("allowed", [0, 1, 2], quick=1)
def test_captures_are_bounded(allowed: int, policy: Policy, lane_with: LaneMaker) -> None:
    capture = policy.capture.model_copy(update={"max_repeat_captures": allowed})
    strict = policy.model_copy(update={"capture": capture})
    answers = [Answer.REPEAT_CAPTURE] * (allowed + 1) + [Answer.SECOND_LINE]
    desk = SimulatedDesk(LANE, lambda _: answers[desk.kinds().count("passage.judged") - 1 + refused()])

    def refused() -> int:
        return desk.kinds().count("passage.repeat_refused")

    here = lane_with("dark", policy=strict, desk=desk)
    assert here.walk().officer is Answer.SECOND_LINE
    assert here.kinds().count("passage.judged") == allowed + 1
    assert refused() == 1
    assert here.desk.entries[-1].body["how"] == "sent_to_second_line"
    assert openings(here.gate.diary) == 0


@pytest.mark.thorough
def test_acted_on_decision_is_not_repeated(lane_with: LaneMaker) -> None:
    """The desk that does not know of the new capture yet tells the old answer again."""
    desk = Forgetful(LANE, lambda _: Answer.REPEAT_CAPTURE)
    here = lane_with("dark", desk=desk)
    here.clock.sleep = desk.learn  # type: ignore[method-assign]  # the wait is where the desk learns
    assert here.walk().officer is Answer.SECOND_LINE
    assert here.kinds().count("passage.judged") == 2


class Forgetful(SimulatedDesk):
    """Counts no new question until it learns of it."""

    def learn(self, seconds: float) -> None:
        del seconds
        self.script = second_line

    def _asked(self, passage: PassageId) -> int:
        return 2 if self.script is second_line else 1


@pytest.mark.parametrize(("name", "kind"), [("holder", Admit), ("impostor", Refer)])
def test_ledger_alone_replays_decision(
    name: str, kind: type, measurer: Measurer, policy: Policy, lane_with: LaneMaker
) -> None:
    here = lane_with(name)
    here.walk()
    judged = here.judged()
    assert judged["policy"] == policy.identity()
    assert judged["band"] == to_plain(policy.check(measurer.networks.embedder.identity))
    evidence = from_plain(judged["evidence"])
    assert evidence.achieved_fmr == policy.achieved_fmr(evidence.matcher, evidence.similarity)
    assert isinstance(decide(evidence, policy), kind)


def test_ledger_says_liveness_was_not_assessed(lane_with: LaneMaker) -> None:
    here = lane_with("holder")
    report = here.walk()
    assert "not_assessed" in here.judged()["evidence"]["liveness"]
    assert here.judged()["remarks"] == [{"code": "A02", "components": []}]
    assert [remark.code for remark in report.remarks] == [Code.ATTACK_DETECTION_UNAVAILABLE]


def test_allowing_site_admits_without_desk(policy: Policy, lane_with: LaneMaker) -> None:
    lenient = policy.model_copy(update={"desk": policy.desk.model_copy(update={"when_lost": "signal"})})
    desk = SimulatedDesk(LANE, admit, NetworkLostError("cable"))
    here = lane_with("holder", policy=lenient, desk=desk)
    report = here.walk()
    assert report.gate_opened
    assert len(here.journal.pending(50)) == 5, "everything waits in the outbox"
    desk.fault = None
    here.station.start()
    assert here.journal.pending(1) == []


def test_restart_opens_for_no_earlier_answer(lane_with: LaneMaker) -> None:
    """The lane was stopped while it waited for an officer."""
    here = lane_with("impostor", desk=SimulatedDesk(LANE, no_answer))
    here.station.stop()
    with pytest.raises(StoppedError):
        here.station.serve()
    here.journal.close()
    here.desk.script = admit
    again = lane_with(desk=here.desk)
    assert again.kinds()[-2:] == ["lane.started", "passage.closed"]
    assert again.desk.entries[-1].body["how"] == "interrupted"
    assert openings(again.gate.diary) == 0


def test_possibly_old_answer_opens_no_gate(lane_with: LaneMaker) -> None:
    here = lane_with("dark", desk=SimulatedDesk(LANE, no_answer))

    def out_for_an_hour(passage: PassageId) -> Answer:
        here.clock.sleep(3600)
        return admit(passage)

    here.desk.script = out_for_an_hour
    report = here.walk()
    assert report.officer is Answer.ADMIT
    assert not report.gate_opened
    assert here.kinds()[-2:] == ["passage.decided", "passage.closed"]
    assert here.desk.entries[-1].body["how"] == "interrupted"


class StuckGate(SimulatedGate):
    """Opens, and does not close."""

    def close(self) -> None:
        if self.is_open:
            raise GateFaultError("jammed")


@pytest.mark.parametrize("stuck", [False, True], ids=["unmoved", "unclosed"])
def test_gate_fault_is_recorded(stuck: bool, lane_with: LaneMaker) -> None:
    """A lane with an open gate serves nobody."""
    here = lane_with("holder", "holder", gate=StuckGate() if stuck else SimulatedGate(faulty=True))
    assert here.walk().gate_opened is stuck
    assert [one.body["how"] for one in here.desk.entries if one.kind == "passage.closed"] == ["gate_fault"]
    assert (here.kinds()[-1] == "lane.closed") is stuck
    if stuck:
        assert here.station.serve() is None


def shifted(lane_with: LaneMaker, change: Callable[[Frame], Frame]) -> Hall:
    """A lane for the holder, whose frames are changed on their way."""
    clock = StandingClock()
    return lane_with("holder", camera=ChangedCamera(lane_with.camera("holder", clock), change), clock=clock)


@tiers.parametrize("shift_s", [-5.0, 3600.0, float("nan")], quick=1)
def test_frame_without_known_age_never_decides(shift_s: float, lane_with: LaneMaker) -> None:
    def change(frame: Frame) -> Frame:
        return replace(frame, captured_monotonic_s=frame.captured_monotonic_s + shift_s)

    here = shifted(lane_with, change)
    report = here.walk()
    assert report.outcome == "refer"
    assert set(here.judged()["evidence"]["capture"]["rejections"]) == {"age"}


def test_a_frozen_picture_never_decides(people: People, lane_with: LaneMaker) -> None:
    still = render(people["holder"].scene, 2.0, np.random.default_rng(1))
    here = shifted(lane_with, lambda frame: replace(frame, image_bgr=still))
    report = here.walk()
    assert report.outcome == "refer"
    assert here.judged()["evidence"]["capture"]["rejections"]["frozen"] > 10


@pytest.mark.thorough
def test_repeated_frame_numbers_never_decide(lane_with: LaneMaker) -> None:
    here = shifted(lane_with, lambda frame: replace(frame, sequence=7))
    assert here.walk().outcome == "refer"


@pytest.mark.thorough
def test_deciding_frames_lie_close_together(lane_with: LaneMaker) -> None:
    dark = np.zeros((480, 640, 3), np.uint8)

    def only_every_third_second(frame: Frame) -> Frame:
        good = frame.sequence % 38 == 30
        return frame if good else replace(frame, image_bgr=dark + np.uint8(frame.sequence % 2))

    here = shifted(lane_with, only_every_third_second)
    assert Code.TIMEOUT in codes(here.walk())


def stays(*spans_s: tuple[float, float]) -> dict[str, Any]:
    return {"stays": spans_s}


EVER, FRAMES_PER_SECOND = float("inf"), 12.5
FAR: dict[str, Any] = {"eyes_apart_px": 30.0}
LEFT, RIGHT = ({"stands_at": (x, 0.45), "eyes_apart_px": 60.0} for x in (0.25, 0.76))
BEHIND: list[dict[str, Any]] = [
    {"stands_at": (0.82, 0.3), "eyes_apart_px": 15.0},
    {"stands_at": (0.15, 0.35), "eyes_apart_px": 18.0},
]
APPROACHES: dict[str, tuple[list[tuple[str, dict[str, Any]]], float, set[Code]]] = {
    "walk abreast": ([("holder", LEFT), ("impostor", RIGHT)], 1.2, {Code.SEVERAL_FACES}),
    "one comes beside": (
        [("holder", LEFT), ("impostor", RIGHT | stays((0.1, EVER)))],
        0.8,
        {Code.SEVERAL_FACES},
    ),
    "one looks in and goes": ([("holder", LEFT), ("impostor", RIGHT | stays((0.1, 1.0)))], 0.8, set()),
    "others queue behind": ([("holder", {}), *(("impostor", one) for one in BEHIND)], 1.2, set()),
    "turns back": ([("holder", FAR | stays((0.0, 0.8)))], 0.2, {Code.TURNED_BACK}),
    "comes back": ([("holder", stays((0.0, 0.3), (1.0, EVER)))], 0.6, set()),
    "another takes the place": (
        [("holder", stays((0.0, 0.3))), ("impostor", stays((0.3, EVER)))],
        0.6,
        {Code.NO_MATCH},
    ),
}
"""Who comes, and stands or stays otherwise than in the demo; how long they walk up; what it refers for."""


@pytest.mark.thorough
@tiers.parametrize("story", APPROACHES, quick=2)
def test_unusual_approach_gets_its_outcome(story: str, people: People, lane_with: LaneMaker) -> None:
    who, walk_s, expected = APPROACHES[story]
    persons = tuple(replace(people[name].scene.people[0], **how) for name, how in who)
    scene = replace(people["holder"].scene, people=persons, walk_s=walk_s)
    here = lane_with(replace(people["holder"], scene=scene), clock=StandingClock())
    report = here.walk()
    assert codes(report) & {*expected, Code.SEVERAL_FACES, Code.NO_MATCH} == expected
    assert (report.outcome == "refer") is bool(expected)
    if story in ("one looks in and goes", "comes back"):
        assert report.frames / FRAMES_PER_SECOND > 1, "nothing from before it decides"


class FaultyMeasurer(Measurer):
    """Fails the first time it looks at a live frame."""

    def __init__(self, networks: Networks, error: Exception) -> None:
        super().__init__(networks, second_face_ratio=0.5)
        self.error = error

    def find(self, *_: object) -> tuple[Face, ...]:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [InferenceError("no answer"), RuntimeError("nobody thought of this"), MemoryError(), ValueError("x")],
)
def test_measuring_fault_refers_without_blame(
    error: Exception, networks: Networks, lane_with: LaneMaker
) -> None:
    here = lane_with("holder", measurer=FaultyMeasurer(networks, error))
    report = here.walk()
    assert Code.ENGINE_LOST in codes(report)
    assert not codes(report) & {Code.NO_MATCH, Code.BORDERLINE, Code.NO_FACE, Code.DOCUMENT_PHOTO_UNUSABLE}
    assert not report.gate_opened


def test_unreadable_document_refers(people: People, lane_with: LaneMaker) -> None:
    here = lane_with(replace(people["nobody"], document=TravelDocument(b"not a photo", None)))
    assert codes(here.walk()) == {Code.DOCUMENT_EXPIRED, Code.CHIP_UNREADABLE}


@pytest.mark.thorough
def test_unreadable_photo_refers(people: People, lane_with: LaneMaker) -> None:
    document = replace(people["nobody"].document, photo=b"not a photo")
    here = lane_with(replace(people["nobody"], document=document))
    assert {Code.DOCUMENT_PHOTO_UNUSABLE, Code.NO_FACE} <= codes(here.walk())


class NoCamera:
    """Whoever is not captured must not be looked at."""

    def frames(self) -> Iterator[Frame]:
        raise AssertionError("a camera was asked for frames")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": DocumentKind.DIPLOMATIC}, Code.DIPLOMATIC),
        ({"kind": DocumentKind.OFFICIAL}, Code.DIPLOMATIC),
        ({"kind": DocumentKind.UNITED_NATIONS}, Code.DIPLOMATIC),
        ({"born_on": date.today()}, Code.CHILD),  # noqa: DTZ011  by the lane's own day
    ],
)
def test_direct_officer_case_is_not_captured(
    change: dict[str, Any], code: Code, people: People, lane_with: LaneMaker
) -> None:
    holder = people["holder"]
    document = replace(holder.document, **change)
    here = lane_with(replace(holder, document=document), camera=NoCamera())
    assert codes(here.walk()) == {code}
    assert here.desk.pictures == {}, "nor is the document's photo passed on"


class FixedClock(SkippingClock):
    """Two in the morning in Beijing, when it is still yesterday in Greenwich."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "expired"), [("Asia/Shanghai", True), ("Europe/London", False), ("America/New_York", False)]
)
def test_documents_expire_by_lanes_calendar(
    zone: str, expired: bool, people: People, lane_with: LaneMaker
) -> None:
    passenger = people["holder"]
    document = replace(passenger.document, expires_on=date(2026, 1, 1))
    here = lane_with(replace(passenger, document=document), clock=FixedClock(ZoneInfo(zone)))
    assert (Code.DOCUMENT_EXPIRED in codes(here.walk())) is expired


def test_ledger_holds_no_face_or_identity(lane_with: LaneMaker) -> None:
    here = lane_with("impostor")
    here.walk()
    for payload, hash_ in here.journal.payloads():
        text = json.dumps(read(payload, hash_).body)
        assert len(text) < 6000, "facts, not pictures"
        assert "base64" not in text
        assert "/9j/" not in text


def test_changed_ledger_stops_lane_start(tmp_path: Path, lane_with: LaneMaker) -> None:
    here = lane_with("holder")
    here.walk()
    here.journal.close()
    path = tmp_path / "lane.sqlite"
    path.write_bytes(path.read_bytes().replace(b'"outcome":"admit"', b'"outcome":"refer"', 1))
    with pytest.raises(LedgerBrokenError):
        lane_with()
