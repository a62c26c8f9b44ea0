"""A small HTTP server for one page on loopback: bounded in heads, bodies, time and connections.

On h11 and asyncio alone. The lane needs no web framework for four addresses, and here each bound is in sight.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

import h11

log = logging.getLogger(__name__)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), clipboard-read=(), clipboard-write=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    connections: int = 16
    head_bytes: int = 8192
    body_bytes: int = 256
    request_s: float = 3.0
    """From a request's first byte, or a connection's beginning, to its end."""
    between_s: float = 10.0
    """Between two requests of one connection."""
    answer_s: float = 3.0
    """For a reader to take an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """As it came; header names are in small letters."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, with HEADERS."""

    status: int
    body: bytes = field(default=b"", repr=False)
    media_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]


class RefusedError(Exception):
    """A request that is answered by its status alone, and its connection closed."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Connection:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler, bounds: Bounds
    ) -> None:
        self._reader, self._writer, self._handler, self._bounds = reader, writer, handler, bounds
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=bounds.head_bytes)
        self.idle_since_s: float | None = asyncio.get_running_loop().time()
        """None while a request is under way."""

    def abort(self) -> None:
        """Close at once; what waits to be sent is dropped."""
        self._writer.transport.abort()

    async def serve(self) -> None:
        """Until one side has enough. Raises nothing that a client can cause."""
        try:
            while await self._one():
                self._http.start_next_cycle()
                self.idle_since_s = asyncio.get_running_loop().time()
            self._writer.close()
            await self._writer.wait_closed()
        except (OSError, TimeoutError, h11.ProtocolError):
            self.abort()

    async def _one(self) -> bool:
        """One request and its answer; False where no further one can follow."""
        try:
            request = await self._request()
            if request is None:
                return False
            answer = await self._handler(request)
        except RefusedError as refused:
            answer = Answer(refused.status, headers=(("Connection", "close"),))
        except h11.RemoteProtocolError as error:
            answer = Answer(error.error_status_hint, headers=(("Connection", "close"),))
        await self._send(answer)
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _request(self) -> Request | None:
        """The next one, None at the end. Raises TimeoutError, RefusedError, h11.RemoteProtocolError."""
        if not self._http.trailing_data[0]:
            async with asyncio.timeout(self._bounds.between_s):
                self._http.receive_data(await self._reader.read(4096))
        self.idle_since_s = None
        async with asyncio.timeout(self._bounds.request_s):
            head, body = await self._event(), b""
            if not isinstance(head, h11.Request):
                return None
            while isinstance(part := await self._event(), h11.Data):
                body += part.data
                if len(body) > self._bounds.body_bytes:
                    raise RefusedError(413)
        return _request(head, body)

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                raise RefusedError(417)
            self._http.receive_data(await self._reader.read(4096))
        return event

    async def _send(self, answer: Answer) -> None:
        headers = {**HEADERS, "Content-Length": str(len(answer.body)), "Content-Type": answer.media_type}
        head = h11.Response(status_code=answer.status, headers=[*headers.items(), *answer.headers])
        events = (head, h11.Data(data=answer.body), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
        async with asyncio.timeout(self._bounds.answer_s):
            await self._writer.drain()


def _request(head: h11.Request, body: bytes) -> Request:
    """Raises RefusedError for a header that stands there twice: each of the two would be believed by half."""
    names = [name.decode("ascii") for name, _ in head.headers]
    if len(set(names)) != len(names):
        raise RefusedError(400)
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    try:
        parts = urlsplit(head.target.decode("ascii"))
        query = dict(parse_qsl(parts.query, max_num_fields=4))
    except ValueError as error:
        raise RefusedError(400) from error
    return Request(head.method.decode("ascii"), parts.path, query, headers, body)


class Server:
    """Takes connections, a bounded number: the one that is idle longest makes room for a new one."""

    def __init__(self, handler: Handler, bounds: Bounds) -> None:
        self._handler, self._bounds = handler, bounds
        self._connections: set[Connection] = set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio leaves it unset on this kind of socket: each picture waited 40 ms for an acknowledgement.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer.transport.set_write_buffer_limits(0)  # an answer is taken once the system has all of it
        if not self._has_room():
            writer.transport.abort()
            return
        connection = Connection(reader, writer, self._handler, self._bounds)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)

    def _has_room(self) -> bool:
        if len(self._connections) < self._bounds.connections:
            return True
        idle = [one for one in self._connections if one.idle_since_s is not None]
        if not idle:
            return False
        oldest = min(idle, key=lambda one: one.idle_since_s or 0.0)
        self._connections.discard(oldest)
        oldest.abort()
        return True
