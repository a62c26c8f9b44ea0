"""Several workers for one desk: processes that share one listening socket, each replaced when it dies.

The process above them serves nobody. It starts them, passes events from each to the others where the database
does not, ends them together, and kills one whose event loop stalls.
"""

import os
import select
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import structlog

from api.platform.errors import SettingsError
from api.platform.metrics import SHARED
from api.platform.settings import Settings
from api.platform.worker_events import PipeEvents
from api.serving import logs
from api.serving.process import (
    END_WITHIN_S,
    Announce,
    DeskServer,
    address_of,
    bind,
    end_with_stdin,
    ending_on_signals,
)
from api.web.app import create_app

log = structlog.get_logger(__name__)

_READY, _ALIVE = b"ready", b"alive"
_STALLED_AFTER_S = 30.0
_STARTS_WITHIN_S = 120.0
_SOONEST_AGAIN_S, _LATEST_AGAIN_S = 0.2, 10.0


def serve(settings: Settings, *, announce: Announce, exit_with_parent: bool = False) -> None:
    """Run until SIGINT or SIGTERM, or, if wished, until standard input ends. Raises SettingsError."""
    if settings.workers == 1:
        app = create_app(settings)
        listening = bind(settings.host, settings.port)
        https = settings.tls_certificate is not None
        server = DeskServer(app, announce=lambda: announce(address_of(listening, https=https)))
        _end_with_stdin(server.end, wished=exit_with_parent)
        server.run(sockets=[listening])
        return
    with _shared_metrics(), bind(settings.host, settings.port) as listening:
        workers = Workers(settings, listening, announce)
        _end_with_stdin(workers.end, wished=exit_with_parent)
        with ending_on_signals(workers.end):
            workers.run()


def _end_with_stdin(end: Callable[[], None], *, wished: bool) -> None:
    if wished:
        threading.Thread(target=end_with_stdin, args=(end,), daemon=True).start()


@dataclass(slots=True)
class Worker:
    process: SpawnProcess
    pipe: Connection
    heard_at: float = field(default_factory=time.monotonic)
    ready: bool = False


class Workers:
    def __init__(self, settings: Settings, listening: socket.socket, announce: Announce) -> None:
        # A copy whose class can be found by its name: it travels to other processes.
        names = Settings.model_fields
        self._settings = Settings.model_construct(**{name: getattr(settings, name) for name in names})
        self._listening, self._announce = listening, announce
        self._workers: list[Worker] = []
        self._served = self._announced = False
        self._again_at, self._again_s = 0.0, _SOONEST_AGAIN_S
        self._awake, self._wake = os.pipe()
        self._ending = False

    def end(self) -> None:
        """End all workers; from any thread or signal handler."""
        self._ending = True
        os.write(self._wake, b".")

    def run(self) -> None:
        """Until `end`. Raises SettingsError where a worker ends before any has ever been ready."""
        try:
            while not self._ending:
                self._start_missing()
                self._attend(timeout_s=0.5)
        finally:
            self._listening.close()
            self._end_all()

    def _start_missing(self) -> None:
        if time.monotonic() < self._again_at:
            return
        while len(self._workers) < self._settings.workers and not self._ending:
            self._workers.append(self._started())

    def _started(self) -> Worker:
        here, there = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=work, args=(self._settings, self._listening, there), name="desk worker"
        )
        process.start()
        there.close()
        return Worker(process, here)

    def _attend(self, timeout_s: float) -> None:
        """Wait for a message or the end of a worker, and handle it."""
        pipes = [worker.pipe for worker in self._workers]
        ends = [worker.process.sentinel for worker in self._workers]
        happened = wait([self._awake, *pipes, *ends], timeout_s)
        for worker in list(self._workers):
            if worker.pipe in happened:
                self._listen_to(worker)
            if worker.process.sentinel in happened:
                self._remove_ended(worker)
        self._kill_stalled()

    def _listen_to(self, worker: Worker) -> None:
        with suppress(OSError, EOFError):  # it has died; its sentinel shows that
            message = worker.pipe.recv_bytes()
            worker.heard_at = time.monotonic()
            if message == _READY:
                worker.ready = self._served = True
                self._announce_once()
            elif message != _ALIVE:
                self._pass_on(message, worker)

    def _announce_once(self) -> None:
        all_ready = sum(worker.ready for worker in self._workers) == self._settings.workers
        if all_ready:
            self._again_s = _SOONEST_AGAIN_S
        if all_ready and not self._announced:
            self._announced = True
            self._announce(address_of(self._listening, https=self._settings.tls_certificate is not None))

    def _pass_on(self, message: bytes, by: Worker) -> None:
        for worker in self._workers:
            if worker is by or not worker.ready:
                continue
            if not select.select([], [worker.pipe], [], 0)[1]:  # a write would block
                log.error("a worker does not read its events: it is replaced", pid=worker.process.pid)
                worker.process.kill()
                continue
            with suppress(OSError):
                worker.pipe.send_bytes(message)

    def _remove_ended(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.process.join()
        worker.pipe.close()
        if self._ending:
            return
        if not self._served:
            raise SettingsError("a worker of the desk does not start: the log says why")
        log.error("a worker has died: it is replaced", status=worker.process.exitcode)
        self._again_at = time.monotonic() + self._again_s
        self._again_s = min(2 * self._again_s, _LATEST_AGAIN_S)

    def _kill_stalled(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if now - worker.heard_at > (_STALLED_AFTER_S if worker.ready else _STARTS_WITHIN_S):
                log.error("a worker stands still: it is killed", pid=worker.process.pid)
                worker.process.kill()

    def _end_all(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        until = time.monotonic() + END_WITHIN_S
        for worker in self._workers:
            worker.process.join(max(0.1, until - time.monotonic()))
            if worker.process.exitcode is None:
                log.error("a worker does not end: it is killed", pid=worker.process.pid)
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()


def work(settings: Settings, listening: socket.socket, pipe: Connection) -> None:
    """One worker, in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process above, which then ends this one
    logs.configure(settings.log_level, known=settings.secrets)
    sending = threading.Lock()

    def send(message: bytes) -> None:
        with sending, suppress(OSError):
            pipe.send_bytes(message)

    app = create_app(settings, worker_events=PipeEvents(pipe, send))
    server = DeskServer(app, announce=lambda: send(_READY), beat=lambda: send(_ALIVE))
    threading.Thread(target=_end_with_the_process_above, args=(server,), daemon=True).start()
    server.run(sockets=[listening])


def _end_with_the_process_above(server: DeskServer) -> None:
    above = parent_process()
    if above is not None:
        wait([above.sentinel])
    server.end()


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder for the workers' common metrics."""
    if SHARED in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="passenger-lane-figures-") as folder:
        os.environ[SHARED] = str(Path(folder))
        try:
            yield
        finally:
            del os.environ[SHARED]
