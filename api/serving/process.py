"""The desk as a process: announces its address once it accepts connections, and ends quickly and cleanly."""

import contextlib
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from api.platform.errors import SettingsError
from api.serving.connections import MOST_HEAD_BYTES, BoundedConnection, Bounds
from api.web.desk import Desk

_GRACE_S = 3
END_WITHIN_S = 2 * _GRACE_S + 4
"""Requests, chores and connections together: a desk has ended after this time."""
BOUNDS = Bounds()
Announce = Callable[[str], None]


class DeskServer(uvicorn.Server):
    """uvicorn, which announces itself when it accepts and lets open streams go when it ends.

    `beat` is called every second, as long as the event loop goes round.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        announce: Callable[[], None],
        beat: Callable[[], None] | None = None,
        bounds: Bounds = BOUNDS,
    ) -> None:
        bounds.allow_files()
        settings = app.state.desk.settings
        tls = tls_context(settings.tls_certificate, settings.tls_key) if settings.tls_certificate else None
        super().__init__(
            uvicorn.Config(
                app,
                http=type("Bounded", (BoundedConnection,), {"bounds": bounds}),
                ws="none",
                h11_max_incomplete_event_size=MOST_HEAD_BYTES,
                limit_concurrency=bounds.connections,
                timeout_keep_alive=bounds.between_s,
                ssl_context_factory=(lambda *_: tls) if tls else None,
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._desk: Desk = app.state.desk
        self._announce, self._beat = announce, beat

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    async def on_tick(self, counter: int) -> bool:
        """Every tenth of a second."""
        if self._beat is not None and counter % 10 == 0:
            self._beat()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams and waiting lanes first: nothing then keeps the process."""
        self._desk.broker.close()
        await super().shutdown(sockets)

    def end(self) -> None:
        """End within seconds, and cleanly; called again, it changes nothing."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Without raising a signal again afterwards, as uvicorn would: ending is no error."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        with ending_on_signals(self.end) if in_main_thread else contextlib.nullcontext():
            yield


@contextlib.contextmanager
def ending_on_signals(end: Callable[[], None]) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: end()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def bind(host: str, port: int) -> socket.socket:
    """A socket at this address, which does not listen yet. Raises SettingsError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # Said in full: asyncio sends small answers at once (TCP_NODELAY) only on what it knows for TCP.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        raise SettingsError(
            f"cannot listen at {host}:{port}: {error.strerror}; choose another port"
        ) from error
    return listening


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """For a site without a proxy: TLS 1.2 and up. Raises SettingsError where the files do not serve."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    made.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password here, OpenSSL would ask for it at the terminal.
        made.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise SettingsError(
            f"tls_certificate {certificate}, tls_key {key or certificate}: {reason}"
        ) from error
    return made


def address_of(listening: socket.socket, *, https: bool = False) -> str:
    """The address for a browser."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"https://{shown}" if https else f"http://{shown}"


def end_with_stdin(end: Callable[[], None]) -> None:
    """Wait until standard input ends, then call `end`."""
    # Not through sys.stdin: its lock, held by this thread, would abort the interpreter at its end.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    end()
