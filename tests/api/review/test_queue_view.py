"""One read of the queue serves all pages of one moment, and shows nobody more than their own would."""

import asyncio
import socket
from dataclasses import replace
from itertools import product

import pytest

from api.people.officers import SignedInOfficer
from api.people.roles import Role
from api.review.cases import queue, queue_view
from api.review.cases.answers import OfficerAnswer
from api.serving.process import bind
from lane.decision.referral import Answer, Ground
from tests.support.api.running_desk import Lane, Officer, RunningDesk

pytestmark = pytest.mark.both_databases

REASONS = ("F10", "P06", "W04", "P01")
VIEWERS = tuple(
    SignedInOfficer("", "somebody", "", role=role, duties=frozenset(duties))
    for role, duties in product(
        (Role.OFFICER, Role.SUPERVISOR), ((), ("diplomatic",), ("quarantine", "child"))
    )
)


def as_asked(desk: RunningDesk, viewer: SignedInOfficer, decided: int) -> queue_view.QueueView:
    """What the database answers to this viewer alone."""
    now = desk.clock()
    with desk.desk.database.read() as session:
        return queue_view.QueueView(
            queue.listed(session, "waiting", viewer, at=now),
            queue.listed(session, "decided", viewer, at=now, limit=decided),
            queue.count_waiting(session, viewer),
        )


def agree(desk: RunningDesk) -> None:
    for viewer, decided in product(VIEWERS, (1, 3)):
        assert desk.desk.queue_reader.view(viewer, decided) == as_asked(desk, viewer, decided)


def test_board_shows_everyone_database_state(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    for reason in REASONS * 2:
        lane.refer(images=[], reasons=[{"code": reason}])
    agree(desk)
    for _ in range(2):
        passage = str(officer.take_next())
        agree(desk)
        officer.decide(passage, "second_line", "cannot_tell")
        agree(desk)
    diplomat = replace(officer.who, duties=frozenset({"diplomatic"}))
    found = desk.desk.cases.claim_next(diplomat)
    assert found is not None
    agree(desk)
    desk.desk.cases.view(found[0], diplomat)
    desk.desk.cases.decide(found[0], diplomat, OfficerAnswer(Answer.SECOND_LINE, Ground.CANNOT_TELL, ""))
    agree(desk)


def test_cases_beyond_list_come_from_database(
    desk: RunningDesk, lane: Lane, officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_LISTED", 3)
    monkeypatch.setattr(queue_view, "DECIDED", 2)
    for reason in (*REASONS, "F10"):
        lane.refer(images=[], reasons=[{"code": reason}])
        agree(desk)
    for _ in range(2):
        passage = str(officer.take_next())
        officer.decide(passage, "second_line", "cannot_tell")
        agree(desk)


def test_taken_case_is_not_shown_free(
    desk: RunningDesk, lane: Lane, officer: Officer, colleague: Officer
) -> None:
    """A lease ends without an announcement."""
    passage = lane.refer()
    for one in (officer, colleague):
        assert "data-open" in one.http.get("/queue/cases").text
    colleague.claim(passage)
    assert "data-open" not in officer.http.get("/queue/cases").text
    colleague.ask("DELETE", f"/referrals/{passage}/claim")
    assert "data-open" in officer.http.get("/queue/cases").text
    colleague.claim(passage)
    assert "data-open" not in officer.http.get("/queue/cases").text
    desk.clock.pass_time(seconds=desk.settings.lease_s + queue_view.FRESH.total_seconds())
    assert "data-open" in officer.http.get("/queue/cases").text


def test_clock_set_back_shows_nothing_earlier(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    lane.refer(images=[])
    desk.desk.queue_reader.view(officer.who, 1)
    with desk.desk.database.write() as session:
        queue.change(session, lane.written[-1].body["passage"], ended="interrupted")
    assert desk.desk.queue_reader.view(officer.who, 1).waiting, "nobody was told, and no time has passed"
    desk.clock.pass_time(seconds=-1)
    assert desk.desk.queue_reader.view(officer.who, 1).waiting == []


def test_own_decision_is_on_next_page(desk: RunningDesk, officer: Officer, claimed: str) -> None:
    assert claimed in officer.http.get("/queue/cases").text
    desk.desk.cases.view(claimed, officer.who)
    officer.judge(claimed)
    officer.answer(claimed, Answer.SECOND_LINE.value, Ground.CANNOT_TELL.value, "as I saw it")
    assert claimed not in officer.http.get("/queue/cases").text


def test_answers_are_sent_without_delay() -> None:
    """Without TCP_NODELAY an answer in two pieces waits 40 ms for the other side's word."""

    async def accepted() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            known = writer.get_extra_info("socket")
            told.set_result(known.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = bind("127.0.0.1", 0)
        async with await asyncio.start_server(connected, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            found = await told
            writer.close()
            await writer.wait_closed()
            return found

    assert asyncio.run(accepted()) != 0
