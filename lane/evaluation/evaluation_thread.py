"""Runs the evaluation in a thread of its own: one that fails or hangs holds nobody up, and is only noted."""

import logging
import threading
from types import TracebackType
from typing import Any, Protocol, Self

from lane.decision.referral import PassageId
from lane.evaluation.evaluator import Compared

log = logging.getLogger(__name__)


class Asked(Protocol):
    """What is asked of one verification; see `lane.evaluation.evaluator.Evaluator`."""

    def evaluate(self, compared: Compared, /) -> dict[str, Any]:
        """Plain values for the ledger."""
        ...

    def close(self) -> None:
        """Erase what is held of passengers."""
        ...


class Observer:
    """Takes one verification at a time. While one is at work, the next is not evaluated: nothing piles up.

    One that hangs keeps what it compared, the pictures of that passenger among it, until the process ends.
    """

    def __init__(self, evaluator: Asked, wait_s: float = 1.0) -> None:
        self._evaluator, self._wait_s = evaluator, wait_s
        self._changed = threading.Condition()
        self._given: tuple[PassageId, Compared] | None = None
        self._found: list[tuple[PassageId, dict[str, Any]]] = []
        self._thread: threading.Thread | None = None
        self._busy = self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take nothing more and erase what is held of passengers. Closing twice is no error."""
        with self._changed:
            self._closed, self._given = True, None
            self._changed.notify_all()
        self._evaluator.close()

    def take(self, passage: PassageId, compared: Compared) -> bool:
        """Ask about this verification. False while the last one is still at work: then none is waited for."""
        with self._changed:
            if self._closed:
                return False
            if self._busy:
                log.warning("passage %s was not evaluated: the one before still is", passage)
                return False
            self._given, self._busy = (passage, compared), True
            self._start()
            self._changed.notify_all()
            return True

    def found(self, *, wait: bool) -> list[tuple[PassageId, dict[str, Any]]]:
        """What was found since; with `wait`, the one at work is waited for, `wait_s` at most."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: not self._busy, self._wait_s)
            found, self._found = self._found, []
            return found

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="observer", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while self._next():
            body = self._evaluated()
            with self._changed:
                self._found += body
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._given is not None or self._closed)
            return not self._closed

    def _evaluated(self) -> list[tuple[PassageId, dict[str, Any]]]:
        """No reference to a passenger's pictures outlives this call."""
        with self._changed:
            given, self._given = self._given, None
        if given is None:
            return []
        try:
            return [(given[0], self._evaluator.evaluate(given[1]))]
        except Exception as error:  # the passage is over: a fault in here is nobody's but the evaluation's
            log.error("passage %s was not evaluated", given[0], exc_info=error)
            return []
