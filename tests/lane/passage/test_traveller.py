"""What the traveller is told and asks for, and what a lane keeps of one who has gone: no picture at all."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lane.cameras.frame import Frame
from lane.capture.guidance import INSTRUCTION_OF_STATE, Instruction
from lane.decision.evidence import CaptureEnd
from lane.decision.passage_states import State
from lane.decision.reason_codes import Code
from lane.decision.referral import Answer
from lane.ledger.entry import Picture
from tests.support import tiers
from tests.support.lane.simulated_lane import (
    LANE,
    ChangedCamera,
    LaneMaker,
    SimulatedDesk,
    StandingClock,
    codes,
)


class ShownInstructions:
    """See `lane.capture.guidance.Guide`: remembers what was shown, each once."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []

    def __call__(self, instruction: Instruction, /, progress: float = 0.0) -> None:
        if self.instructions[-1:] != [instruction]:
            self.instructions.append(instruction)


class Presses:
    """See `lane.kiosk.traveller_requests.TravellerRequests`: a button is pressed at the nth call."""

    def __init__(self, code: Code, nth: int) -> None:
        self._code, self._nth, self._calls = code, nth, 0

    def __call__(self) -> tuple[Code, ...]:
        self._calls += 1
        return (self._code,) if self._calls == self._nth else ()


def test_each_passage_state_has_instruction() -> None:
    assert set(INSTRUCTION_OF_STATE) == set(State)
    proceeding = [state for state, one in INSTRUCTION_OF_STATE.items() if one is Instruction.PROCEED]
    assert proceeding == [State.OPEN]


def test_a_holder_is_led_through(lane_with: LaneMaker) -> None:
    shown = ShownInstructions()
    here = lane_with("holder", guide=shown)
    assert here.walk().gate_opened
    assert shown.instructions[:2] == [Instruction.WELCOME, Instruction.LOOK]
    assert shown.instructions[-2:] == [Instruction.PROCEED, Instruction.PLEASE_WAIT]


@pytest.mark.thorough
def test_referred_traveller_hears_only_of_officer(lane_with: LaneMaker) -> None:
    shown = ShownInstructions()
    here = lane_with("dark", guide=shown)
    assert not here.walk().gate_opened
    assert shown.instructions[-2:] == [Instruction.OFFICER, Instruction.PLEASE_WAIT]
    assert Instruction.PROCEED not in shown.instructions


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("code", [Code.BODY_SIZE, Code.IMPAIRMENT, Code.DECLINES_FACE])
def test_officer_wish_refers_at_once(code: Code, nth: int, lane_with: LaneMaker) -> None:
    here = lane_with("holder", requests=Presses(code, nth))
    report = here.walk()
    assert codes(report) == {code}
    assert report.frames == 0
    assert not report.gate_opened
    assert here.judged()["evidence"]["capture"]["ended"] == CaptureEnd.NOT_TAKEN
    assert not here.desk.pictures, "no face of somebody who asked not to be captured"


def test_declined_camera_never_captures(lane_with: LaneMaker) -> None:
    answers: Iterator[Answer] = iter([Answer.REPEAT_CAPTURE, Answer.ADMIT])
    desk = SimulatedDesk(LANE, lambda _: next(answers))
    here = lane_with("holder", desk=desk, requests=Presses(Code.DECLINES_FACE, 1))
    report = here.walk()
    assert report.officer is Answer.ADMIT
    assert here.kinds().count("passage.judged") == 1
    assert "passage.repeat_refused" in here.kinds()


def pictures(before: Sequence[object] = ()) -> list[object]:
    """Every picture in memory but those that were there before: other tests may keep theirs."""
    gc.collect()
    known = {id(one) for one in before}
    return [one for one in gc.get_objects() if isinstance(one, Picture) and id(one) not in known]


@tiers.parametrize("name", ["holder", "impostor"], quick=1)
def test_passed_passenger_leaves_nothing(name: str, tmp_path: Path, lane_with: LaneMaker) -> None:
    before = pictures()
    clock = StandingClock()
    taken: list[weakref.ref[object]] = []

    def follow(frame: Frame) -> Frame:
        taken.append(weakref.ref(frame.image_bgr))
        return frame

    camera = ChangedCamera(lane_with.camera(name, clock), follow)
    desk = SimulatedDesk(LANE, lambda _: Answer.ADMIT)
    here = lane_with(name, desk=desk, camera=camera, clock=clock)
    assert here.walk().gate_opened
    assert len(taken) > 1
    gc.collect()
    assert [one for one in taken if one() is not None] == []
    assert len(pictures(before)) == len(desk.pictures), "the desk alone has them, where a case is asked for"
    assert (name == "impostor") is bool(desk.pictures)
    desk.pictures.clear()
    assert pictures(before) == []
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"\xff\xd8\xff\xe0" not in on_disk
