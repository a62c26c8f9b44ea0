"""One passenger after another, on real networks and real photographs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from lane.cameras.frame import Frame
from lane.cameras.port import FrameSource
from lane.cameras.simulated import Person, Scene, SimulatedCamera, render
from lane.capture.measuring import Measurer
from lane.decision.decide import Admit, Refer, decide
from lane.decision.evidence import DocumentKind, from_plain, to_plain
from lane.decision.passage_states import State
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.decision.referral import Answer, PassageId
from lane.demo import photos as store
from lane.demo.passengers import Passenger, demo_passengers
from lane.desk.simulated import SimulatedDesk, second_line
from lane.document.travel_document import TravelDocument
from lane.gate.light_beams import Passing
from lane.gate.simulated import SimulatedGate, openings
from lane.ledger.entry import read
from lane.passage.station import PassageReport
from lane.platform.clock import SkippingClock
from lane.platform.errors import (
    CameraError,
    DeskLostError,
    GateFaultError,
    LedgerBrokenError,
    NetworkLostError,
    StoppedError,
)
from models.errors import InferenceError, WeightsChangedError
from models.networks.build import Networks
from models.values.face import Face
from tests.support.lane.simulated_lane import LANE, Hall, StandingClock, hall

Cast = dict[str, Passenger]


@pytest.fixture(scope="session")
def people(photos: Path, measurer: Measurer) -> Cast:
    assert photos == store.folder()
    return {one.name: one for one in demo_passengers(measurer, date.today())}  # noqa: DTZ011  the document's own day


def admit(_: PassageId) -> Answer:
    return Answer.ADMIT


def no_answer(_: PassageId) -> None:
    return None


def codes(report: PassageReport) -> set[Code]:
    return {reason.code for reason in report.reasons}


def with_one(folder: Path, measurer: Measurer, policy: Policy, passenger: Passenger, **parts: object) -> Hall:
    return hall(folder, measurer, policy, [(passenger.document, passenger.scene)], **parts)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("name", EXPECTED)
def test_each_cast_member_gets_ruled_outcome(
    name: str, tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """Each passenger of the cast, by their rule."""
    here = with_one(tmp_path, measurer, policy, people[name])
    here.station.start()
    report = here.walk()
    assert EXPECTED[name] <= codes(report)
    assert (report.outcome == "refer") is bool(EXPECTED[name])
    assert report.gate_opened is (report.outcome == "admit")
    assert not here.gate.is_open


def test_holder_passes_with_ordered_steps(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """Every step is told in order."""
    here = with_one(tmp_path, measurer, policy, people["holder"])
    here.station.start()
    report = here.walk()
    assert here.kinds() == [
        "lane.started",
        "passage.started",
        "passage.judged",
        "gate.opening",
        "passage.closed",
    ]
    assert here.gate.diary == [f"open {report.passage}", "passed", "close"]
    assert here.screen.states == [State.CAPTURING, State.OPEN, State.CLOSED]
    assert not here.desk.pictures, "an admitted passenger's face never leaves the lane"
    assert here.station.serve() is None


def test_referred_passenger_waits_until_officer_admits(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """Behind a closed gate."""
    here = with_one(tmp_path, measurer, policy, people["dark"], desk=SimulatedDesk(LANE, admit))
    here.station.start()
    report = here.walk()
    assert report.officer is Answer.ADMIT
    assert report.gate_opened
    assert here.kinds()[2:] == ["passage.judged", "passage.decided", "gate.opening", "passage.closed"]
    shown = here.desk.entries[2].body["images"]
    assert [one["role"] for one in shown].count("document") == 1
    assert {one["sha256"] for one in shown} == set(here.desk.pictures)


def test_second_line_leaves_the_gate_closed(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    here = with_one(tmp_path, measurer, policy, people["impostor"])
    here.station.start()
    report = here.walk()
    assert report.officer is Answer.SECOND_LINE
    assert not report.gate_opened
    assert openings(here.gate.diary) == 0


def test_another_agency_leaves_the_gate_closed(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    desk = SimulatedDesk(LANE, lambda _: Answer.OTHER_AGENCY)
    here = with_one(tmp_path, measurer, policy, people["impostor"], desk=desk)
    here.station.start()
    assert here.walk().officer is Answer.OTHER_AGENCY
    assert here.desk.entries[-1].body["how"] == "handed_to_agency"
    assert openings(here.gate.diary) == 0


def test_repeated_capture_opens_by_own_proof(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """It is judged anew."""
    clock = StandingClock()
    camera = SimulatedCamera(clock, clock.skip, people["dark"].scene, frames_per_second=12.5)

    def light_on(_: PassageId) -> Answer:
        camera.scene = people["holder"].scene
        return Answer.REPEAT_CAPTURE

    here = with_one(
        tmp_path,
        measurer,
        policy,
        people["dark"],
        desk=SimulatedDesk(LANE, light_on),
        camera=camera,
        clock=clock,
    )
    here.station.start()
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
    assert here.screen.states == [
        State.CAPTURING,
        State.REFERRED,
        State.CAPTURING,
        State.OPEN,
        State.CLOSED,
    ]


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_captures_are_bounded(
    allowed: int, tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """Then another answer is asked for."""
    capture = policy.capture.model_copy(update={"max_repeat_captures": allowed})
    strict = policy.model_copy(update={"capture": capture})
    answers = [Answer.REPEAT_CAPTURE] * (allowed + 1) + [Answer.SECOND_LINE]
    desk = SimulatedDesk(LANE, lambda _: answers[desk.kinds().count("passage.judged") - 1 + refused()])

    def refused() -> int:
        return desk.kinds().count("passage.repeat_refused")

    here = with_one(tmp_path, measurer, strict, people["dark"], desk=desk)
    here.station.start()
    assert here.walk().officer is Answer.SECOND_LINE
    assert here.kinds().count("passage.judged") == allowed + 1
    assert refused() == 1
    assert here.desk.entries[-1].body["how"] == "sent_to_second_line"
    assert openings(here.gate.diary) == 0


def test_acted_on_decision_is_not_repeated(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """The desk that does not know of the new capture yet tells the old answer again."""
    desk = Forgetful(LANE, lambda _: Answer.REPEAT_CAPTURE)
    here = with_one(tmp_path, measurer, policy, people["dark"], desk=desk)
    here.clock.sleep = desk.learn  # type: ignore[method-assign]  # the wait is where the desk learns
    here.station.start()
    assert here.walk().officer is Answer.SECOND_LINE
    assert here.kinds().count("passage.judged") == 2


class Forgetful(SimulatedDesk):
    """Counts no new question until it learns of it."""

    def learn(self, seconds: float) -> None:
        del seconds
        self.script = second_line

    def _asked(self, passage: PassageId) -> int:
        return 2 if self.script is second_line else 1


def test_ledger_alone_replays_decision(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    for name, kind in (("holder", Admit), ("impostor", Refer)):
        folder = tmp_path / name
        here = with_one(folder, measurer, policy, people[name])
        here.station.start()
        here.walk()
        judged = next(entry for entry in here.desk.entries if entry.kind == "passage.judged")
        assert judged.body["policy"] == policy.identity()
        band = policy.check(measurer.networks.embedder.identity)
        assert judged.body["band"] == to_plain(band)
        said = from_plain(judged.body["evidence"])
        assert said.achieved_fmr == policy.achieved_fmr(said.matcher, said.similarity)
        assert isinstance(decide(from_plain(judged.body["evidence"]), policy), kind)


def test_ledger_says_liveness_was_not_assessed(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    here = with_one(tmp_path, measurer, policy, people["holder"])
    here.station.start()
    report = here.walk()
    body = next(entry.body for entry in here.desk.entries if entry.kind == "passage.judged")
    assert "not_assessed" in body["evidence"]["liveness"]
    assert body["remarks"] == [{"code": "A02", "components": []}]
    assert [remark.code for remark in report.remarks] == [Code.ATTACK_DETECTION_UNAVAILABLE]


@pytest.mark.parametrize(
    ("fault", "code"),
    [(NetworkLostError("cable"), Code.NETWORK_LOST), (DeskLostError("HTTP 500"), Code.DESK_LOST)],
)
def test_lost_desk_refers_and_loses_nothing(
    fault: NetworkLostError | DeskLostError,
    code: Code,
    tmp_path: Path,
    measurer: Measurer,
    policy: Policy,
    people: Cast,
) -> None:
    here = with_one(tmp_path, measurer, policy, people["holder"], desk=SimulatedDesk(LANE, admit, fault))
    sleeps: list[float] = []

    def back_again(seconds: float) -> None:
        sleeps.append(seconds)
        assert not here.gate.is_open
        assert openings(here.gate.diary) == 0
        here.desk.fault = None if len(sleeps) >= 3 else fault

    here.clock.sleep = back_again  # type: ignore[method-assign]  # the wait is where the desk comes back
    here.station.start()
    report = here.walk()
    assert codes(report) == {code}
    assert len(sleeps) >= 3
    assert report.gate_opened
    assert here.kinds()[-1] == "passage.closed"
    assert here.journal.pending(1) == []


def test_allowing_site_admits_without_desk(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """While the desk is down."""
    lenient = policy.model_copy(update={"desk": policy.desk.model_copy(update={"when_lost": "signal"})})
    desk = SimulatedDesk(LANE, admit, NetworkLostError("cable"))
    here = with_one(tmp_path, measurer, lenient, people["holder"], desk=desk)
    here.station.start()
    report = here.walk()
    assert report.gate_opened
    assert len(here.journal.pending(50)) == 5, "everything waits in the outbox"
    desk.fault = None
    here.station.start()
    assert here.journal.pending(1) == []


def test_restart_opens_for_no_earlier_answer(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """The lane was stopped while it waited for an officer."""
    here = with_one(tmp_path, measurer, policy, people["impostor"], desk=SimulatedDesk(LANE, no_answer))
    here.station.start()
    here.station.stop()
    with pytest.raises(StoppedError):
        here.station.serve()
    here.journal.close()
    here.desk.script = admit
    again = hall(tmp_path, measurer, policy, [], desk=here.desk)
    again.station.start()
    assert again.kinds()[-2:] == ["lane.started", "passage.closed"]
    assert again.desk.entries[-1].body["how"] == "interrupted"
    assert openings(again.gate.diary) == 0


def test_possibly_old_answer_opens_no_gate(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    here = with_one(tmp_path, measurer, policy, people["dark"], desk=SimulatedDesk(LANE, no_answer))
    clock = here.clock
    assert isinstance(clock, SkippingClock)

    def out_for_an_hour(passage: PassageId) -> Answer:
        clock.skip(3600)
        return admit(passage)

    here.desk.script = out_for_an_hour
    here.station.start()
    report = here.walk()
    assert report.officer is Answer.ADMIT
    assert not report.gate_opened
    assert here.kinds()[-2:] == ["passage.decided", "passage.closed"]
    assert here.desk.entries[-1].body["how"] == "interrupted"


def test_unmoved_gate_is_recorded_and_closed(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """A gate that does not move stays closed."""
    here = with_one(tmp_path, measurer, policy, people["holder"], gate=SimulatedGate(faulty=True))
    here.station.start()
    report = here.walk()
    assert not report.gate_opened
    assert here.desk.entries[-1].body["how"] == "gate_fault"


class StuckGate(SimulatedGate):
    """Opens, and does not close."""

    def close(self) -> None:
        if self.is_open:
            raise GateFaultError("jammed")


def test_unclosed_gate_closes_the_lane(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """It is written down."""
    passenger = people["holder"]
    here = hall(tmp_path, measurer, policy, [(passenger.document, passenger.scene)] * 2, gate=StuckGate())
    here.station.start()
    here.walk()
    assert here.kinds()[-2:] == ["passage.closed", "lane.closed"]
    assert here.desk.entries[-2].body["how"] == "gate_fault"
    assert here.station.serve() is None, "a lane with an open gate serves nobody"


def test_gate_closes_behind_nobody(tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast) -> None:
    """A passenger who does not walk through leaves a closed gate."""
    here = with_one(tmp_path, measurer, policy, people["holder"], gate=SimulatedGate(Passing.NOT_YET))
    here.station.start()
    here.walk()
    assert here.gate.diary[-1] == "close"
    assert here.desk.entries[-1].body["how"] == "interrupted"


class LostCamera:
    def frames(self) -> Iterator[Frame]:
        raise CameraError("unplugged")


@dataclass(slots=True)
class ShiftedCamera:
    """A simulated camera whose frames are changed on their way."""

    camera: FrameSource
    change: Callable[[Frame], Frame]

    def frames(self) -> Iterator[Frame]:
        return map(self.change, self.camera.frames())


def shifted(
    folder: Path, measurer: Measurer, policy: Policy, passenger: Passenger, change: Callable[[Frame], Frame]
) -> Hall:
    clock = StandingClock()
    camera = SimulatedCamera(clock, clock.skip, passenger.scene, frames_per_second=12.5)
    return with_one(folder, measurer, policy, passenger, camera=ShiftedCamera(camera, change), clock=clock)


@pytest.mark.parametrize("shift_s", [-5.0, 3600.0, float("nan")], ids=["stale", "other clock", "no time"])
def test_frame_without_known_age_never_decides(
    shift_s: float, tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    def change(frame: Frame) -> Frame:
        return replace(frame, captured_monotonic_s=frame.captured_monotonic_s + shift_s)

    here = shifted(tmp_path, measurer, policy, people["holder"], change)
    here.station.start()
    report = here.walk()
    assert report.outcome == "refer"
    assert set(here.desk.entries[2].body["evidence"]["capture"]["rejections"]) == {"age"}


def test_a_frozen_picture_never_decides(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    still = render(people["holder"].scene, 2.0, np.random.default_rng(1))
    here = shifted(
        tmp_path, measurer, policy, people["holder"], lambda frame: replace(frame, image_bgr=still)
    )
    here.station.start()
    report = here.walk()
    assert report.outcome == "refer"
    assert here.desk.entries[2].body["evidence"]["capture"]["rejections"]["frozen"] > 10


def test_repeated_frame_numbers_never_decide(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    here = shifted(tmp_path, measurer, policy, people["holder"], lambda frame: replace(frame, sequence=7))
    here.station.start()
    assert here.walk().outcome == "refer"


def test_deciding_frames_lie_close_together(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    dark = np.zeros((480, 640, 3), np.uint8)

    def only_every_third_second(frame: Frame) -> Frame:
        good = frame.sequence % 38 == 30
        return frame if good else replace(frame, image_bgr=dark + np.uint8(frame.sequence % 2))

    here = shifted(tmp_path, measurer, policy, people["holder"], only_every_third_second)
    here.station.start()
    assert Code.TIMEOUT in codes(here.walk())


ONLOOKER = {"stands_at": (0.82, 0.3), "eyes_apart_px": 15.0}


def moving(people: Cast, name: str, **how: object) -> Person:
    """The first person in the scene of somebody of the cast, who stands or stays otherwise."""
    return replace(people[name].scene.people[0], **how)  # type: ignore[arg-type]


def scene_of(story: str, people: Cast) -> Scene:
    """People who do not just walk up, each story with the holder of a document in it."""
    holder, other, ever = people["holder"].scene, "impostor", float("inf")
    abreast = [moving(people, name, stands_at=(x, 0.45), eyes_apart_px=60.0) for name, x in SIDES]
    far = moving(people, "holder", eyes_apart_px=30.0)
    stories = {
        "walk abreast": replace(holder, people=tuple(abreast)),
        "one comes beside": replace(
            holder, people=(abreast[0], replace(abreast[1], stays=((0.1, ever),))), walk_s=0.8
        ),
        "one looks in and goes": replace(
            holder, people=(abreast[0], replace(abreast[1], stays=((0.1, 1.0),))), walk_s=0.8
        ),
        "others queue behind": replace(
            holder,
            people=(
                *holder.people,
                moving(people, other, **ONLOOKER),
                moving(people, other, stands_at=(0.15, 0.35), eyes_apart_px=18.0),
            ),
        ),
        "turns back": replace(holder, people=(replace(far, stays=((0.0, 0.8),)),), walk_s=0.2),
        "comes back": replace(
            holder, people=(moving(people, "holder", stays=((0.0, 0.3), (1.0, ever))),), walk_s=0.6
        ),
        "another takes the place": replace(
            holder,
            people=(
                moving(people, "holder", stays=((0.0, 0.3),)),
                moving(people, other, stays=((0.3, ever),)),
            ),
            walk_s=0.6,
        ),
    }
    return stories[story]


FRAMES_PER_SECOND = 12.5
"""Of the hall's camera."""
SIDES = (("holder", 0.25), ("impostor", 0.76))
STORIES = {
    "walk abreast": {Code.SEVERAL_FACES},
    "one comes beside": {Code.SEVERAL_FACES},
    "one looks in and goes": set(),
    "others queue behind": set(),
    "turns back": {Code.TURNED_BACK},
    "comes back": set(),
    "another takes the place": {Code.NO_MATCH},
}


@pytest.mark.parametrize("story", STORIES)
def test_unusual_approach_gets_its_outcome(
    story: str, tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """People who do not just walk up: the outcome of their story."""
    passenger = replace(people["holder"], scene=scene_of(story, people))
    here = with_one(tmp_path, measurer, policy, passenger, clock=StandingClock())
    here.station.start()
    report = here.walk()
    assert codes(report) & {*STORIES[story], Code.SEVERAL_FACES, Code.NO_MATCH} == STORIES[story]
    assert (report.outcome == "refer") is bool(STORIES[story])
    if story in ("one looks in and goes", "comes back"):
        assert report.frames / FRAMES_PER_SECOND > 1, "nothing from before it decides"


def test_face_lost_between_frames_restarts_count(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    empty = render(people["nobody"].scene, 2.0, np.random.default_rng(1))

    def in_and_out(frame: Frame) -> Frame:
        here = frame.sequence % 3 < 2
        return frame if here else replace(frame, image_bgr=empty + np.uint8(frame.sequence % 2))

    here = shifted(tmp_path, measurer, policy, people["holder"], in_and_out)
    here.station.start()
    assert Code.TIMEOUT in codes(here.walk())


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
    error: Exception, tmp_path: Path, networks: Networks, policy: Policy, people: Cast
) -> None:
    """It is not held against the person."""
    here = with_one(tmp_path, FaultyMeasurer(networks, error), policy, people["holder"])
    here.station.start()
    report = here.walk()
    assert Code.ENGINE_LOST in codes(report)
    assert not codes(report) & {Code.NO_MATCH, Code.BORDERLINE, Code.NO_FACE, Code.DOCUMENT_PHOTO_UNUSABLE}
    assert not report.gate_opened


def test_changed_model_refers_and_closes_lane(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    passenger = people["holder"]
    here = hall(tmp_path, measurer, policy, [(passenger.document, passenger.scene)] * 2)
    here.station.start()

    def changed(_: Networks) -> None:
        raise WeightsChangedError(Path("sface.onnx"), "a" * 64, "b" * 64)

    monkeypatch.setattr(Networks, "check_files", changed)
    report = here.walk()
    assert Code.MODEL_CHANGED in codes(report)
    assert here.kinds()[-1] == "lane.closed"
    assert here.station.serve() is None, "a closed lane serves nobody"


def test_unreadable_document_refers(tmp_path: Path, measurer: Measurer, policy: Policy) -> None:
    here = hall(tmp_path, measurer, policy, [(TravelDocument(b"not a photo", None), Scene())])
    here.station.start()
    assert codes(here.walk()) == {Code.DOCUMENT_EXPIRED, Code.CHIP_UNREADABLE}


def test_unreadable_photo_refers(tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast) -> None:
    document = replace(people["nobody"].document, photo=b"not a photo")
    here = hall(tmp_path, measurer, policy, [(document, Scene())])
    here.station.start()
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
    change: dict[str, Any], code: Code, tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """Who goes straight to an officer."""
    holder = people["holder"]
    document = replace(holder.document, **change)
    here = hall(tmp_path, measurer, policy, [(document, holder.scene)], camera=NoCamera())
    here.station.start()
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
    zone: str, expired: bool, tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    passenger = people["holder"]
    document = replace(passenger.document, expires_on=date(2026, 1, 1))
    clock = FixedClock(ZoneInfo(zone))
    here = hall(tmp_path, measurer, policy, [(document, passenger.scene)], clock=clock)
    here.station.start()
    assert (Code.DOCUMENT_EXPIRED in codes(here.walk())) is expired


def test_ledger_holds_no_face_or_identity(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """No face, no name and no number."""
    here = with_one(tmp_path, measurer, policy, people["impostor"])
    here.station.start()
    here.walk()
    for payload, hash_ in here.journal.payloads():
        text = json.dumps(read(payload, hash_).body)
        assert len(text) < 6000, "facts, not pictures"
        assert "base64" not in text
        assert "/9j/" not in text


def test_pictures_leave_lane_after_delivery(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    """Once the desk has them."""
    here = with_one(tmp_path, measurer, policy, people["impostor"])
    here.station.start()
    here.walk()
    assert here.desk.pictures
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("lane.sqlite*"))
    assert b"\xff\xd8\xff" not in stored


def test_changed_ledger_stops_lane_start(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: Cast
) -> None:
    here = with_one(tmp_path, measurer, policy, people["holder"])
    here.station.start()
    here.walk()
    here.journal.close()
    path = tmp_path / "lane.sqlite"
    path.write_bytes(path.read_bytes().replace(b'"outcome":"admit"', b'"outcome":"refer"', 1))
    with pytest.raises(LedgerBrokenError):
        hall(tmp_path, measurer, policy, [])
