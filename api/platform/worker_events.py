"""Takes events from one worker of the desk to all others: by the PostgreSQL server, or by the process above.

An event says that something changed, never what: the state is in the database. Events may be lost with the
connection; listeners must then connect again, and read the database.
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

from api.platform.events import Event, EventName, OnEvent, OnLoss

log = structlog.get_logger(__name__)

_CHANNEL = "passenger_lane"
_MOST_TO_SEND = 4096
"""Events that are kept while the server is out of reach; afterwards all pages connect again anyway."""
_RETRY_S = 0.25
_POLL_S = 0.5
_POLLS_TO_PROBE = 20
"""After so many polls without an event, the server is asked whether it is still there."""


class _Sender:
    """A bounded queue and a thread that sends what is in it."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._queue: queue.Queue[bytes | None] = queue.Queue(_MOST_TO_SEND)
        self._thread = threading.Thread(target=self._run, name="events-out", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, message: bytes) -> None:
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            log.error("events for other workers are lost: they are out of reach")

    def close(self) -> None:
        with suppress(queue.Full):
            self._queue.put_nowait(None)
        if self._thread.is_alive():
            self._thread.join(_POLL_S)

    def _run(self) -> None:
        while (message := self._queue.get()) is not None:
            self._send(message)


class PostgresEvents:
    """LISTEN and NOTIFY, on two connections of their own, so that nothing else waits for them."""

    def __init__(self, url: URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._me = uuid4().hex
        self._closed = threading.Event()
        self._sending: psycopg.Connection | None = None
        self._sender = _Sender(self._notify)
        self._listening = threading.Thread(target=self._listen, name="events-in", daemon=True)

    def start(self, on_event: OnEvent, on_loss: OnLoss) -> None:
        self._on_event, self._on_loss = on_event, on_loss
        self._sender.start()
        self._listening.start()

    def send(self, event: Event) -> None:
        self._sender.put(_message_of(event, by=self._me))

    def close(self) -> None:
        self._closed.set()
        self._sender.close()
        self._close_sending()
        if self._listening.is_alive():
            self._listening.join(2 * _POLL_S)

    def _notify(self, message: bytes) -> None:
        """Retried until the server has it: while it is out of reach, the others have no connection either."""
        while True:
            try:
                if self._sending is None:
                    self._sending = self._connected()
                self._sending.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, message.decode()))
            except psycopg.Error:
                self._close_sending()
                if self._closed.wait(_RETRY_S):
                    return
            else:
                return

    def _close_sending(self) -> None:
        if self._sending is not None:
            self._sending.close()
            self._sending = None

    def _listen(self) -> None:
        began = False
        while not self._closed.is_set():
            try:
                with self._connected() as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    if began:
                        self._on_loss()
                    began = True
                    self._receive(connection)
            except psycopg.Error as error:
                began = True
                log.warning("no events from other workers", error=type(error).__name__)
                self._closed.wait(_RETRY_S)

    def _receive(self, connection: psycopg.Connection) -> None:
        silent = 0
        while not self._closed.is_set():
            silent += 1
            for notice in connection.notifies(timeout=_POLL_S):
                silent = 0
                _deliver(notice.payload, self._on_event, but_not=self._me)
            if silent >= _POLLS_TO_PROBE:
                connection.execute("SELECT 1")
                silent = 0

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(
            self._address, autocommit=True, connect_timeout=5, application_name="passenger-lane-events"
        )


class PipeEvents:
    """A pipe to the process that started this worker, which passes every event on to the others."""

    def __init__(self, pipe: Connection, send: Callable[[bytes], None]) -> None:
        self._pipe = pipe
        self._sender = _Sender(send)

    def start(self, on_event: OnEvent, on_loss: OnLoss) -> None:  # noqa: ARG002 - a pipe loses nothing
        self._on_event = on_event
        self._sender.start()
        threading.Thread(target=self._read, name="events-in", daemon=True).start()

    def send(self, event: Event) -> None:
        self._sender.put(_message_of(event, by=""))

    def close(self) -> None:
        self._sender.close()

    def _read(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                _deliver(self._pipe.recv_bytes().decode(), self._on_event)


def _message_of(event: Event, by: str) -> bytes:
    about = {"name": event.name, "passage": event.passage, "officer": event.officer}
    return json.dumps({"by": by, "at": event.published_at} | about).encode()


def _deliver(message: str, on_event: OnEvent, but_not: str | None = None) -> None:
    try:
        fields = json.loads(message)
        name, officer = cast("EventName", str(fields["name"])), str(fields["officer"])
        event = Event(name, str(fields["passage"]), officer, float(fields["at"]))
        by = fields["by"]
    except (ValueError, TypeError, KeyError):
        log.warning("an event that is not understood: another release may run beside this one")
        return
    if by != but_not:
        on_event(event)
