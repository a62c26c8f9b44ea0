"""A lane's doorway: what its sensors see is written down, and nobody but the passenger opens it."""

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lane.decision.reason_codes import Code
from lane.decision.referral import Answer, PassageId
from lane.desk.simulated import SimulatedDesk
from lane.document.travel_document import TravelDocument
from lane.gate.light_beams import Passing
from lane.gate.port import GateEvent
from lane.gate.sensors import FIRE
from lane.gate.simulated import SimulatedGate, openings
from lane.ledger.chain import read
from lane.ledger.journal import SqliteJournal
from lane.platform.errors import DeskLostError, GateFaultError
from tests.lane.desk.test_status_reporter import ADMITTED, OPEN, REFERRED, Here, Scripted
from tests.support.lane.simulated_lane import JOURNALS, LANE

AT = datetime(2026, 1, 1, tzinfo=UTC)


def seen(code: Code, detail: str = "") -> GateEvent:
    return GateEvent(code, AT, detail)


def events(here: Here) -> list[tuple[object, bool]]:
    """Each event's code, and whether it was seen during a passage."""
    return [
        (one.body["code"], one.body["passage"] is not None)
        for one in here.desk.entries
        if one.kind == "lane.event"
    ]


@pytest.mark.parametrize(
    ("passing", "code", "how"),
    [
        (Passing.PASSED, None, "passed_through"),
        (Passing.FOLLOWED, "L01", "interrupted"),
        (Passing.TURNED_BACK, "L03", "interrupted"),
        (Passing.NOT_YET, None, "interrupted"),
    ],
)
def test_how_it_went_in_the_doorway_stands_in_the_ledger_and_the_gate_is_shut(
    passing: Passing, code: str | None, how: str, tmp_path: Path
) -> None:
    here = Here(tmp_path, Scripted(ADMITTED), gate=SimulatedGate(passing))
    report = here.station.serve()
    assert report is not None
    assert report.gate_opened
    assert events(here) == ([(code, True)] if code else [])
    assert here.facts()[-1] == ("passage.closed", how)
    assert here.gate.diary[-1] == "close"


@pytest.mark.parametrize("code", [Code.OBJECT_LEFT, Code.DOOR_FORCED, Code.OPENED_BY_HAND])
def test_what_is_seen_while_nobody_passes_is_told_to_the_desk_and_shown_to_supervisors(
    code: Code, tmp_path: Path
) -> None:
    here = Here(tmp_path, Scripted(ADMITTED))
    here.gate.seen.append(seen(code))
    here.station.serve()
    assert events(here) == [(code.value, False)]
    assert here.desk.entries[1].body["at"] == AT.isoformat()
    assert here.beacon.status().gate == (code.value,)


@pytest.mark.parametrize("still_there", [True, False])
def test_who_waits_in_a_beam_is_no_object_and_what_stays_there_is_one(
    still_there: bool, tmp_path: Path
) -> None:
    class Waits(SimulatedGate):
        def wait_passed(self, timeout_s: float) -> Passing:
            self.seen.append(seen(Code.OBJECT_LEFT))
            self.out_of_order = "L02" if still_there else None
            return super().wait_passed(timeout_s)

    here = Here(tmp_path, Scripted(ADMITTED), gate=Waits())
    here.station.serve()
    assert events(here) == []
    assert ended_without_a_passenger(here)
    assert events(here) == ([("L02", False)] if still_there else [])


def test_a_fire_that_keeps_the_doors_open_at_the_start_is_written_down(tmp_path: Path) -> None:
    class Burning(SimulatedGate):
        def close(self) -> None:
            raise GateFaultError("the fire alarm holds the doors open")

    with pytest.raises(GateFaultError):
        Here(tmp_path, Scripted(ADMITTED), gate=Burning(seen=[seen(Code.EMERGENCY_STOP, FIRE)]))
    JOURNALS[-1].close()
    with SqliteJournal(tmp_path / "lane.sqlite", LANE) as journal:
        kinds = [read(*row).kind for row in journal.payloads()]
    assert kinds == ["lane.event", "lane.alarm"]


def test_what_is_seen_during_a_capture_is_evidence(tmp_path: Path) -> None:
    told: list[tuple[Code, ...]] = []

    class Asks(Scripted):
        def judge(self, document: TravelDocument, desk: object, **more: object) -> object:  # type: ignore[override]
            here.gate.seen.append(seen(Code.DOOR_FORCED))
            ask = more["events"]
            assert callable(ask)
            told.append(ask())
            return super().judge(document, desk)  # type: ignore[arg-type]

    here = Here(tmp_path, Asks(ADMITTED))
    here.station.serve()
    assert told == [(Code.DOOR_FORCED,)]
    assert events(here) == [("L04", True)]


@pytest.mark.parametrize("trouble", ["unreachable", "L04", FIRE])
def test_a_gate_that_is_out_of_order_serves_nobody_until_it_is_well(trouble: str, tmp_path: Path) -> None:
    here = Here(tmp_path, Scripted(ADMITTED))
    here.gate.out_of_order = trouble
    ended = threading.Timer(0.05, here.station.stop)
    ended.start()
    assert here.station.serve() is None
    assert here.beacon.status().state == "fault"
    assert here.beacon.status().gate == (trouble,)
    here.station._stop.clear()
    here.gate.out_of_order = None
    assert here.station.serve() is not None
    assert here.beacon.status().state == "waiting"


@pytest.mark.parametrize("detail", ["", FIRE])
def test_after_an_alarm_nobody_is_served_until_a_supervisor_says_so_also_over_a_restart(
    detail: str, tmp_path: Path
) -> None:
    here = Here(tmp_path, Scripted(ADMITTED))
    here.hear(OPEN)
    here.gate.seen.append(seen(Code.EMERGENCY_STOP, detail))
    assert ended_without_a_passenger(here)
    here.journal.close()
    again = Here(tmp_path, Scripted(ADMITTED), desk=here.desk)
    again.hear(OPEN)
    assert ended_without_a_passenger(again), "that was said before the alarm"
    again.hear(replace(OPEN, number=OPEN.number + 2))
    assert again.station.serve() is not None
    kinds = [kind for kind, _ in again.facts()]
    assert kinds.count("lane.alarm") == 2
    assert kinds.index("lane.event") < kinds.index("lane.alarm")


def ended_without_a_passenger(here: Here) -> bool:
    here.station._stop.clear()
    ended = threading.Timer(0.05, here.station.stop)
    ended.start()
    return here.station.serve() is None


@pytest.mark.parametrize("judged", [ADMITTED, REFERRED])
def test_an_alarm_ends_the_passage_under_way_before_its_gate_opens(judged: object, tmp_path: Path) -> None:
    judge = Scripted(judged)  # type: ignore[arg-type]
    here = Here(tmp_path, judge, desk=SimulatedDesk(LANE, script=lambda _: Answer.ADMIT))
    judge.meanwhile = lambda: here.gate.seen.append(seen(Code.EMERGENCY_STOP))
    report = here.station.serve()
    assert report is not None
    assert not report.gate_opened
    assert openings(here.gate.diary) == 0
    assert here.facts()[-1] == ("passage.closed", "interrupted")


@pytest.mark.parametrize("decided_by", ["proof", "officer"])
def test_a_gate_stays_shut_where_something_was_seen_after_the_decision(
    decided_by: str, tmp_path: Path
) -> None:
    def forced() -> None:
        here.gate.seen.append(seen(Code.DOOR_FORCED))

    def admits(_: object) -> Answer:
        forced()
        return Answer.ADMIT

    judge = Scripted(ADMITTED if decided_by == "proof" else REFERRED)
    here = Here(tmp_path, judge, desk=SimulatedDesk(LANE, script=admits))
    if decided_by == "proof":
        judge.meanwhile = forced
    report = here.station.serve()
    assert report is not None
    assert not report.gate_opened
    assert openings(here.gate.diary) == 0
    assert events(here) == [("L04", True)]
    assert here.facts()[-1] == ("passage.closed", "interrupted")


@pytest.mark.parametrize("knew", [True, False])
def test_an_officers_answer_opens_no_gate_that_saw_something_before_the_desk_heard_of_it(
    knew: bool, tmp_path: Path
) -> None:
    """An answer that was given while the desk was out of reach knows nothing of what was seen meanwhile."""
    asked = 0

    def answer(_: object) -> Answer | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            here.gate.seen.append(seen(Code.DOOR_FORCED))
            raise DeskLostError("nobody answers")
        return None if knew and asked == 2 else Answer.ADMIT

    here = Here(tmp_path, Scripted(REFERRED), desk=SimulatedDesk(LANE, script=answer))
    report = here.station.serve()
    assert report is not None
    assert report.gate_opened is knew
    assert openings(here.gate.diary) == knew
    assert events(here) == [("L04", True)]
    assert here.facts()[-1] == ("passage.closed", "passed_through" if knew else "interrupted")


def test_an_alarm_while_the_gate_is_open_ends_the_opening(tmp_path: Path) -> None:
    class Stopped(SimulatedGate):
        def wait_passed(self, timeout_s: float) -> Passing:
            self.seen.append(seen(Code.EMERGENCY_STOP))
            return super().wait_passed(timeout_s)

    here = Here(tmp_path, Scripted(ADMITTED), gate=Stopped(Passing.NOT_YET))
    here.station.serve()
    assert here.gate.diary[-1] == "close"
    assert len(here.gate.diary) == 3
    assert events(here) == [("L05", True)]


@dataclass
class Broken(SimulatedGate):
    """Raises what no gate should, where it is told to."""

    at: str = ""

    def open(self, passage: PassageId) -> None:
        super().open(passage)
        self._break("open")

    def wait_passed(self, timeout_s: float) -> Passing:
        self._break("wait_passed")
        return super().wait_passed(timeout_s)

    def events(self) -> tuple[GateEvent, ...]:
        self._break("events")
        return super().events()

    def trouble(self) -> str | None:
        self._break("trouble")
        return super().trouble()

    def _break(self, where: str) -> None:
        if self.at == where:
            raise ZeroDivisionError(where)


@pytest.mark.parametrize("where", ["open", "wait_passed", "events", "trouble"])
def test_a_gate_that_fails_anywhere_is_shut(where: str, tmp_path: Path) -> None:
    gate = Broken()
    here = Here(tmp_path, Scripted(ADMITTED), gate=gate)
    gate.at = where
    threading.Timer(0.05, here.station.stop).start()
    here.station.serve()
    assert not here.gate.is_open
    assert where not in ("events", "trouble") or openings(here.gate.diary) == 0


@pytest.mark.parametrize("looks", [1, 2])
def test_a_gate_that_could_not_tell_once_opens_for_nobody_whom_that_may_concern(
    looks: int, tmp_path: Path
) -> None:
    """Also where it tells again at the next look: what was lost may have been somebody behind them."""

    class Stutters(SimulatedGate):
        left = 0

        def events(self) -> tuple[GateEvent, ...]:
            Stutters.left -= 1
            if Stutters.left == 0:
                raise ZeroDivisionError
            return super().events()

    class Looks(Scripted):
        def judge(self, document: TravelDocument, desk: object, **more: object) -> object:  # type: ignore[override]
            ask = more["events"]
            assert callable(ask)
            Stutters.left = looks
            ask()
            return super().judge(document, desk)  # type: ignore[arg-type]

    here = Here(tmp_path, Looks(ADMITTED), gate=Stutters())
    report = here.station.serve()
    assert report is not None
    assert not report.gate_opened
    assert openings(here.gate.diary) == 0
    assert here.station._doorway.well() is False
    here.station._doorway.look()
    assert here.station._doorway.well() is True


def test_an_event_that_could_not_be_written_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Here(tmp_path, Scripted(ADMITTED))
    here.gate.seen.append(seen(Code.DOOR_FORCED))
    record = SqliteJournal.record

    monkeypatch.setattr(SqliteJournal, "record", full)
    with pytest.raises(OSError, match="no space"):
        here.station.serve()
    monkeypatch.setattr(SqliteJournal, "record", record)
    here.station.serve()
    assert events(here) == [("L04", False)]


def full(*_: object, **__: object) -> None:
    raise OSError("no space left")


def test_a_full_disk_while_the_gate_is_open_leaves_it_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fills(SimulatedGate):
        def wait_passed(self, timeout_s: float) -> Passing:
            self.seen.append(seen(Code.TAILGATING))
            monkeypatch.setattr(SqliteJournal, "record", full)
            return super().wait_passed(timeout_s)

    here = Here(tmp_path, Scripted(ADMITTED), gate=Fills())
    with pytest.raises(OSError, match="no space"):
        here.station.serve()
    assert here.gate.diary[-1] == "close"
