"""A lane's doorway: what its sensors see is written down, and nobody but the passenger opens it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lane.decision.reason_codes import Code
from lane.decision.referral import Answer
from lane.gate.light_beams import Passing
from lane.gate.port import GateEvent
from lane.gate.sensors import FIRE
from lane.gate.simulated import SimulatedGate
from lane.ledger.entry import read
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import JudgedPassage
from lane.platform.errors import DeskLostError, GateFaultError
from tests.support.lane.simulated_lane import (
    ADMITTED,
    JOURNALS,
    LANE,
    OPEN,
    REFERRED,
    STOP,
    BusyGate,
    Hall,
    Scripted,
    SimulatedDesk,
    openings,
    scripted_lane,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)


def seen(code: Code, detail: str = "") -> GateEvent:
    return GateEvent(code, AT, detail)


def events(here: Hall) -> list[tuple[object, bool]]:
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
def test_doorway_outcome_is_recorded(passing: Passing, code: str | None, how: str, tmp_path: Path) -> None:
    here = scripted_lane(tmp_path, Scripted(ADMITTED), gate=SimulatedGate(passing))
    assert here.walk().gate_opened
    assert events(here) == ([(code, True)] if code else [])
    assert here.facts()[-1] == ("passage.closed", how)
    assert here.gate.diary[-1] == "close"


@pytest.mark.parametrize("code", [Code.OBJECT_LEFT, Code.DOOR_FORCED, Code.OPENED_BY_HAND])
def test_idle_event_reaches_desk_and_supervisors(code: Code, tmp_path: Path) -> None:
    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.gate.seen.append(seen(code))
    here.station.serve()
    assert events(here) == [(code.value, False)]
    assert here.desk.entries[1].body["at"] == AT.isoformat()
    assert here.status_reporter.status().gate == (code.value,)


@pytest.mark.parametrize("still_there", [True, False])
def test_only_what_stays_is_an_object(still_there: bool, tmp_path: Path) -> None:
    """Who waits in a beam is none; what stays there is one."""

    def waits() -> None:
        gate.seen.append(seen(Code.OBJECT_LEFT))
        gate.out_of_order = "L02" if still_there else None

    gate = BusyGate(meanwhile=waits)
    here = scripted_lane(tmp_path, Scripted(ADMITTED), gate=gate)
    here.station.serve()
    assert events(here) == []
    assert here.serves_nobody()
    assert events(here) == ([("L02", False)] if still_there else [])


def test_fire_at_start_is_recorded(tmp_path: Path) -> None:
    class Burning(SimulatedGate):
        def close(self) -> None:
            raise GateFaultError("the fire alarm holds the doors open")

    with pytest.raises(GateFaultError):
        scripted_lane(tmp_path, Scripted(ADMITTED), gate=Burning(seen=[seen(Code.EMERGENCY_STOP, FIRE)]))
    JOURNALS[-1].close()
    with SqliteJournal(tmp_path / "lane.sqlite", LANE) as journal:
        kinds = [read(*row).kind for row in journal.payloads()]
    assert kinds == ["lane.event", "lane.alarm"]


@dataclass
class Looking(Scripted):
    """Looks at the gate's events while it judges; `before` happens first."""

    before: Callable[[], object] = lambda: None
    events: tuple[Code, ...] = ()

    def judge(self, *_: object, **parts: Any) -> JudgedPassage:
        self.before()
        self.events = parts["events"]()
        return super().judge()


def test_event_during_capture_is_evidence(tmp_path: Path) -> None:
    judge = Looking(ADMITTED, before=lambda: here.gate.seen.append(seen(Code.DOOR_FORCED)))
    here = scripted_lane(tmp_path, judge)
    here.station.serve()
    assert judge.events == (Code.DOOR_FORCED,)
    assert events(here) == [("L04", True)]


@pytest.mark.parametrize("trouble", ["unreachable", "L04", FIRE])
def test_faulty_gate_serves_nobody(trouble: str, tmp_path: Path) -> None:
    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.gate.out_of_order = trouble
    assert here.serves_nobody()
    assert here.status_reporter.status().state == "fault"
    assert here.status_reporter.status().gate == (trouble,)
    here.station._stop.clear()
    here.gate.out_of_order = None
    assert here.station.serve() is not None
    assert here.status_reporter.status().state == "waiting"


@pytest.mark.parametrize("detail", ["", FIRE])
def test_alarm_holds_until_supervisor_clears(detail: str, tmp_path: Path) -> None:
    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.hear(OPEN)
    here.gate.seen.append(seen(Code.EMERGENCY_STOP, detail))
    assert here.serves_nobody()
    here.journal.close()
    again = scripted_lane(tmp_path, Scripted(ADMITTED), desk=here.desk)
    again.hear(OPEN)
    assert again.serves_nobody(), "that was said before the alarm"
    again.hear(replace(OPEN, number=OPEN.number + 2))
    assert again.station.serve() is not None
    kinds = [kind for kind, _ in again.facts()]
    assert kinds.count("lane.alarm") == 2
    assert kinds.index("lane.event") < kinds.index("lane.alarm")


Stop = Callable[[Hall], object]
STOPS: dict[str, tuple[Stop, list[tuple[str, bool]]]] = {
    "a supervisor": (lambda here: here.hear(STOP), []),
    "the emergency stop": (lambda here: here.gate.seen.append(seen(Code.EMERGENCY_STOP)), [("L05", True)]),
}


@pytest.mark.parametrize(("stop", "recorded"), STOPS.values(), ids=STOPS)
@pytest.mark.parametrize("judged", [ADMITTED, REFERRED])
def test_stop_ends_passage_before_opening(
    judged: JudgedPassage, stop: Stop, recorded: list[object], tmp_path: Path
) -> None:
    judge = Scripted(judged, meanwhile=lambda: stop(here))
    here = scripted_lane(tmp_path, judge, desk=SimulatedDesk(LANE, script=lambda _: Answer.ADMIT))
    assert not here.walk().gate_opened
    assert openings(here.gate.diary) == 0
    assert events(here) == recorded
    assert here.facts()[-1] == ("passage.closed", "interrupted")


@pytest.mark.parametrize(("stop", "recorded"), STOPS.values(), ids=STOPS)
def test_stop_shuts_open_gate(stop: Stop, recorded: list[object], tmp_path: Path) -> None:
    gate = BusyGate(Passing.NOT_YET, meanwhile=lambda: stop(here))
    here = scripted_lane(tmp_path, Scripted(ADMITTED), gate=gate)
    assert here.walk().gate_opened
    assert here.gate.diary[-1] == "close"
    assert len(here.gate.diary) == 3, "it is asked once, not until time is up"
    assert events(here) == recorded
    assert here.facts()[-1] == ("passage.closed", "interrupted")


@pytest.mark.parametrize("decided_by", ["proof", "officer"])
def test_event_after_decision_keeps_gate_shut(decided_by: str, tmp_path: Path) -> None:
    def forced() -> None:
        here.gate.seen.append(seen(Code.DOOR_FORCED))

    def admits(_: object) -> Answer:
        forced()
        return Answer.ADMIT

    judge = Scripted(ADMITTED if decided_by == "proof" else REFERRED)
    here = scripted_lane(tmp_path, judge, desk=SimulatedDesk(LANE, script=admits))
    if decided_by == "proof":
        judge.meanwhile = forced
    assert not here.walk().gate_opened
    assert openings(here.gate.diary) == 0
    assert events(here) == [("L04", True)]
    assert here.facts()[-1] == ("passage.closed", "interrupted")


@pytest.mark.parametrize("knew", [True, False])
def test_early_answer_opens_no_alerted_gate(knew: bool, tmp_path: Path) -> None:
    """An answer that was given while the desk was out of reach knows nothing of what was seen meanwhile."""
    calls = 0

    def answer(_: object) -> Answer | None:
        nonlocal calls
        calls += 1
        if calls == 1:
            here.gate.seen.append(seen(Code.DOOR_FORCED))
            raise DeskLostError("nobody answers")
        return None if knew and calls == 2 else Answer.ADMIT

    here = scripted_lane(tmp_path, Scripted(REFERRED), desk=SimulatedDesk(LANE, script=answer))
    assert here.walk().gate_opened is knew
    assert openings(here.gate.diary) == knew
    assert events(here) == [("L04", True)]
    assert here.facts()[-1] == ("passage.closed", "passed_through" if knew else "interrupted")


@pytest.mark.parametrize("where", ["open", "wait_passed", "events", "trouble"])
def test_failing_gate_is_shut(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, call = scripted_lane(tmp_path, Scripted(ADMITTED)), getattr(SimulatedGate, where)

    def fails(*given: object) -> None:
        call(*given)
        raise ZeroDivisionError(where)

    monkeypatch.setattr(SimulatedGate, where, fails)
    threading.Timer(0.05, here.station.stop).start()
    here.station.serve()
    assert not here.gate.is_open
    assert where not in ("events", "trouble") or openings(here.gate.diary) == 0


@pytest.mark.parametrize("looks", [1, 2])
def test_blind_moment_keeps_gate_shut(looks: int, tmp_path: Path) -> None:
    """Also where it tells again at the next look: what was lost may have been somebody behind them."""

    class Stutters(SimulatedGate):
        left = 0

        def events(self) -> tuple[GateEvent, ...]:
            Stutters.left -= 1
            if Stutters.left == 0:
                raise ZeroDivisionError
            return super().events()

    judge = Looking(ADMITTED, before=lambda: setattr(Stutters, "left", looks))
    here = scripted_lane(tmp_path, judge, gate=Stutters())
    assert not here.walk().gate_opened
    assert openings(here.gate.diary) == 0
    assert here.station._doorway.is_ready() is False
    here.station._doorway.read_events()
    assert here.station._doorway.is_ready() is True


def test_unwritten_event_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.gate.seen.append(seen(Code.DOOR_FORCED))
    with monkeypatch.context() as filled:
        filled.setattr(SqliteJournal, "record", full)
        with pytest.raises(OSError, match="no space"):
            here.station.serve()
    here.station.serve()
    assert events(here) == [("L04", False)]


def full(*_: object, **__: object) -> None:
    raise OSError("no space left")


def test_full_disk_shuts_open_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fills() -> None:
        gate.seen.append(seen(Code.TAILGATING))
        monkeypatch.setattr(SqliteJournal, "record", full)

    gate = BusyGate(meanwhile=fills)
    here = scripted_lane(tmp_path, Scripted(ADMITTED), gate=gate)
    with pytest.raises(OSError, match="no space"):
        here.station.serve()
    assert here.gate.diary[-1] == "close"
