"""Erasing: a passage's key is destroyed, its images' ciphertext deleted, and the ledger records it.

Faces of a passenger who passed through are erased at once; all others a set time after the passage closed, or
after the lane last sent something of it. A legal hold suspends that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from api.faces.keyring import Keyring
from api.ledger import chain
from api.platform.database.database import Database
from api.platform.database.tables import FacesRow, HoldRow, ImageRow, PreparedRow
from api.platform.monotonic_time import ErasureClock

log = structlog.get_logger(__name__)

_PASSED = "passed_through"
_MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ScheduledErasure:
    """Erases faces when they are due."""

    database: Database
    keyring: Keyring
    retention: timedelta
    clock: Callable[[], datetime]
    erasure_clock: ErasureClock
    """The clock by which faces become due."""

    def erase_due(self) -> int:
        """Erase what is due now, a hundred passages at most; return the number of passages."""
        closed_before = self.erasure_clock() - self.retention
        with self.database.read() as session:
            due = select(FacesRow.passage).where(_is_due(closed_before)).limit(_MOST_AT_ONCE)
            passages = session.scalars(due).all()
        return sum(self._erase(passage, closed_before) for passage in passages)

    def sweep(self) -> None:
        """Destroy keys that open nothing, and take what was destroyed out of the keyring's log.

        A desk that died between a key and its image leaves such a key.
        """
        # As the only writer: no image is just being stored between its key and its row.
        with self.database.write() as session:
            waiting = set(session.scalars(select(FacesRow.passage).where(FacesRow.erased_at.is_(None))))
            left = self.keyring.passages() - waiting - keys_of_prepared_cases(session)
            if left:
                self.keyring.destroy(sorted(left))
                log.warning("keys without faces destroyed", keys=len(left))
        self.keyring.tidy()

    def _erase(self, passage: str, closed_before: datetime) -> bool:
        """Erase one passage's faces if they are due now.

        The key is destroyed before the transaction ends: the ledger never records an erasure that did not
        happen. Where the transaction fails after that, the images can no longer be opened, and the next run
        records it.
        """
        with self.database.write() as session:
            at, row = self.clock(), session.get(FacesRow, passage, with_for_update=True)
            due_now = select(FacesRow.passage).where(FacesRow.passage == passage, _is_due(closed_before))
            if row is None or session.scalar(due_now) is None:
                return False
            of_passage = ImageRow.passage == passage
            here = select(ImageRow.sha256).where(of_passage, ImageRow.sealed.is_not(None))
            images = list(session.scalars(here.order_by(ImageRow.sha256)))
            session.execute(delete(ImageRow).where(of_passage))
            row.erased_at, row.because = at, _because(row)
            session.flush()
            body = {"passage": passage, "images": images, "because": row.because}
            chain.append(session, "passage.erased", body, at=at)
            self.keyring.destroy([passage])
        log.info("passage.erased", passage=passage)
        return True


def _is_due(closed_before: datetime) -> ColumnElement[bool]:
    passed = FacesRow.closed_how == _PASSED
    old = func.coalesce(FacesRow.closed_at, FacesRow.last_at) <= closed_before
    held = exists().where(HoldRow.passage == FacesRow.passage, HoldRow.lifted_at.is_(None))
    return and_(FacesRow.erased_at.is_(None), or_(passed, old), ~held)


def _because(row: FacesRow) -> str:
    if row.closed_how == _PASSED:
        return _PASSED
    return "retention" if row.told else "never_told"


def keys_of_prepared_cases(session: Session) -> set[str]:
    """Names under which the keyring holds keys of prepared cases."""
    return set(session.scalars(select(PreparedRow.case).where(PreparedRow.retired_at.is_(None))))
