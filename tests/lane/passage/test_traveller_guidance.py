"""What the traveller is told as a passage goes, and what comes of what the traveller asks for."""

from collections.abc import Iterator

import pytest

from lane.capture.guidance import INSTRUCTION_OF_STATE, Instruction
from lane.decision.evidence import CaptureEnd
from lane.decision.passage_states import State
from lane.decision.reason_codes import Code
from lane.decision.referral import Answer
from lane.desk.simulated import SimulatedDesk
from tests.support.lane.simulated_lane import LANE, LaneMaker, codes


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
