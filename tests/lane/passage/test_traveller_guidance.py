"""What the traveller is told as a passage goes, and what comes of what the traveller asks for."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from lane.capture.guidance import INSTRUCTION_OF_STATE, Instruction
from lane.capture.measuring import Measurer
from lane.decision.evidence import CaptureEnd
from lane.decision.passage_states import State
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.decision.referral import Answer
from lane.demo.passengers import Passenger, demo_passengers
from lane.desk.simulated import SimulatedDesk
from lane.passage.station import PassageReport
from tests.support.lane.simulated_lane import LANE, Hall, hall


class Told:
    """See `lane.capture.guidance.Guide`: remembers what was shown, each once."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []

    def __call__(self, instruction: Instruction, /, progress: float = 0.0) -> None:
        if self.instructions[-1:] != [instruction]:
            self.instructions.append(instruction)


class Presses:
    """See `lane.kiosk.traveller_requests.Wishes`: a button is pressed when the lane asks for the nth time."""

    def __init__(self, code: Code, nth: int) -> None:
        self._code, self._nth, self._asked = code, nth, 0

    def take(self) -> tuple[Code, ...]:
        self._asked += 1
        return (self._code,) if self._asked == self._nth else ()


@pytest.fixture(scope="module")
def holder(photos: Path, measurer: Measurer) -> Passenger:
    return next(one for one in demo_passengers(measurer, date.today()) if one.name == "holder")  # noqa: DTZ011


@pytest.fixture(scope="module")
def dark(photos: Path, measurer: Measurer) -> Passenger:
    return next(one for one in demo_passengers(measurer, date.today()) if one.name == "dark")  # noqa: DTZ011


def codes(report: PassageReport) -> set[Code]:
    return {reason.code for reason in report.reasons}


def captured(here: Hall) -> list[dict[str, object]]:
    return [
        entry.body["evidence"]["capture"] for entry in here.desk.entries if entry.kind == "passage.judged"
    ]


def test_each_passage_state_has_instruction() -> None:
    assert set(INSTRUCTION_OF_STATE) == set(State)
    assert [state for state, said in INSTRUCTION_OF_STATE.items() if said is Instruction.PROCEED] == [
        State.OPEN
    ]


def test_a_holder_is_led_through(
    tmp_path: Path, measurer: Measurer, policy: Policy, holder: Passenger
) -> None:
    said = Told()
    here = hall(tmp_path, measurer, policy, [(holder.document, holder.scene)], guide=said)
    here.station.start()
    assert here.walk().gate_opened
    assert said.instructions[:2] == [Instruction.WELCOME, Instruction.LOOK]
    assert said.instructions[-2:] == [Instruction.PROCEED, Instruction.PLEASE_WAIT]


def test_referred_traveller_hears_only_of_officer(
    tmp_path: Path, measurer: Measurer, policy: Policy, dark: Passenger
) -> None:
    said = Told()
    here = hall(tmp_path, measurer, policy, [(dark.document, dark.scene)], guide=said)
    here.station.start()
    assert not here.walk().gate_opened
    assert said.instructions[-2:] == [Instruction.OFFICER, Instruction.PLEASE_WAIT]
    assert Instruction.PROCEED not in said.instructions


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("code", [Code.BODY_SIZE, Code.IMPAIRMENT, Code.DECLINES_FACE])
def test_officer_wish_refers_at_once(
    code: Code, nth: int, tmp_path: Path, measurer: Measurer, policy: Policy, holder: Passenger
) -> None:
    """Nothing captured stays."""
    walkers = [(holder.document, holder.scene)]
    here = hall(tmp_path, measurer, policy, walkers, requests=Presses(code, nth))
    here.station.start()
    report = here.walk()
    assert codes(report) == {code}
    assert report.frames == 0
    assert not report.gate_opened
    assert captured(here)[0]["ended"] == CaptureEnd.NOT_TAKEN
    assert not here.desk.pictures, "no face of somebody who asked not to be captured"


def test_declined_camera_never_captures(
    tmp_path: Path, measurer: Measurer, policy: Policy, holder: Passenger
) -> None:
    """No officer's word changes that."""
    answers: Iterator[Answer] = iter([Answer.REPEAT_CAPTURE, Answer.ADMIT])
    desk = SimulatedDesk(LANE, lambda _: next(answers))
    walkers = [(holder.document, holder.scene)]
    here = hall(tmp_path, measurer, policy, walkers, desk=desk, requests=Presses(Code.DECLINES_FACE, 1))
    here.station.start()
    report = here.walk()
    assert report.officer is Answer.ADMIT
    assert here.kinds().count("passage.judged") == 1
    assert "passage.repeat_refused" in here.kinds()
