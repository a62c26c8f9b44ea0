"""Takes news from one worker of the desk to all others: by the PostgreSQL server, or by the process above.

What is taken is that something changed, never what: the database stays the only truth. A word may be lost
with the connection; whoever listens is then told to come again, and reads there.
"""

import json
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import cast
from uuid import uuid4

import psycopg
import structlog
from sqlalchemy import URL

from api.platform.events import Event, EventName, Heard, Lost

log = structlog.get_logger(__name__)

_CHANNEL = "passenger_lane"
_MOST_TO_SEND = 4096
"""What waits while the server is out of reach; then everybody's pages have come again anyway."""
_AGAIN_S = 0.25
_LOOK_UP_S = 0.5
_ASK_EVERY = 20
"""A server that is silent for so many looks is asked whether it is there."""


class _Sender:
    """A bounded queue and a thread that takes what is in it away."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_MOST_TO_SEND)
        self._thread = threading.Thread(target=self._run, name="news-out", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, word: bytes) -> None:
        try:
            self._waiting.put_nowait(word)
        except queue.Full:
            log.error("news for other workers is lost: they are out of reach")

    def close(self) -> None:
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        if self._thread.is_alive():
            self._thread.join(_LOOK_UP_S)

    def _run(self) -> None:
        while (word := self._waiting.get()) is not None:
            self._take(word)


class PostgresNews:
    """LISTEN and NOTIFY, on two connections of its own: nothing else waits for them."""

    def __init__(self, url: URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._me = uuid4().hex
        self._closed = threading.Event()
        self._out: psycopg.Connection | None = None
        self._sender = _Sender(self._notify)
        self._listening = threading.Thread(target=self._listen, name="news-in", daemon=True)

    def start(self, heard: Heard, lost: Lost) -> None:
        """See `api.platform.events.News.start`."""
        self._heard, self._lost = heard, lost
        self._sender.start()
        self._listening.start()

    def send(self, event: Event) -> None:
        """See `api.platform.events.News.send`."""
        self._sender.put(_packed(event, by=self._me))

    def close(self) -> None:
        """See `api.platform.events.News.close`."""
        self._closed.set()
        self._sender.close()
        self._forget_out()
        if self._listening.is_alive():
            self._listening.join(2 * _LOOK_UP_S)

    def _notify(self, word: bytes) -> None:
        """Until the server has it: with the server gone, the others have lost their connection, too."""
        while True:
            try:
                if self._out is None:
                    self._out = self._connected()
                self._out.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, word.decode()))
            except psycopg.Error:
                self._forget_out()
                if self._closed.wait(_AGAIN_S):
                    return
            else:
                return

    def _forget_out(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None

    def _listen(self) -> None:
        began = False
        while not self._closed.is_set():
            try:
                with self._connected() as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    if began:
                        self._lost()
                    began = True
                    self._hear(connection)
            except psycopg.Error as error:
                began = True
                log.warning("no news from other workers", error=type(error).__name__)
                self._closed.wait(_AGAIN_S)

    def _hear(self, connection: psycopg.Connection) -> None:
        silent = 0
        while not self._closed.is_set():
            silent += 1
            for told in connection.notifies(timeout=_LOOK_UP_S):
                silent = 0
                _tell(told.payload, self._heard, but_not=self._me)
            if silent >= _ASK_EVERY:
                connection.execute("SELECT 1")
                silent = 0

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(
            self._address, autocommit=True, connect_timeout=5, application_name="passenger-lane-news"
        )


class PipeNews:
    """A pipe to the process that has started this worker, which passes everything on to the others."""

    def __init__(self, pipe: Connection, say: Callable[[bytes], None]) -> None:
        self._pipe = pipe
        self._sender = _Sender(say)

    def start(self, heard: Heard, lost: Lost) -> None:  # noqa: ARG002 - a pipe loses nothing
        """See `api.platform.events.News.start`."""
        self._heard = heard
        self._sender.start()
        threading.Thread(target=self._read, name="news-in", daemon=True).start()

    def send(self, event: Event) -> None:
        """See `api.platform.events.News.send`."""
        self._sender.put(_packed(event, by=""))

    def close(self) -> None:
        """See `api.platform.events.News.close`."""
        self._sender.close()

    def _read(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                _tell(self._pipe.recv_bytes().decode(), self._heard)


def _packed(event: Event, by: str) -> bytes:
    told = {"name": event.name, "passage": event.passage, "officer": event.officer, "at": event.said_at}
    return json.dumps({"by": by} | told).encode()


def _tell(word: str, heard: Heard, but_not: str | None = None) -> None:
    try:
        said = json.loads(word)
        name, officer = cast("EventName", str(said["name"])), str(said["officer"])
        event = Event(name, str(said["passage"]), officer, float(said["at"]))
        by = said["by"]
    except (ValueError, TypeError, KeyError):
        log.warning("news that is not understood: another release may run beside this one")
        return
    if by != but_not:
        heard(event)
