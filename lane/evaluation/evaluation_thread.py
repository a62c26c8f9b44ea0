"""Runs the evaluation in service in a thread of its own: if it fails or hangs, no passenger waits."""

import logging
import threading
from typing import Any, Protocol, Self

from lane.decision.referral import PassageId
from lane.evaluation.evaluator import Verification

log = logging.getLogger(__name__)


class VerificationEvaluator(Protocol):
    """Evaluates one verification; see `lane.evaluation.evaluator.Evaluator`."""

    def evaluate(self, verification: Verification, /) -> dict[str, Any]:
        """The result as plain values for the ledger."""
        ...

    def close(self) -> None:
        """Erase what is held of passengers."""
        ...


class EvaluationThread:
    """Evaluates one verification at a time. While one is at work, the next is not evaluated: none queues.

    One that hangs keeps its verification, with the pictures of that passenger, until the process ends.
    """

    def __init__(self, evaluator: VerificationEvaluator, wait_s: float = 1.0) -> None:
        self._evaluator, self._wait_s = evaluator, wait_s
        self._changed = threading.Condition()
        self._given: tuple[PassageId, Verification] | None = None
        self._results: list[tuple[PassageId, dict[str, Any]]] = []
        self._thread: threading.Thread | None = None
        self._busy = self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Accept nothing more and erase what is held of passengers. Closing twice is no error."""
        with self._changed:
            self._closed, self._given = True, None
            self._changed.notify_all()
        self._evaluator.close()

    def submit(self, passage: PassageId, verification: Verification) -> bool:
        """Evaluate this verification. False while the last one is still at work: then none is waited for."""
        with self._changed:
            if self._closed:
                return False
            if self._busy:
                log.warning("passage %s was not evaluated: the one before still is", passage)
                return False
            self._given, self._busy = (passage, verification), True
            self._start()
            self._changed.notify_all()
            return True

    def results(self, *, wait: bool) -> list[tuple[PassageId, dict[str, Any]]]:
        """The results since the last call; with `wait`, after `wait_s` at most that of the one at work."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: not self._busy, self._wait_s)
            results, self._results = self._results, []
            return results

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="evaluation", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while self._next():
            results = self._evaluated()
            with self._changed:
                self._results += results
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
