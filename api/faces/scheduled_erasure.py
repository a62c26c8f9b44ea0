"""Erasing faces when they must go: at once behind who passed through, all others when their time has come."""

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
    """What erases, for one desk."""

    database: Database
    keyring: Keyring
    retention: timedelta
    clock: Callable[[], datetime]
    steady: ErasureClock
    """By which it is told what is old."""

    def start(self) -> None:
        """Make the keyring ready.

        Raises SettingsError, KeyringError or StoreError: without keys no desk takes faces.
        """
        self.keyring.prepare()

    def erase_due(self) -> int:
        """Erase all that must go now; return of how many passages."""
        closed_before = self.steady() - self.retention
        with self.database.read() as session:
            passages = erasure.due(session, closed_before=closed_before)
        return sum(self._erase(passage, closed_before) for passage in passages)

    def sweep(self) -> None:
        """Destroy keys that open nothing, and take what was destroyed out of the keyring's log."""
        # As the only one who writes: no image is on its way between its key and its row.
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
