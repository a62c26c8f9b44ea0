"""One officer has a case, one decision ends it, and nothing is decided by time."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from api.people.roles import Role
from api.platform.database.tables import ReferralRow
from api.review.cases.queue import MOST_LISTED
from lane.decision.referral import GROUNDS, Answer, Ground
from tests.support.api.evaluated_lane import kinds
from tests.support.api.running_desk import (
    PASSWORD,
    REFERRED,
    Lane,
    Officer,
    RunningDesk,
    at_once,
    judged,
    refusal,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("whole_ledger")]


@pytest.fixture
def crowd(desk: RunningDesk) -> Iterator[list[Officer]]:
    """Six officers at work."""
    with ExitStack() as stack:
        yield [stack.enter_context(desk.officer(f"officer {number}")) for number in range(6)]


def test_sessions_of_officer_cannot_decide_differently(desk: RunningDesk, lane: Lane) -> None:
    with desk.officer("wang") as here, Officer(desk.address, "wang") as there:
        for _ in range(6):
            passage = lane.refer_to(here)
            admits = partial(here.decide, passage, "admit", "same_person")
            refers = partial(there.decide, passage, "second_line", "cannot_tell")
            answers = at_once([admits, refers])
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            [taken] = [answer.json()["decision"] for answer in answers if answer.status_code == 200]
            assert lane.decision(passage) == taken


def test_a_decision_stays_as_it_is(lane: Lane, officer: Officer, claimed: str) -> None:
    first = officer.decide(claimed)
    assert first.status_code == 200
    assert officer.decide(claimed).json() == first.json()
    for other in (
        {"answer": "second_line", "ground": "cannot_tell"},
        {"ground": "checked_by_hand"},
        {"note": "and the visa was looked at"},
    ):
        assert refusal(officer.decide(claimed, **other)) == (409, "already_decided")
    assert officer.claim(claimed).json()["code"] == "already_decided"
    assert lane.decision(claimed) == first.json()["decision"]


def test_loser_is_told_without_write_turn(desk: RunningDesk, officer: Officer, claimed: str) -> None:
    """Who looks again takes none, either."""
    officer.look(claimed)
    with desk.officer("li") as other, desk.officer("chen", Role.SUPERVISOR) as third:
        with desk.desk.database.write():
            assert officer.ask("GET", f"/referrals/{claimed}").status_code == 200
            assert refusal(other.claim(claimed)) == (409, "claim_held")
            assert third.take_next() is None
        assert refusal(other.decide(claimed)) == (409, "claim_missing")
        officer.decide(claimed)
        with desk.desk.database.write():
            assert other.claim(claimed).json()["code"] == "already_decided"


def test_next_officer_skips_case_being_taken(
    desk: RunningDesk, lane: Lane, officer: Officer, database_kind: str
) -> None:
    if database_kind == "sqlite":
        pytest.skip("it locks no rows: who writes is alone")
    first, second = lane.refer(), lane.refer()
    with desk.desk.database.write(turn=False) as session:
        session.execute(select(ReferralRow).where(ReferralRow.passage == first).with_for_update())
        assert officer.take_next() == second


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "duties", {"duties": []}),
        ("PUT", "role", {"role": "auditor"}),
        ("DELETE", "", None),
        ("DELETE", "sessions", None),
    ],
)
def test_officer_without_permission_loses_case(
    desk: RunningDesk, lane: Lane, method: str, path: str, body: dict[str, Any] | None
) -> None:
    passage = lane.refer(reasons=[{"code": "P06", "components": []}])
    with (
        desk.officer("wang", duties=["diplomatic"]) as loses,
        desk.officer("li", duties=["diplomatic"]) as other,
        desk.officer("gu", Role.ADMINISTRATOR) as administrator,
    ):
        loses.claim(passage)
        where = f"/officers/{loses.pseudonym}" + (f"/{path}" if path else "")
        answer = administrator.ask(method, where, **({"json": body} if body is not None else {}))
        assert answer.is_success, answer.text
        assert other.claim(passage).status_code == 200, "nobody waits for the end of a lease"
        assert loses.answer(passage, "admit", "same_person").status_code in (401, 404, 409)


def sign_out(desk: RunningDesk, officer: Officer) -> None:
    assert officer.ask("DELETE", "/session").status_code == 204


def sign_out_by_form(desk: RunningDesk, officer: Officer) -> None:
    assert officer.form("/sign-out").status_code == 303


def end_the_last_session(desk: RunningDesk, officer: Officer) -> None:
    (here,) = officer.ask("GET", "/sessions").json()["sessions"]
    assert officer.ask("DELETE", f"/sessions/{here['session']}").status_code == 204


def let_another_sign_in_there(desk: RunningDesk, officer: Officer) -> None:
    with desk.officer("zhou") as other:
        body = {"name": other.name, "password": PASSWORD}
        assert officer.http.post("/api/v1/session", json=body).status_code == 200


@pytest.mark.parametrize(
    "leave", [sign_out, sign_out_by_form, end_the_last_session, let_another_sign_in_there]
)
def test_leaving_officer_returns_cases_immediately(
    desk: RunningDesk, lane: Lane, leave: Callable[[RunningDesk, Officer], None]
) -> None:
    passage = lane.refer()
    with desk.officer("wang") as leaves, desk.officer("li") as other:
        leaves.claim(passage)
        leave(desk, leaves)
        assert other.claim(passage).status_code == 200, "nobody waits for the end of a lease"
    assert kinds(desk).count("referral.released") == 1


def test_new_sign_in_keeps_case(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """So does ending a session elsewhere."""
    passage = lane.refer()
    elsewhere = Officer(desk.address, officer.name)
    elsewhere.sign_in()
    elsewhere.http.close()
    officer.claim(passage)
    officer.sign_in()
    (other,) = [one for one in officer.ask("GET", "/sessions").json()["sessions"] if not one["present"]]
    assert officer.ask("DELETE", f"/sessions/{other['session']}").status_code == 204
    assert officer.look(passage)["state"] == "claimed"


def test_officer_keeping_duty_keeps_case(desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer(reasons=[{"code": "P06", "components": []}])
    with (
        desk.officer("wang", duties=["diplomatic"]) as keeps,
        desk.officer("gu", Role.ADMINISTRATOR) as administrator,
    ):
        keeps.claim(passage)
        duties = {"duties": ["diplomatic", "child"]}
        assert administrator.ask("PUT", f"/officers/{keeps.pseudonym}/duties", json=duties).is_success
        assert keeps.decide(passage).status_code == 200


def test_expired_lease_frees_without_deciding(
    desk: RunningDesk, lane: Lane, officer: Officer, colleague: Officer, claimed: str
) -> None:
    desk.clock.pass_time(seconds=121)
    assert officer.decide(claimed).json()["code"] == "claim_missing"
    assert lane.decision(claimed) is None
    assert states(officer) == ["open"]
    assert colleague.claim(claimed).status_code == 200
    assert officer.decide(claimed).json()["code"] == "claim_missing"
    assert colleague.decide(claimed).status_code == 200


def test_time_alone_never_decides(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    for _ in range(5):
        desk.clock.pass_time(hours=20)
        officer.sign_in()
        assert states(officer) == ["open"]
        assert lane.decision(passage) is None


def test_claiming_again_renews_the_lease(desk: RunningDesk, officer: Officer, claimed: str) -> None:
    for _ in range(4):
        desk.clock.pass_time(seconds=100)
        assert officer.claim(claimed).json()["lease_s"] == 120
    assert officer.decide(claimed).status_code == 200


def test_returned_case_is_free(officer: Officer, colleague: Officer, claimed: str) -> None:
    assert officer.ask("DELETE", f"/referrals/{claimed}/claim").status_code == 204
    assert officer.decide(claimed).json()["code"] == "claim_missing"
    assert colleague.claim(claimed).status_code == 200
    assert officer.ask("DELETE", f"/referrals/{claimed}/claim").status_code == 204
    assert colleague.decide(claimed).status_code == 200


def test_ended_passage_is_decided_by_nobody(lane: Lane, officer: Officer, claimed: str) -> None:
    lane.deliver(lane.write("passage.closed", {"passage": claimed, "how": "interrupted"}))
    assert refusal(officer.decide(claimed)) == (409, "passage_closed")
    assert officer.claim(claimed).json()["code"] == "passage_closed"
    assert states(officer) == ["ended"]


@pytest.mark.thorough
def test_a_ground_belongs_to_its_answer(lane: Lane, officer: Officer) -> None:
    accepted: dict[Answer, list[Ground]] = {answer: [] for answer in Answer}
    for answer, ground in product(Answer, Ground):
        passage = lane.refer_to(officer, images=[])
        status = officer.decide(passage, answer, ground).status_code
        assert status in (200, 422)
        if status == 200:
            accepted[answer].append(ground)
    assert {answer: set(grounds) for answer, grounds in accepted.items()} == {
        answer: set(grounds) for answer, grounds in GROUNDS.items()
    }


@pytest.mark.thorough
def test_ended_cases_never_hide_waiting_ones(lane: Lane, officer: Officer) -> None:
    waiting = [lane.refer(images=[]) for _ in range(2)]
    for _ in range(5):
        written = []
        for _ in range(MOST_LISTED // 4):
            passage = str(uuid4())
            written.append(lane.write("passage.judged", judged(passage, [], [{"code": "A01"}])))
            written.append(lane.write("passage.closed", {"passage": passage, "how": "interrupted"}))
        assert lane.deliver(*written).status_code == 200
    lane.refer(images=[], at=datetime.now(UTC) - timedelta(days=1))
    told = officer.ask("GET", "/referrals").json()
    assert [case["passage"] for case in told["referrals"][1:3]] == waiting
    assert told["waiting"] == 3


def test_latest_decision_is_listed_first(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passages = [lane.refer(images=[]) for _ in range(4)]
    order = [passages[number] for number in (2, 0, 3, 1)]
    for passage in order:
        officer.claim(passage)
        officer.decide(passage)
    assert [case["passage"] for case in officer.cases("decided")] == order[::-1]
    shown = desk.desk.queue_reader.view(officer.who, decided=2).decided
    assert [case.passage for case in shown] == order[:1:-1]


def test_fast_clock_shows_no_future_wait(lane: Lane, officer: Officer) -> None:
    """A lane with a fast clock has nobody waiting since tomorrow."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    lane.refer(images=[], at=tomorrow)
    [case] = officer.cases()
    assert datetime.fromisoformat(case["opened_at"]) < tomorrow
    assert case["waiting_s"] >= 0


def test_each_case_listed_under_its_state(lane: Lane, officer: Officer) -> None:
    cases = {name: lane.refer(images=[]) for name in ("open", "claimed", "decided", "ended")}
    officer.claim(cases["claimed"])
    officer.claim(cases["decided"])
    officer.decide(cases["decided"])
    lane.deliver(lane.write("passage.closed", {"passage": cases["ended"], "how": "interrupted"}))
    for state, passage in cases.items():
        assert [(case["passage"], case["state"]) for case in officer.cases(state)] == [(passage, state)]


def test_faces_only_for_officer_with_case(lane: Lane, officer: Officer, colleague: Officer) -> None:
    passage = lane.refer()
    assert officer.look(passage)["images"] == []
    officer.claim(passage)
    path = officer.look(passage)["images"][0]["href"]
    officer.ask("DELETE", f"/referrals/{passage}/claim")
    assert officer.http.get(path).json()["code"] == "claim_missing"
    officer.claim(passage)
    shown = officer.http.get(path)
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["cache-control"] == "no-store"
    assert colleague.http.get(path).json()["code"] == "claim_missing"
    other = lane.refer_to(officer, images=[])
    assert refusal(officer.http.get(path.replace(passage, other))) == (404, "image_unknown")
    officer.decide(passage)
    assert officer.http.get(path).json()["code"] == "image_unknown"


def test_an_officer_is_told_no_score(lane: Lane, officer: Officer) -> None:
    """What the comparison is worth is told in words, after the judgement."""
    passage = lane.refer()
    assert officer.look(passage)["revealed"] is None
    officer.claim(passage)
    assert officer.look(passage)["revealed"] is None
    judged = officer.judge(passage)
    for told in (officer.ask("GET", f"/referrals/{passage}").text, judged.text):
        assert "0.31337" not in told
        assert "similarity" not in told
    assert "Presentation attack detection (PAD): not assessed" in judged.text
    band = judged.json()["revealed"]["band"]
    assert band["value"] == 0.0031337
    assert "32 of 10,000 impostor comparisons" in band["text"]


def test_lane_without_rate_is_understood(lane: Lane, officer: Officer) -> None:
    body = judged("p-old", [], REFERRED)
    del body["evidence"]["achieved_fmr"]
    passage = lane.refer_to(officer, passage="p-old", images=[], evidence=body["evidence"])
    told = officer.look(passage)["revealed"]["band"]
    assert told["value"] is None
    assert "did not tell" in told["text"]


def states(officer: Officer) -> list[str]:
    return [case["state"] for case in officer.cases()]


def test_queue_orders_by_gravity_then_age(lane: Lane, officer: Officer) -> None:
    """An attack and danger come first, then help, then who waits longest."""
    now = datetime.now(UTC)
    young = lane.refer(images=[], at=now - timedelta(seconds=10))
    old = lane.refer(images=[], at=now - timedelta(seconds=90))
    ill = lane.refer(images=[], reasons=[{"code": "P09"}], at=now)
    danger = lane.refer(images=[], reasons=[{"code": "F04"}, {"code": "P10"}], at=now)
    attack = lane.refer(images=[], reasons=[{"code": "A01"}], at=now + timedelta(seconds=1))
    order = [danger, attack, ill, old, young]
    assert waiting(officer) == order
    [waited_s] = [one["waiting_s"] for one in officer.cases("open") if one["passage"] == old]
    assert waited_s >= 90
    for passage in order:
        assert officer.take_next() == passage
        assert officer.take_next() == passage, "one who has a case gets no other"
        officer.decide(passage, "second_line", "other")
    assert officer.take_next() is None


def test_overdue_case_first_never_auto_decided(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    """It comes before all others and is decided by nobody."""
    late = lane.refer(images=[])
    desk.clock.pass_time(seconds=121)
    lane.refer(images=[], reasons=[{"code": "A01"}], at=desk.clock())
    for _ in range(3):
        desk.do_chores()
    assert kinds(desk).count("referral.escalated") == 1
    assert waiting(officer)[0] == late
    assert [one["escalated"] for one in officer.cases()] == [True, False]
    assert supervisor.ask("GET", "/hall").json()["queue"]["escalated"] == 1
    assert lane.decision(late) is None


@pytest.mark.parametrize(
    ("code", "duty"), [("P06", "diplomatic"), ("P01", "child"), ("W04", "quarantine"), ("W03", "customs")]
)
def test_duty_case_only_for_duty_holders(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer, code: str, duty: str
) -> None:
    passage = lane.refer(images=[], reasons=[{"code": "F04"}, {"code": code}])
    for one, count in ((officer, 0), (supervisor, 1)):
        told = one.ask("GET", "/referrals").json()
        assert (told["referrals"], told["waiting"]) == ([], count)
        assert one.take_next() is None
        for answer in (one.ask("GET", f"/referrals/{passage}"), one.claim(passage)):
            assert refusal(answer) == (404, "referral_unknown")
    with desk.officer("li", duties=[duty]) as able:
        assert able.take_next() == passage
        assert able.decide(passage, "second_line", "other").status_code == 200
    assert lane.decision(passage)["answer"] == "second_line"


def test_simultaneous_next_requests_get_different_cases(lane: Lane, crowd: list[Officer]) -> None:
    for _ in range(3):
        passages = {lane.refer(images=[]) for _ in range(4)}
        claims = [answer.json()["claim"] for answer in at_once([partial(ask_next, one) for one in crowd])]
        assert {claim["passage"] for claim in claims if claim} == passages
        assert [claim is None for claim in claims].count(True) == 2
        for one, claim in zip(crowd, claims, strict=True):
            if claim:
                assert one.decide(claim["passage"], "second_line", "other").status_code == 200


def ask_next(officer: Officer) -> httpx.Response:
    return officer.ask("POST", "/referrals/next")


def waiting(officer: Officer) -> list[str]:
    return [case["passage"] for case in officer.cases("open")]


def test_clock_set_back_prolongs_no_claim(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """No case stays with somebody for hours, and no decision is withheld."""
    desk.clock.pass_time(hours=5)
    officer.sign_in()
    decided, passage = lane.refer_to(officer), lane.refer_to(officer)
    officer.decide(decided)
    desk.clock.pass_time(hours=-5)
    assert lane.decision(decided)["officer"] == officer.pseudonym
    with desk.officer("li") as other:
        assert [case["state"] for case in other.cases()] == ["open", "decided"]
        assert other.claim(passage).status_code == 200
        assert other.decide(passage, "second_line", "cannot_tell").status_code == 200
