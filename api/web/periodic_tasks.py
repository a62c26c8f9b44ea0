"""Periodic work of a desk: named chores, one after another in one thread; no passenger waits for one.

Several workers may run the same chores at once: each must do no harm where another was first. A chore uses
the desk's clock; only the period is measured by a clock that never jumps.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from api.platform.errors import for_log
from api.web.desk import Desk

log = structlog.get_logger(__name__)

_END_WITHIN_S = 2.0
"""How long an end waits for a chore at work; its thread keeps no process, and a transaction is whole."""


@dataclass(frozen=True, slots=True)
class Chore:
    """One piece of periodic work. It may fail at any point, and runs again."""

    name: str
    period_s: float
    work: Callable[[Desk], object]


class Chores:
    """Runs each chore when it is due, first at once; one that fails is logged, counted and runs again."""

    def __init__(
        self,
        chores: Sequence[Chore],
        desk: Callable[[], Desk],
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures: Counter[str] = Counter()
        """Chore → how often it failed since the start."""
        self._desk, self._monotonic_s = desk, monotonic_s
        self._due_s = {chore: float("-inf") for chore in chores}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None and self._due_s:
            self._thread = threading.Thread(target=self._run, name="chores", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and wait a moment for the chore at work."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_END_WITHIN_S)

    def run_due(self) -> list[str]:
        """Run what is due now, and return its names. The period counts from the end of a run."""
        due = [chore for chore, due_s in self._due_s.items() if due_s <= self._monotonic_s()]
        for number, chore in enumerate(due):
            if self._stop.is_set():
                return [done.name for done in due[:number]]
            self._guarded(chore)
            self._due_s[chore] = self._monotonic_s() + chore.period_s
        return [chore.name for chore in due]

    def _run(self) -> None:
        while not self._stop.is_set():
            self.run_due()
            self._stop.wait(max(0.0, min(self._due_s.values()) - self._monotonic_s()))

    def _guarded(self, chore: Chore) -> None:
        desk = self._desk()
        try:
            chore.work(desk)
        except Exception as error:  # noqa: BLE001 - the other chores must go on, and so must this one
            self.failures[chore.name] += 1
            desk.meters.chores.labels(chore.name, "failed").inc()
            log.error("chore failed", chore=chore.name, **for_log(error))
        else:
            desk.meters.chores.labels(chore.name, "done").inc()
