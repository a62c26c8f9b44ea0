"""One officer has a case, one decision ends it, and nothing is decided by time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from api.audit.verify.ledger import verify_ledger
from api.people import officers
from api.people.roles import Role
from api.platform.database.tables import ReferralRow
from api.platform.settings import Settings
from api.review.cases import duties
from api.review.cases.queue import LONGEST_LEASE, MOST_LISTED
from lane.decision.referral import GROUNDS, Answer, Ground
from tests.support.evaluated_lane import kinds
from tests.support.running_desk import PASSWORD, REFERRED, Lane, Officer, RunningDesk, at_once, judged

pytestmark = pytest.mark.both_databases


def test_claimed_case_refused_to_next_officer(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    assert officer.claim(passage).json()["lease_s"] == 120
    with desk.officer("li") as other:
        answer = other.claim(passage)
        assert (answer.status_code, answer.json()["code"]) == (409, "claim_held")
        assert other.decide(passage).json()["code"] == "claim_missing"


def test_simultaneous_claims_give_one_officer(desk: RunningDesk, lane: Lane) -> None:
    crowd = [desk.officer(f"officer {number}") for number in range(6)]
    for one in crowd:
        one.sign_in()
    for _ in range(4):
        passage = lane.refer()
        answers = at_once([partial(one.claim, passage) for one in crowd])
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
        holder = crowd[[answer.status_code for answer in answers].index(200)]
        decisions = at_once([partial(one.decide, passage) for one in crowd])
        assert [answer.status_code for answer in decisions].count(200) == 1
        assert lane.decision(passage)["officer"] == holder.pseudonym
    for one in crowd:
        one.http.close()
    assert verify_ledger(desk.desk.database).head.seq > 0


def test_sessions_of_officer_cannot_decide_differently(desk: RunningDesk, lane: Lane) -> None:
    with desk.officer("wang") as here, Officer(desk.address, "wang") as there:
        for _ in range(6):
            passage = lane.refer()
            here.claim(passage)
            answers = at_once(
                [
                    partial(here.decide, passage, "admit", "same_person"),
                    partial(there.decide, passage, "second_line", "cannot_tell"),
                ]
            )
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            [taken] = [answer.json()["decision"] for answer in answers if answer.status_code == 200]
            assert lane.decision(passage) == taken


def test_repeated_decision_is_same_decision(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    first = officer.decide(passage)
    assert first.status_code == 200
    assert officer.decide(passage).json() == first.json()
    other_note = officer.decide(passage, note="and the visa was looked at")
    assert (other_note.status_code, other_note.json()["code"]) == (409, "already_decided")


def test_looking_again_takes_no_write_turn(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    officer.ask("GET", f"/referrals/{passage}")
    with desk.desk.database.write():
        assert officer.ask("GET", f"/referrals/{passage}").status_code == 200


def test_loser_is_told_without_write_turn(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    with desk.officer("li") as other, desk.officer("chen", Role.SUPERVISOR) as third:
        with desk.desk.database.write():
            assert other.claim(passage).json()["code"] == "claim_held"
            assert third.ask("POST", "/referrals/next").json() == {"claim": None}
        officer.decide(passage)
        with desk.desk.database.write():
            assert other.claim(passage).json()["code"] == "already_decided"


def test_next_officer_skips_case_being_taken(
    desk: RunningDesk, lane: Lane, officer: Officer, database_kind: str
) -> None:
    if database_kind == "sqlite":
        pytest.skip("it locks no rows: who writes is alone")
    first, second = lane.refer(), lane.refer()
    with desk.desk.database.write(turn=False) as session:
        session.execute(select(ReferralRow).where(ReferralRow.passage == first).with_for_update())
        assert officer.ask("POST", "/referrals/next").json()["claim"]["passage"] == second


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
        assert answer.status_code in (200, 204), answer.text
        assert other.claim(passage).status_code == 200, "nobody waits for the end of a lease"
        assert loses.answer(passage, "admit", "same_person").status_code in (401, 404, 409)
    verify_ledger(desk.desk.database)


def sign_out(desk: RunningDesk, officer: Officer) -> None:
    assert officer.ask("DELETE", "/session").status_code == 204


def sign_out_by_form(desk: RunningDesk, officer: Officer) -> None:
    form = {"csrf_token": officer.http.headers["X-CSRF-Token"]}
    assert officer.http.post("/sign-out", data=form).status_code == 303


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
    verify_ledger(desk.desk.database)


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
    assert officer.ask("GET", f"/referrals/{passage}").json()["state"] == "claimed"


def test_clock_set_back_withholds_no_decision(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    officer.decide(passage)
    desk.clock.pass_time(hours=-1)
    assert lane.decision(passage)["officer"] == officer.pseudonym


def test_officer_keeping_duty_keeps_case(desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer(reasons=[{"code": "P06", "components": []}])
    with (
        desk.officer("wang", duties=["diplomatic"]) as keeps,
        desk.officer("gu", Role.ADMINISTRATOR) as administrator,
    ):
        keeps.claim(passage)
        duties = {"duties": ["diplomatic", "child"]}
        assert administrator.ask("PUT", f"/officers/{keeps.pseudonym}/duties", json=duties).status_code in (
            200,
            204,
        )
        assert keeps.decide(passage).status_code == 200


@pytest.mark.parametrize(("answer", "ground"), [("second_line", "cannot_tell"), ("admit", "checked_by_hand")])
def test_a_decision_stays_as_it_is(lane: Lane, officer: Officer, answer: str, ground: str) -> None:
    passage = lane.refer()
    officer.claim(passage)
    first = officer.decide(passage, "admit", "same_person").json()["decision"]
    again = officer.decide(passage, answer, ground)
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    assert officer.claim(passage).json()["code"] == "already_decided"
    assert lane.decision(passage) == first


def test_without_a_claim_nothing_is_decided(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    answer = officer.decide(passage)
    assert (answer.status_code, answer.json()["code"]) == (409, "claim_missing")
    assert lane.decision(passage) is None


def test_expired_lease_frees_without_deciding(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    desk.clock.pass_time(seconds=121)
    assert officer.decide(passage).json()["code"] == "claim_missing"
    assert lane.decision(passage) is None
    assert states(officer) == ["open"]
    with desk.officer("li") as other:
        assert other.claim(passage).status_code == 200
        assert officer.decide(passage).json()["code"] == "claim_missing"
        assert other.decide(passage).status_code == 200


def test_time_alone_never_decides(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    for _ in range(5):
        desk.clock.pass_time(hours=20)
        officer.sign_in()
        assert states(officer) == ["open"]
        assert lane.decision(passage) is None


def test_claiming_again_renews_the_lease(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    for _ in range(4):
        desk.clock.pass_time(seconds=100)
        assert officer.claim(passage).status_code == 200
    assert officer.decide(passage).status_code == 200


def test_returned_case_is_free(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    assert officer.ask("DELETE", f"/referrals/{passage}/claim").status_code == 204
    assert officer.decide(passage).json()["code"] == "claim_missing"
    with desk.officer("li") as other:
        assert other.claim(passage).status_code == 200
        assert officer.ask("DELETE", f"/referrals/{passage}/claim").status_code == 204
        assert other.decide(passage).status_code == 200


def test_ended_passage_is_decided_by_nobody(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    lane.deliver(lane.write("passage.closed", {"passage": passage, "how": "interrupted"}))
    answer = officer.decide(passage)
    assert (answer.status_code, answer.json()["code"]) == (409, "passage_closed")
    assert officer.claim(passage).json()["code"] == "passage_closed"
    assert states(officer) == ["ended"]


def test_a_ground_belongs_to_its_answer(lane: Lane, officer: Officer) -> None:
    accepted: dict[Answer, list[Ground]] = {answer: [] for answer in Answer}
    for answer, ground in product(Answer, Ground):
        passage = lane.refer(images=[])
        officer.claim(passage)
        status = officer.decide(passage, answer, ground).status_code
        assert status in (200, 422)
        if status == 200:
            accepted[answer].append(ground)
    assert {answer: set(grounds) for answer, grounds in accepted.items()} == {
        answer: set(grounds) for answer, grounds in GROUNDS.items()
    }


def test_queue_orders_by_gravity_then_age(lane: Lane, officer: Officer) -> None:
    now = datetime.now(UTC)
    young = lane.refer(images=[], at=now - timedelta(seconds=10))
    old = lane.refer(images=[], at=now - timedelta(seconds=90))
    attack = lane.refer(images=[], reasons=[{"code": "A01"}], at=now)
    listed = officer.ask("GET", "/referrals", params={"state": "open"}).json()["referrals"]
    assert [case["passage"] for case in listed] == [attack, old, young]
    assert listed[1]["waiting_s"] >= 90


def test_ended_cases_never_hide_waiting_ones(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
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
    assert (told["waiting"], desk.desk.cases.waiting(officer.who)) == (3, 3)
    assert len(desk.desk.cases.listed("waiting", officer.who, limit=1)) == 1


def test_latest_decision_is_listed_first(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passages = [lane.refer(images=[]) for _ in range(4)]
    order = [passages[number] for number in (2, 0, 3, 1)]
    for passage in order:
        officer.claim(passage)
        officer.decide(passage)
    listed = officer.ask("GET", "/referrals", params={"state": "decided"}).json()["referrals"]
    assert [case["passage"] for case in listed] == order[::-1]
    assert [case.passage for case in desk.desk.cases.listed("decided", officer.who, limit=2)] == order[:1:-1]


def test_fast_clock_shows_no_future_wait(lane: Lane, officer: Officer) -> None:
    """A lane with a fast clock has nobody waiting since tomorrow."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    lane.refer(images=[], at=tomorrow)
    [case] = officer.ask("GET", "/referrals").json()["referrals"]
    assert datetime.fromisoformat(case["opened_at"]) < tomorrow
    assert case["waiting_s"] >= 0


def test_each_case_listed_under_its_state(lane: Lane, officer: Officer) -> None:
    cases = {name: lane.refer(images=[]) for name in ("open", "claimed", "decided", "ended")}
    officer.claim(cases["claimed"])
    officer.claim(cases["decided"])
    officer.decide(cases["decided"])
    lane.deliver(lane.write("passage.closed", {"passage": cases["ended"], "how": "interrupted"}))
    for state, passage in cases.items():
        listed = officer.ask("GET", "/referrals", params={"state": state}).json()["referrals"]
        assert [(case["passage"], case["state"]) for case in listed] == [(passage, state)]


def test_faces_only_for_officer_with_case(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    assert officer.ask("GET", f"/referrals/{passage}").json()["images"] == []
    officer.claim(passage)
    path = officer.ask("GET", f"/referrals/{passage}").json()["images"][0]["href"]
    officer.ask("DELETE", f"/referrals/{passage}/claim")
    assert officer.http.get(path).json()["code"] == "claim_missing"
    officer.claim(passage)
    shown = officer.http.get(path)
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["cache-control"] == "no-store"
    with desk.officer("li") as other:
        assert other.http.get(path).json()["code"] == "claim_missing"
    officer.decide(passage)
    assert officer.http.get(path).json()["code"] == "image_unknown"


def test_image_of_other_case_not_shown(lane: Lane, officer: Officer) -> None:
    first, second = lane.refer(), lane.refer(images=[])
    officer.claim(first)
    [image, _] = officer.ask("GET", f"/referrals/{first}").json()["images"]
    officer.claim(second)
    answer = officer.ask("GET", f"/referrals/{second}/images/{image['sha256']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "image_unknown")


def test_an_officer_is_told_no_score(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    for told in (officer.ask("GET", f"/referrals/{passage}").text, officer.judge(passage).text):
        assert "0.31337" not in told
        assert "similarity" not in told
    assert "Presentation attack detection (PAD): not assessed" in told


def test_comparison_worth_told_only_after_judgement(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    assert officer.ask("GET", f"/referrals/{passage}").json()["revealed"] is None
    officer.claim(passage)
    assert officer.ask("GET", f"/referrals/{passage}").json()["revealed"] is None
    told = officer.judge(passage).json()["revealed"]["band"]
    assert told["value"] == 0.0031337
    assert "32 of 10,000 impostor comparisons" in told["text"]


def test_lane_without_rate_is_understood(lane: Lane, officer: Officer) -> None:
    body = judged("p-old", [], REFERRED)
    del body["evidence"]["achieved_fmr"]
    passage = lane.refer(passage="p-old", images=[], evidence=body["evidence"])
    officer.claim(passage)
    told = officer.ask("GET", f"/referrals/{passage}").json()["revealed"]["band"]
    assert told["value"] is None
    assert "did not tell" in told["text"]


def states(officer: Officer) -> list[str]:
    return [case["state"] for case in officer.ask("GET", "/referrals").json()["referrals"]]


def test_danger_first_then_help_then_wait(lane: Lane, officer: Officer) -> None:
    now = datetime.now(UTC)
    young = lane.refer(images=[], at=now - timedelta(seconds=10))
    old = lane.refer(images=[], at=now - timedelta(seconds=90))
    ill = lane.refer(images=[], reasons=[{"code": "P09"}], at=now)
    danger = lane.refer(images=[], reasons=[{"code": "F04"}, {"code": "P10"}], at=now)
    order = [danger, ill, old, young]
    assert waiting(officer) == order
    for passage in order:
        assert take_next(officer) == passage
        assert take_next(officer) == passage, "one who has a case gets no other"
        officer.decide(passage, "second_line", "other")
    assert officer.ask("POST", "/referrals/next").json() == {"claim": None}


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
    assert [one["escalated"] for one in officer.ask("GET", "/referrals").json()["referrals"]] == [True, False]
    assert supervisor.ask("GET", "/hall").json()["queue"]["escalated"] == 1
    assert lane.decision(late) is None
    assert verify_ledger(desk.desk.database).head.seq > 0


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
        assert one.ask("POST", "/referrals/next").json() == {"claim": None}
        for answer in (one.ask("GET", f"/referrals/{passage}"), one.claim(passage)):
            assert (answer.status_code, answer.json()["code"]) == (404, "referral_unknown")
    with desk.officer("li") as able:
        with desk.desk.database.write() as session:
            officers.set_duties(session, able.pseudonym, [duty], at=desk.clock())
        assert take_next(able) == passage
        assert able.decide(passage, "second_line", "other").status_code == 200
    assert lane.decision(passage)["answer"] == "second_line"


def test_site_sets_duty_of_code() -> None:
    site = duties.with_site({"P06": "protocol", "W03": ""})
    assert duties.duty_of({"P06", "W04"}, site) == "protocol"
    assert duties.duty_of({"W03"}, site) == ""
    assert duties.duty_of({"P01"}, site) == "child"


def test_simultaneous_next_requests_get_different_cases(desk: RunningDesk, lane: Lane) -> None:
    crowd = [desk.officer(f"officer {number}") for number in range(6)]
    for one in crowd:
        one.sign_in()
    for _ in range(3):
        passages = {lane.refer(images=[]) for _ in range(4)}
        claims = [answer.json()["claim"] for answer in at_once([partial(ask_next, one) for one in crowd])]
        assert {claim["passage"] for claim in claims if claim} == passages
        assert [claim is None for claim in claims].count(True) == 2
        for one, claim in zip(crowd, claims, strict=True):
            if claim:
                assert one.decide(claim["passage"], "second_line", "other").status_code == 200
    for one in crowd:
        one.http.close()


def ask_next(officer: Officer) -> httpx.Response:
    return officer.ask("POST", "/referrals/next")


def take_next(officer: Officer) -> Any:
    return ask_next(officer).json()["claim"]["passage"]


def waiting(officer: Officer) -> list[str]:
    told = officer.ask("GET", "/referrals", params={"state": "open"}).json()
    return [case["passage"] for case in told["referrals"]]


def test_clock_set_back_prolongs_no_claim(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """No case stays with somebody for hours."""
    desk.clock.pass_time(hours=5)
    passage = lane.refer()
    officer.sign_in()
    assert officer.claim(passage).status_code == 200
    desk.clock.pass_time(hours=-5)
    with desk.officer("li") as other:
        assert [case["state"] for case in other.ask("GET", "/referrals").json()["referrals"]] == ["open"]
        assert other.claim(passage).status_code == 200
        assert other.decide(passage, "second_line", "cannot_tell").status_code == 200
    verify_ledger(desk.desk.database)


def test_longest_lease_is_longest_setting() -> None:
    (most,) = [rule.le for rule in Settings.model_fields["lease_s"].metadata if hasattr(rule, "le")]
    assert timedelta(seconds=most) == LONGEST_LEASE
