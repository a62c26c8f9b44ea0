"""Whatever a desk says is a decision in good form or a lost desk; over real HTTP."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


class Desk(BaseHTTPRequestHandler):
    status = 200
    body = b"{}"
    drip_s = 0.0

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer()

    def answer(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        step = 1 if self.drip_s else len(self.body) or 1
        for start in range(0, len(self.body), step):
            self.wfile.write(self.body[start : start + step])
            self.wfile.flush()
            time.sleep(self.drip_s)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class QuietServer(ThreadingHTTPServer):
    """Says nothing when a client hangs up on it."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def desk(
    body: bytes,
    *,
    status: int = 200,
    drip_s: float = 0.0,
    on_desk_time: Callable[[datetime], None] = lambda _: None,
) -> Iterator[HttpDesk]:
    handler = type("Answering", (Desk,), {"body": body, "status": status, "drip_s": drip_s})
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with HttpDesk(f"http://127.0.0.1:{server.server_port}", TOKEN, on_desk_time=on_desk_time) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()


def said(**change: object) -> bytes:
    return json.dumps({"decision": DECISION | change}).encode()


def test_well_formed_decision_is_read() -> None:
    with desk(said()) as client:
        decision = client.decision(PASSAGE, 0)
    assert decision is not None
    assert (decision.passage, decision.answer.value) == (PASSAGE, "admit")


def test_no_decision_yet_is_none() -> None:
    with desk(b'{"decision": null}') as client:
        assert client.decision(PASSAGE, 0) is None


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
    """It is no decision."""
    with desk(body) as client, pytest.raises(DeskLostError):
        client.decision(PASSAGE, 0)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, DeskLostError),
        (503, DeskLostError),
        (401, DeskRefusedError),
        (409, DeskRefusedError),
        (302, DeskRefusedError),
    ],
)
def test_a_status_is_never_a_decision(status: int, error: type[DeskError]) -> None:
    with desk(said(), status=status) as client, pytest.raises(error):
        client.decision(PASSAGE, 0)


def test_desk_error_forges_no_log_lines() -> None:
    body = json.dumps({"code": "x\n2026 INFO gate opened\x1b[2J"}).encode()
    with desk(body, status=409) as client, pytest.raises(DeskRefusedError) as caught:
        client.decision(PASSAGE, 0)
    assert "\n" not in str(caught.value)
    assert "gate opened" not in str(caught.value)


def test_foreign_passage_decision_means_lost_desk(tmp_path: Path) -> None:
    """A decision on another passage is none."""
    journal = opened(SqliteJournal(tmp_path / "lane.sqlite", "lane-1"))
    with desk(said(passage="another")) as client:
        outbox = Outbox(journal, client, SystemClock())
        assert outbox.answer(PASSAGE, 0) is None
        assert outbox.contact is DeskContact.DESK_LOST


def test_slow_bytes_do_not_hold_passenger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow drip of bytes."""
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
NONSENSE = {
    "NaN": f'{{"applied_through": NaN, "head": {{"seq": 1, "hash": "{HASH}"}}}}',
    "true": f'{{"applied_through": true, "head": {{"seq": 1, "hash": "{HASH}"}}}}',
    "less": f'{{"applied_through": 0, "head": {{"seq": 1, "hash": "{HASH}"}}}}',
    "infinite": f'{{"applied_through": 1e999, "head": {{"seq": 1, "hash": "{HASH}"}}}}',
    "head before the beginning": f'{{"applied_through": 9, "head": {{"seq": -5, "hash": "{HASH}"}}}}',
    "head is true": f'{{"applied_through": 9, "head": {{"seq": true, "hash": "{HASH}"}}}}',
    "head beyond numbers": f'{{"applied_through": 9, "head": {{"seq": {10**30}, "hash": "{HASH}"}}}}',
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
    """An answer that came at once."""
    times: list[datetime] = []
    with desk(said(), on_desk_time=times.append) as client:
        client.decision(PASSAGE, 0)
    assert abs((times[0] - datetime.now(UTC)).total_seconds()) < 60
    monkeypatch.setattr("lane.desk.http_client._FRESH_S", 0.0)
    with desk(said(), on_desk_time=times.append) as client:
        client.decision(PASSAGE, 0)
    assert len(times) == 1, "what was long on its way says nothing about now"


@pytest.mark.parametrize("status", [302, 403, 500])
def test_non_answer_tells_no_time(status: int) -> None:
    """What is no answer of the desk's."""
    times: list[datetime] = []
    with desk(said(), status=status, on_desk_time=times.append) as client, suppress(DeskError):
        client.decision(PASSAGE, 0)
    assert times == []
