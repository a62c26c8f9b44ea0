"""Erases faces when they are due: at once after a passenger passed through, others after the retention."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.faces import erasure
from api.faces.keyring import Keyring
from api.platform.database.database import Database
from api.platform.monotonic_time import ErasureClock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduledErasure:
    database: Database
    keyring: Keyring
    retention: timedelta
    clock: Callable[[], datetime]
    erasure_clock: ErasureClock
    """The clock by which faces become due."""

    def erase_due(self) -> int:
        """Erase all that is due now; return the number of passages."""
        closed_before = self.erasure_clock() - self.retention
        with self.database.read() as session:
            passages = erasure.due(session, closed_before=closed_before)
        return sum(self._erase(passage, closed_before) for passage in passages)

    def sweep(self) -> None:
        """Destroy keys that open nothing, and take what was destroyed out of the keyring's log."""
        # As the only writer: no image is just being stored between its key and its row.
        with self.database.write() as session:
            left = erasure.leftovers(session, self.keyring)
            if left:
                self.keyring.destroy(left)
                log.warning("keys without faces destroyed", keys=len(left))
        self.keyring.tidy()

    def _erase(self, passage: str, closed_before: datetime) -> bool:
        with self.database.write() as session:
            at = self.clock()
            erased = erasure.erase(session, self.keyring, passage, closed_before=closed_before, at=at)
        if erased:
            log.info("passage.erased", passage=passage)
        return erased
