"""The hall: supervisors see how lanes stand, and open, close or stop them; every command is a fact."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.audit.verify.ledger import verify_ledger
from api.lanes.hall.lane_states import p95
from lane.desk.http_client import HttpDesk
from lane.desk.port import LaneIdentity, WantedState
from lane.desk.status_reporter import StatusReporter
from lane.platform.clock import SystemClock
from lane.platform.errors import LedgerBrokenError
from tests.support.api.evaluated_lane import kinds
from tests.support.api.running_desk import Lane, Officer, RunningDesk, at_once, refusal

ABOUT = {"version": "0.1.0", "provider": "CPUExecutionProvider", "matcher": "sface", "policy": "1"}


def tell(lane: Lane, state: str = "waiting", **more: Any) -> httpx.Response:
    body = {
        "state": state,
        "since": datetime.now(UTC).isoformat(),
        "camera": {"health": "good", "frame_age_ms": 40},
        "about": ABOUT,
        "outbox": 0,
        "passages": 3,
        "obeyed": 0,
    }
    return lane.http.put("/lane/status", json=body | more)


def heard(lane: Lane, **more: Any) -> Any:
    answer = tell(lane, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def command(who: Officer, lane: str, word: str) -> httpx.Response:
    return who.ask("POST", f"/lanes/{lane}/command", json={"command": word})


def test_supervisor_sees_what_lane_tells(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    before = kinds(desk)
    assert heard(lane, state="referred") == {"command": 0, "wanted": "open", "by": None, "uncaptured": None}
    (seen,) = supervisor.read("/hall")["lanes"]
    assert (seen["lane"], seen["state"], seen["camera"]) == ("lane-1", "referred", "good")
    assert {name: seen[name] for name in ABOUT} == ABOUT
    assert seen["obeyed"]
    assert kinds(desk) == before, "a status goes into no ledger"


def test_mute_lane_is_silent_never_good(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    assert supervisor.read("/hall")["lanes"][0]["state"] == "silent"
    heard(lane)
    desk.clock.pass_time(seconds=16)
    (seen,) = supervisor.read("/hall")["lanes"]
    assert (seen["state"], seen["camera"]) == ("silent", "unknown")


@pytest.mark.parametrize(("word", "wanted"), [("close", "closed"), ("stop", "stopped")])
def test_lane_hears_command_until_opened(
    word: str, wanted: str, desk: RunningDesk, lane: Lane, supervisor: Officer
) -> None:
    """What a supervisor wants holds until somebody opens the lane."""
    assert command(supervisor, "lane-1", word).status_code == 204
    assert command(supervisor, "lane-1", word).status_code == 204
    assert heard(lane) == {"command": 1, "wanted": wanted, "by": supervisor.pseudonym, "uncaptured": None}
    assert not supervisor.read("/hall")["lanes"][0]["obeyed"]
    obeyed = {"command": 1, "wanted": wanted, "by": supervisor.pseudonym}
    assert lane.deliver(lane.write("lane.obeyed", obeyed)).status_code == 200
    command(supervisor, "lane-1", "open")
    assert heard(lane)["wanted"] == "open"
    assert kinds(desk).count("lane.commanded") == 2
    verify_ledger(desk.desk.database)


def test_one_press_stops_every_lane(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    assert refusal(command(supervisor, "lane-9", "close")) == (404, "lane_unknown")
    assert "lane.commanded" not in kinds(desk)
    with desk.lane("lane-10") as tenth, desk.lane("lane-2") as second:
        command(supervisor, "lane-2", "stop")
        answer = supervisor.ask("POST", "/hall/stop")
        assert (answer.status_code, answer.json()) == (200, {"lanes": 2})
        assert {heard(one)["wanted"] for one in (lane, second, tenth)} == {"stopped"}
        assert [one["lane"] for one in supervisor.read("/hall")["lanes"]] == ["lane-1", "lane-2", "lane-10"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "dancing"},
        {"outbox": -1},
        {"camera": {"health": "superb"}},
        pytest.param({"since": "2026-01-01T00:00:00"}, id="a time without zone"),
    ],
)
def test_nonsense_status_refused_with_code(lane: Lane, supervisor: Officer, wrong: dict[str, Any]) -> None:
    """It blinds nobody to the other lanes."""
    heard(lane, state="referred")
    assert refusal(tell(lane, **wrong)) == (422, "request_refused")
    assert [one["state"] for one in supervisor.read("/hall")["lanes"]] == ["referred"]


def test_reporter_and_desk_understand_each_other(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    command(supervisor, "lane-1", "stop")
    with HttpDesk(desk.address, lane.token) as client:
        status_reporter = StatusReporter(client, LaneIdentity(**ABOUT), SystemClock())
        status_reporter.exchange()
        assert status_reporter.command.wanted is WantedState.STOPPED
        status_reporter.note_obeyed(status_reporter.command)
        status_reporter.exchange()
    (seen,) = supervisor.read("/hall")["lanes"]
    assert (seen["state"], seen["obeyed"]) == ("stopped", True)


# --- the ledger


@pytest.mark.parametrize("change", [{"command": 2}, {"command": 0}, {"wanted": "open"}, {"by": "officer-1"}])
def test_obedience_without_command_is_found(
    change: dict[str, object], desk: RunningDesk, lane: Lane, supervisor: Officer
) -> None:
    command(supervisor, "lane-1", "close")
    obeyed = {"command": 1, "wanted": "closed", "by": supervisor.pseudonym} | change
    lane.deliver(lane.write("lane.obeyed", obeyed))
    with pytest.raises(LedgerBrokenError, match="obeyed"):
        verify_ledger(desk.desk.database)


def event(code: str) -> dict[str, object]:
    return {"code": code, "passage": None, "at": "2026-01-01T00:00:00+00:00", "detail": ""}


def alarm(on: bool, command_: int) -> dict[str, object]:
    return {"on": on, "because": "fire", "command": command_}


def test_gate_events_and_lifts_are_facts(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    """What a gate saw, and who lifted its alarm."""
    lane.deliver(lane.write("lane.event", event("L05")), lane.write("lane.alarm", alarm(True, 0)))
    command(supervisor, "lane-1", "close")
    command(supervisor, "lane-1", "open")
    assert lane.deliver(lane.write("lane.alarm", alarm(False, 2))).status_code == 200
    verify_ledger(desk.desk.database)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_unlifted_alarm_is_found(number: int, desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    lane.deliver(lane.write("lane.alarm", alarm(True, 0)))
    command(supervisor, "lane-1", "close")
    command(supervisor, "lane-1", "open")
    lane.deliver(lane.write("lane.alarm", alarm(False, number)))
    with pytest.raises(LedgerBrokenError, match="lifted by nobody"):
        verify_ledger(desk.desk.database)


@pytest.mark.parametrize("code", ["F10", "none"])
def test_impossible_gate_event_is_found(code: str, desk: RunningDesk, lane: Lane) -> None:
    lane.deliver(lane.write("lane.event", event(code)))
    with pytest.raises(LedgerBrokenError):
        verify_ledger(desk.desk.database)


# --- what passed, who waits, who works


def test_passages_referrals_answer_times_counted(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    passage = lane.refer()
    admitted = {"passage": "p-1", "outcome": "admit", "evidence": {}}
    lane.deliver(lane.write("passage.judged", admitted))
    desk.clock.pass_time(seconds=30)
    assert officer.claim(passage).status_code == 200
    before = supervisor.read("/hall")
    (waiting,) = (one["waits_since"] for one in before["lanes"])
    assert waiting is not None
    assert before["queue"]["waiting"] == 1
    assert before["queue"]["longest_s"] >= 30
    assert (before["faces"], before["faces_warn"]) == (1, False)
    points = before["points"]
    assert len(points) == 12
    assert (sum(one["passages"] for one in points), sum(one["referred"] for one in points)) == (2, 1)
    desk.clock.pass_time(hours=2, minutes=11)
    supervisor.sign_in()
    assert sum(one["passages"] for one in supervisor.read("/hall")["points"]) == 0, "too long ago to be shown"


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)
def test_simultaneous_first_words_both_taken(desk: RunningDesk, lane: Lane) -> None:
    for number in range(8):
        with desk.lane(f"lane-{number + 2}") as new:
            answers = at_once([partial(tell, new)] * 6)
            assert {answer.status_code for answer in answers} == {200}


@pytest.mark.usefixtures("standing_clock")
def test_staff_shows_presence_and_due_breaks(
    desk: RunningDesk, officer: Officer, supervisor: Officer
) -> None:
    desk.clock.pass_time(minutes=20)
    (one,) = supervisor.read("/hall")["staff"]
    assert (one["officer"], one["minutes"]) == (officer.pseudonym, 20)
    due = datetime.fromisoformat(one["break_due_at"]) - desk.clock()
    assert due == timedelta(minutes=40)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_percentile_bounds_ninety_five_percent(seconds: list[float]) -> None:
    found = p95(seconds)
    assert found is not None
    assert sum(one <= found for one in seconds) >= 0.95 * len(seconds)
    assert sum(one < found for one in seconds) < 0.95 * len(seconds)
