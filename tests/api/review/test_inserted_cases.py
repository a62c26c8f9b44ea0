"""Prepared cases among an officer's work: like any other, never before a traveller, never near a lane."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.lanes.hall import lane_states
from api.lanes.hall.status_report import StatusReport
from api.platform.database.tables import ReferralRow, SeededRow
from api.review.prepared import stored_cases
from tests.api.review.test_prepared_cases import prepare
from tests.support import tiers
from tests.support.api.evaluated_lane import kinds
from tests.support.api.running_desk import Lane, Officer, RunningDesk, refusal

pytestmark = pytest.mark.usefixtures("whole_ledger")


def shared(desk: RunningDesk, share: float) -> None:
    """Every lane serves, and is heard of as long as the test lasts."""
    made = desk.settings.model_copy(update={"seeded_share": share, "lane_silent_after_s": 10**8})
    desk.app.state.desk = replace(desk.desk, settings=made)
    with desk.desk.database.write() as session:
        for lane in lane_states.lane_names(session):
            told = StatusReport(state="waiting", since=desk.clock())
            lane_states.keep_status(session, lane, told, at=desk.clock())


def offered(officer: Officer) -> str:
    """Ask until one is due: which decision it comes after is drawn."""
    (one,) = officer.cases("open")
    return str(one["passage"])


@pytest.fixture
def certain(desk: RunningDesk, lane: Lane, officer: Officer) -> RunningDesk:
    """A desk where the next case of this officer is a prepared one."""
    prepare(desk, "different")
    shared(desk, 1.0)
    return desk


def test_shut_or_silent_lane_gives_none(
    certain: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    """It would give itself away."""
    told = {"state": "stopped", "since": certain.clock().isoformat()}
    assert lane.http.put("/lane/status", json=told).status_code == 200
    assert officer.cases("open") == []
    assert lane.http.put("/lane/status", json=told | {"state": "waiting"}).status_code == 200
    supervisor.ask("POST", "/lanes/lane-1/command", json={"command": "close"})
    assert officer.cases("open") == []
    supervisor.ask("POST", "/lanes/lane-1/command", json={"command": "open"})
    settings = certain.desk.settings.model_copy(update={"lane_silent_after_s": 15})
    certain.app.state.desk = replace(certain.desk, settings=settings)
    certain.clock.pass_time(seconds=16)
    assert officer.cases("open") == []
    assert lane.http.put("/lane/status", json=told | {"state": "waiting"}).status_code == 200
    assert [one["lane"] for one in officer.cases("open")] == ["lane-1"]


def test_prepared_case_looks_real_until_decided(certain: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = offered(officer)
    real = set(keys(officer.look(passage)))
    told = [
        officer.ask("GET", "/referrals"),
        officer.ask("GET", f"/referrals/{passage}"),
        officer.claim(passage),
    ]
    told += [officer.ask("GET", f"/referrals/{passage}"), officer.judge(passage, "different")]
    told += [officer.http.get("/queue"), officer.http.get(f"/referrals/{passage}")]
    for answer in told:
        assert answer.status_code == 200, answer.text
        for word in ("prepared", "seeded", "truth", "training", "feedback"):
            assert word not in answer.text.lower()
    traveller = lane.refer()
    assert set(keys(officer.look(traveller))) == real


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from keys(one)


def test_truth_told_immediately_after_decision(certain: RunningDesk, officer: Officer) -> None:
    passage = offered(officer)
    officer.claim(passage)
    images = officer.look(passage)["images"]
    assert officer.http.get(images[0]["href"]).headers["content-type"] == "image/jpeg"
    officer.judge(passage, "same")
    answer = officer.answer(passage, "admit", "same_person", "I am sure").json()
    assert answer["state"] == "decided"
    assert (answer["feedback"]["truth"], answer["feedback"]["outcome"]) == ("different", "false_accept")
    page = officer.http.get(f"/referrals/{passage}").text
    assert "This was a prepared case, and no traveller waited." in page
    assert "You would have admitted somebody else" in page
    assert officer.http.get(images[0]["href"]).status_code == 404
    again = {"answer": "admit", "ground": "same_person", "note": "again"}
    corrected = officer.ask("POST", f"/referrals/{passage}/correction", json=again)
    assert refusal(corrected) == (409, "already_handed")


def test_prepared_case_obeys_every_rule(certain: RunningDesk, officer: Officer) -> None:
    passage = offered(officer)
    assert officer.answer(passage, "admit", "same_person").json()["code"] == "claim_missing"
    officer.claim(passage)
    assert officer.answer(passage, "admit", "same_person").json()["code"] == "not_revealed"
    officer.judge(passage, "different")
    assert officer.judge(passage, "same").json()["code"] == "already_judged"
    assert officer.answer(passage, "admit", "different_person").json()["code"] == "ground_refused"
    assert officer.answer(passage, "admit", "same_person").json()["code"] == "note_missing"
    assert officer.answer(passage, "second_line", "different_person").json()["feedback"]["outcome"] == "right"


def test_only_its_officer_knows_of_it(certain: RunningDesk, officer: Officer, supervisor: Officer) -> None:
    passage = offered(officer)
    with certain.officer("chen") as colleague:
        for who in (colleague, supervisor):
            assert passage not in who.ask("GET", "/referrals").text
            assert who.ask("GET", f"/referrals/{passage}").status_code == 404
            assert who.claim(passage).status_code == 404


def test_no_lane_is_told_of_it_and_ledger_is(certain: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = str(officer.take_next())
    officer.decide(passage, "second_line", "different_person")
    assert refusal(lane.http.get(f"/passages/{passage}/decision")) == (404, "passage_unknown")
    with certain.desk.database.read() as session:
        assert session.get(ReferralRow, passage) is None
    told = [one for one in kinds(certain) if one.startswith("prepared.")]
    assert told[:4] == ["prepared.added", "prepared.offered", "prepared.judged", "prepared.decided"]


def test_never_offered_while_traveller_waits(certain: RunningDesk, lane: Lane, officer: Officer) -> None:
    traveller = lane.refer()
    assert [one["passage"] for one in officer.cases("open")] == [traveller]
    assert officer.take_next() == traveller
    assert officer.take_next() == traveller, "who has a traveller gets nothing else"


def test_arriving_traveller_withdraws_it_immediately(
    certain: RunningDesk, lane: Lane, officer: Officer
) -> None:
    passage = offered(officer)
    officer.claim(passage)
    officer.judge(passage, "different")
    traveller = lane.refer()
    with certain.desk.database.read() as session:
        assert session.get_one(SeededRow, passage).withdrawn_at is not None
    assert refusal(officer.answer(passage, "second_line", "different_person")) == (409, "passage_closed")
    assert [one["passage"] for one in officer.cases("open")] == [traveller]
    assert "prepared" not in officer.http.get(f"/referrals/{passage}").text, "nor is it told afterwards"


def test_retired_case_ends_for_its_holder(certain: RunningDesk, officer: Officer) -> None:
    passage = str(officer.take_next())
    with certain.desk.database.write() as session:
        case = session.get_one(SeededRow, passage).case
        stored_cases.retire(session, certain.desk.keyring, case, at=certain.clock())
    assert officer.judge(passage, "same").json()["code"] == "passage_closed"


@pytest.mark.parametrize("how", ["a colleague gives back", "the lease ends unseen"])
def test_returned_traveller_withdraws_it(
    certain: RunningDesk, lane: Lane, officer: Officer, how: str
) -> None:
    traveller = lane.refer()
    with certain.officer("chen") as colleague:
        colleague.claim(traveller)
        passage = officer.take_next()
        assert passage not in (None, traveller)
        if how == "a colleague gives back":
            colleague.ask("DELETE", f"/referrals/{traveller}/claim")
        else:
            certain.clock.pass_time(seconds=certain.settings.lease_s + 1)
        assert officer.claim(str(passage)).json()["code"] == "passage_closed"
        assert officer.take_next() == traveller


@pytest.mark.thorough
def test_share_is_kept(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """Asking again brings nothing."""
    prepare(desk, "same")
    shared(desk, 0.2)
    for _ in range(15):
        while officer.cases("open") and (passage := officer.take_next()) is not None:
            officer.decide(passage, "second_line", "cannot_tell")
        lane.refer(images=[])
        officer.decide(str(officer.take_next()), "second_line", "cannot_tell")
    with desk.desk.database.read() as session:
        seen = session.query(SeededRow).count()
    assert 2 <= seen <= 5


@pytest.mark.parametrize(
    ("share", "training"),
    [(0.0, False), (1.0, None), (1.0, True)],
    ids=["no share", "no case", "a case for training alone"],
)
def test_no_share_or_case_gives_none(
    share: float, training: bool | None, desk: RunningDesk, lane: Lane, officer: Officer
) -> None:
    if training is not None:
        prepare(desk, training=training)
    shared(desk, share)
    assert officer.cases("open") == []
    assert officer.take_next() is None


class Work:
    """One officer at work, a colleague, and travellers who come."""

    def __init__(self, desk: RunningDesk, lane: Lane, officer: Officer, colleague: Officer) -> None:
        self.desk, self.lane, self.officer, self.colleague = desk, lane, officer, colleague
        self.waiting: list[str] = []
        self.mine = ""

    def traveller(self) -> None:
        self.waiting.append(self.lane.refer(images=[]))

    def take(self) -> None:
        self.mine = self.officer.take_next() or ""

    def judge(self) -> None:
        self.officer.judge(self.mine or "p-1")

    def decide(self) -> None:
        self.officer.decide(self.mine or "p-1", "second_line", "cannot_tell")

    def colleague_takes(self) -> None:
        for one in self.waiting[:1]:
            self.colleague.claim(one)

    def colleague_gives_back(self) -> None:
        for one in self.waiting[:1]:
            self.colleague.ask("DELETE", f"/referrals/{one}/claim")

    def holds(self) -> bool:
        """Nothing prepared is before the officer while a traveller could be."""
        free = any(one["passage"] in self.waiting and one["claimable"] for one in self.officer.cases("open"))
        with self.desk.desk.database.read() as session:
            live = [row for row in session.query(SeededRow) if not row.decided_at and not row.withdrawn_at]
            return not (free and live)

    def end(self) -> None:
        self.colleague_gives_back()
        for one in self.waiting:
            for who in (self.officer, self.colleague):
                who.claim(one)
                who.decide(one, "second_line", "cannot_tell")


STEPS = st.lists(
    st.sampled_from(
        [Work.traveller, Work.take, Work.judge, Work.decide, Work.colleague_takes, Work.colleague_gives_back]
    ),
    min_size=3,
    max_size=8,
)


@settings(
    max_examples=tiers.examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_no_sequence_delays_traveller(
    certain: RunningDesk, lane: Lane, officer: Officer, steps: list[Callable[[Work], None]]
) -> None:
    with certain.officer(f"chen-{uuid4().hex[:6]}") as colleague:
        work = Work(certain, lane, officer, colleague)
        for step in steps:
            step(work)
            assert work.holds()
        work.end()


def test_signing_out_returns_prepared_case(certain: RunningDesk, officer: Officer) -> None:
    passage = str(officer.take_next())
    assert officer.ask("DELETE", "/session").status_code == 204
    officer.sign_in()
    assert [one["passage"] for one in officer.cases("open")] == [passage], "it is open again"
