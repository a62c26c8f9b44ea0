"""A shift: begun by signing in, interrupted by breaks, ended with a hand-over that decides nothing."""

import re
from datetime import datetime, timedelta

import pytest

from api.people.roles import Role
from tests.support.api.evaluated_lane import kinds
from tests.support.api.running_desk import Lane, Officer, RunningDesk, refusal

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("whole_ledger")]


def test_first_sign_in_begins_shift(desk: RunningDesk, officer: Officer) -> None:
    """The next one begins no other, unless the shift was left open the day before."""
    begun = officer.read("/shift")["shift"]
    desk.clock.pass_time(minutes=20)
    officer.sign_in()
    assert officer.read("/shift")["shift"]["started_at"] == begun["started_at"]
    assert kinds(desk).count("shift.started") == 1
    desk.clock.pass_time(hours=20)
    officer.sign_in()
    assert officer.read("/shift")["shift"]["started_at"] > begun["started_at"]
    assert kinds(desk).count("shift.ended") == 1


def test_break_due_hourly_begins_new_stretch(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    """Due after an hour of work."""
    desk.clock.pass_time(minutes=29)
    officer.ask("GET", "/referrals")
    assert not officer.read("/shift")["shift"]["break_due"]
    desk.clock.pass_time(minutes=29)
    officer.ask("GET", "/referrals")
    desk.clock.pass_time(minutes=3)
    assert officer.read("/shift")["shift"]["break_due"]
    passage = lane.refer_to(officer)
    paused = officer.ask("POST", "/shift/break").json()
    assert (paused["on_break"], paused["break_due_at"], paused["break_due"]) == (True, None, False)
    assert officer.look(passage)["state"] == "open", "nobody waits for a break"
    supervisor.sign_in()
    assert supervisor.read("/hall")["staff"] == []
    begun = officer.ask("POST", "/shift/start").json()
    assert (begun["on_break"], begun["break_due"]) == (False, False)
    assert begun["stretch_began_at"] > begun["started_at"]
    assert [one["officer"] for one in supervisor.read("/hall")["staff"]] == [officer.pseudonym]


def test_shift_end_hands_cases_over_blind(
    desk: RunningDesk, lane: Lane, officer: Officer, colleague: Officer
) -> None:
    """The colleague who takes them judges blind."""
    judged, blind = lane.refer(), lane.refer()
    officer.claim(judged)
    officer.judge(judged, "different", 5)
    officer.claim(blind)
    wanted = {"note": "lane 3 is slow", "colleague": colleague.pseudonym}
    told = officer.ask("POST", "/shift/end", json=wanted).json()
    assert (sorted(told["handed"]), told["released"]) == (sorted([judged, blind]), [])
    for passage in (judged, blind):
        case = colleague.look(passage)
        assert (case["mine"], case["step"], case["revealed"]) == (True, "blind", None)
        assert colleague.decide(passage, "second_line", "cannot_tell").status_code == 200
    assert officer.read("/shift")["shift"] is None
    assert kinds(desk).count("shift.ended") == 1
    for path, body in (("/shift/end", {}), ("/shift/break", None)):
        assert refusal(officer.ask("POST", path, json=body)) == (409, "no_shift")


def test_case_goes_only_to_eligible_colleague(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer(reasons=[{"code": "F10"}])
    with desk.officer("li") as first:
        first.claim(passage)
        first.decide(passage, "admit", "same_person")
        officer.claim(passage)
        wanted = {"colleague": first.pseudonym}
        told = officer.ask("POST", "/shift/end", json=wanted).json()
        assert (told["handed"], told["released"]) == ([], [passage])
        assert lane.decision(passage) is None


@pytest.mark.parametrize("colleague", ["officer-00000000", "own"])
def test_a_hand_over_needs_a_colleague(officer: Officer, claimed: str, colleague: str) -> None:
    name = officer.pseudonym if colleague == "own" else colleague
    assert refusal(officer.ask("POST", "/shift/end", json={"colleague": name})) == (404, "officer_unknown")
    assert officer.look(claimed)["mine"]
    assert officer.read("/shift")["shift"] is not None


def test_remaining_shift_time_ends_nothing(desk: RunningDesk, officer: Officer) -> None:
    """How long it still runs is said."""
    begun, hours = officer.read("/shift")["shift"], desk.settings.shift_hours
    planned = datetime.fromisoformat(begun["planned_end_at"])
    assert planned - datetime.fromisoformat(begun["started_at"]) == timedelta(hours=hours)
    assert "The shift still runs 7 h 59 min" in officer.http.get("/queue").text
    for _ in range(int(hours * 3)):
        desk.clock.pass_time(minutes=20)
        officer.http.get("/queue")
    assert "The shift was planned until" in officer.http.get("/queue").text
    assert officer.read("/shift")["shift"]["started_at"] == begun["started_at"]


def test_handover_offers_eligible_on_duty_colleagues_by_name(
    desk: RunningDesk, officer: Officer, claimed: str
) -> None:
    with (
        desk.officer("li") as li,
        desk.officer("wu") as resting,
        desk.officer("auditor", Role.AUDITOR),
        desk.officer("zhao", Role.SUPERVISOR) as supervisor,
    ):
        resting.ask("POST", "/shift/break")
        page = officer.http.get("/shift/end").text
        assert re.findall("<option>([^<]+)</option>", page) == ["li", "zhao"]
        assert li.pseudonym not in page
        assert officer.form("/shift/end", colleague=li.pseudonym).status_code == 404
        ended = officer.form("/shift/end", colleague="li")
        assert "1 case is with your colleague now" in ended.text
        assert li.look(claimed)["mine"]
        supervisor.ask("POST", "/shift/end", json={})
        assert "Nobody else is on duty" in li.http.get("/shift/end").text
