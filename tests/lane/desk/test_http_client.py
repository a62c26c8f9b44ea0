"""Whatever a desk says is a decision in good form or a lost desk; over real HTTP."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lane.decision.evidence import DeskContact
from lane.decision.referral import PassageId
from lane.desk.http_client import HttpDesk
from lane.desk.outbox import Outbox
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import SystemClock
from lane.platform.errors import DeskError, DeskLostError, DeskRefusedError, NetworkLostError, SettingsError
from tests.support.http_service import answering
from tests.support.lane.simulated_lane import opened

TOKEN = "t" * 43
PASSAGE = PassageId("7c0f2f2e-4a51-4d3c-9c11-0d8a0f5f4a77")
DECISION: dict[str, Any] = {
    "id": "d-1",
    "passage": PASSAGE,
    "answer": "admit",
    "ground": "same_person",
    "officer": "officer-1a2b3c4d",
    "decided_at": "2026-11-24T12:00:00+00:00",
}


@contextmanager
def desk(
    body: bytes, *, on_desk_time: Callable[[datetime], None] = lambda _: None, **answer: Any
) -> Iterator[HttpDesk]:
    with (
        answering(body, **answer) as (address, _),
        HttpDesk(address, TOKEN, on_desk_time=on_desk_time) as client,
    ):
        yield client


def said(**change: object) -> bytes:
    return json.dumps({"decision": DECISION | change}).encode()


def test_well_formed_decision_is_read() -> None:
    with desk(said()) as client:
        decision = client.decision(PASSAGE, 0)
    assert decision is not None
    assert (decision.passage, decision.answer.value) == (PASSAGE, "admit")
    with desk(b'{"decision": null}') as client:
        assert client.decision(PASSAGE, 0) is None, "there is none yet"


GARBLED = {
    "no time zone": said(decided_at="2026-11-24T12:00:00"),
    "a day, no time": said(decided_at="2026-11-24"),
    "no id": said(id=None),
    "empty id": said(id=""),
    "a name with blanks": said(officer="Li Wei"),
    "officer as a record": said(officer={"name": "Li Wei"}),
    "a ground for the other answer": said(ground="different_person"),
    "an answer that nobody may give": said(answer="refuse"),
    "true for an answer": said(answer=True),
    "lone surrogate": b'{"decision": ' + json.dumps(DECISION | {"officer": "\ud800"}).encode() + b"}",
    "a list": b"[]",
    "nothing": b"",
    "not JSON": b"<html>",
    "deeply nested": b"[" * 60_000,
    "decision is a number": b'{"decision": 1}',
    "no decision at all": b"{}",
    "too long": b'{"decision": null, "padding": "' + b"x" * 100_000 + b'"}',
}


@pytest.mark.parametrize("body", GARBLED.values(), ids=GARBLED)
def test_garbled_answer_means_lost_desk(body: bytes) -> None:
    with desk(body) as client, pytest.raises(DeskLostError):
        client.decision(PASSAGE, 0)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, DeskLostError),
        (503, DeskLostError),
        (401, DeskRefusedError),
        (403, DeskRefusedError),
        (409, DeskRefusedError),
        (302, DeskRefusedError),
    ],
)
def test_a_status_is_never_a_decision(status: int, error: type[DeskError]) -> None:
    times: list[datetime] = []
    with desk(said(), status=status, on_desk_time=times.append) as client, pytest.raises(error):
        client.decision(PASSAGE, 0)
    assert times == [], "nor is it believed about the time"


def test_desk_error_forges_no_log_lines() -> None:
    body = json.dumps({"code": "x\n2026 INFO gate opened\x1b[2J"}).encode()
    with desk(body, status=409) as client, pytest.raises(DeskRefusedError) as caught:
        client.decision(PASSAGE, 0)
    assert "\n" not in str(caught.value)
    assert "gate opened" not in str(caught.value)


def test_foreign_passage_decision_means_lost_desk(tmp_path: Path) -> None:
    journal = opened(SqliteJournal(tmp_path / "lane.sqlite", "lane-1"))
    with desk(said(passage="another")) as client:
        outbox = Outbox(journal, client, SystemClock())
        assert outbox.answer(PASSAGE, 0) is None
        assert outbox.contact is DeskContact.DESK_LOST


def test_slow_bytes_do_not_hold_passenger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lane.desk.http_client._ANSWER_S", 0.5)
    with desk(said() + b" " * 60_000, drip_s=0.05) as client, pytest.raises(DeskLostError, match="in time"):
        client.decision(PASSAGE, 0)


def test_unanswered_address_means_lost_network() -> None:
    with HttpDesk("http://127.0.0.1:1", TOKEN) as client, pytest.raises(NetworkLostError):
        client.decision(PASSAGE, 0)


@pytest.mark.parametrize("token", ["", "short", "t" * 43 + "\n", "té" * 20, "with blank " * 4])
def test_impossible_token_is_refused_unshown(token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        HttpDesk("http://127.0.0.1:1", token)
    assert not token.strip() or token.strip() not in str(caught.value)


HASH = "a" * 64
CONFIRMED = f'{{"applied_through": %s, "head": {{"seq": %s, "hash": "{HASH}"}}}}'
NONSENSE = {
    "NaN": CONFIRMED % ("NaN", 1),
    "true": CONFIRMED % ("true", 1),
    "less": CONFIRMED % (0, 1),
    "infinite": CONFIRMED % ("1e999", 1),
    "head before the beginning": CONFIRMED % (9, -5),
    "head is true": CONFIRMED % (9, "true"),
    "head beyond numbers": CONFIRMED % (9, 10**30),
    "no hash": '{"applied_through": 9, "head": {"seq": 1, "hash": null}}',
    "no head": '{"applied_through": 9}',
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_confirmation_keeps_outbox(body: str, tmp_path: Path) -> None:
    journal = opened(SqliteJournal(tmp_path / "lane.sqlite", "lane-1"))
    journal.record([Draft("lane.started", {})], at=SystemClock().now())
    with desk(body.encode()) as client:
        assert Outbox(journal, client, SystemClock()).deliver() is DeskContact.DESK_LOST
    assert len(journal.pending(9)) == 1
    assert journal.desk_heads() == []


def test_prompt_answer_tells_desk_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[datetime] = []
    with desk(said(), on_desk_time=times.append) as client:
        client.decision(PASSAGE, 0)
    assert abs((times[0] - datetime.now(UTC)).total_seconds()) < 60
    monkeypatch.setattr("lane.desk.http_client._FRESH_S", 0.0)
    with desk(said(), on_desk_time=times.append) as client:
        client.decision(PASSAGE, 0)
    assert len(times) == 1, "what was long on its way says nothing about now"
