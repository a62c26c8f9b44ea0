"""Bounds of a connection: how long a head, a body and a reader who does not read may take, and how many.

uvicorn bounds the size of a head and the time between two requests; whoever sends a byte now and then would
hold a connection for ever.
"""

import asyncio
import resource
from dataclasses import dataclass

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_HEAD_BYTES = 16 * 1024
"""Request line and header fields; a larger head is refused, and the connection closed."""
_FILES_BESIDE = 256
"""Open files of the desk that are no connections."""


@dataclass(frozen=True, slots=True)
class Bounds:
    head_s: float = 10.0
    """From the first byte of a request, or the beginning of a connection, to the end of the head."""
    body_s: float = 60.0
    """For the whole body: the largest, 4 MiB, at 70 KB a second."""
    between_s: int = 20
    """Between two requests of a connection; a proxy in front must close it earlier."""
    stalled_s: float = 60.0
    """For a reader to take anything of an answer that waits to be sent."""
    connections: int = 2048
    """Streams of pages, waiting lanes and requests. One more is answered 503; many more are closed."""

    def allow_files(self) -> None:
        """Ask the system for as many open files as there may be connections, as far as it allows."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.connections + _FILES_BESIDE
        most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class BoundedConnection(H11Protocol):
    """A connection that is closed when it does not keep up."""

    bounds = Bounds()
    _awaited: tuple[str, object] | None = None
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept; a tenth above the bound, close at once, without an answer."""
        super().connection_made(transport)
        if len(self.connections) > self.bounds.connections * 1.1:
            transport.abort()
        else:
            self._await(("head", None))

    def data_received(self, data: bytes) -> None:
        if self._head_is_too_large(data):
            self._refuse(431, b"Request Header Fields Too Large")
            return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Start the time limit of the next request."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Start the time limit of a stalled reader."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.bounds.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _head_is_too_large(self, data: bytes) -> bool:
        """h11 bounds a head that is not whole yet; one that comes in one piece, it takes."""
        if self.conn.their_state is not h11.IDLE:
            return False
        end = data.find(b"\r\n\r\n")
        return len(self.conn.trailing_data[0]) + (len(data) if end < 0 else end) > MOST_HEAD_BYTES

    def _look(self) -> None:
        if self.conn.their_state is h11.SEND_BODY:
            self._await(("body", self.cycle))
        elif self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._await(("head", self.cycle))
        else:
            self._await(None)

    def _await(self, what: tuple[str, object] | None) -> None:
        """Begin a new time where something new is awaited; a byte of the same thing gives no new one."""
        if what == self._awaited:
            return
        self._awaited = what
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if what is not None:
            allowed_s = self.bounds.head_s if what[0] == "head" else self.bounds.body_s
            self._deadline = self.loop.call_later(allowed_s, self._refuse, 408, b"Request Timeout")

    def _refuse(self, status: int, reason: bytes) -> None:
        """Say so where an answer is still possible, and close."""
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE:
            headers = [("Connection", "close"), ("Content-Length", "0")]
            answer = h11.Response(status_code=status, headers=headers, reason=reason)
            self.transport.write(self.conn.send(answer) or b"")
        self.transport.close()
