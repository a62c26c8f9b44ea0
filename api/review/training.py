"""Training on prepared cases, and how officers' eyes do. The queue is never touched.

Who trains sees the pages of any other case, three steps and all; the truth is told after each decision.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.settings import Settings
from api.review import accuracy_records
from api.review.accuracy_records import OfOfficer
from api.review.officer_accuracy import Known
from api.review.prepared import inserted, stored_cases

log = structlog.get_logger(__name__)

LANE = "training"
SESSION = timedelta(hours=4)
"""What was trained within it is one training, and summed up."""


@dataclass(frozen=True, slots=True)
class Training:
    """The use cases of a trainer, and of who trains."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]

    def quality_of(self, officer: str) -> OfOfficer:
        """One officer's figures, for that officer and for the trainer."""
        with self.database.read() as session:
            return accuracy_records.of_officer(session, officer, at=self.clock())

    def qualities(self) -> list[OfOfficer]:
        """Everybody's, for the trainer."""
        with self.database.read() as session:
            return accuracy_records.of_all(session, at=self.clock())

    def look(self) -> None:
        """Test everybody's decisions, once a day: whether anybody looked at the faces."""
        with self.database.read() as session:
            due = accuracy_records.due(session, at=self.clock())
        for officer in due:
            with self.database.write() as session:
                raised = accuracy_records.look(session, officer, at=self.clock())
            for kind in raised:
                log.warning("quality.alarm_raised", officer=officer, kind=kind)

    def next(self, officer: SignedInOfficer) -> tuple[str, datetime] | None:
        """The case to train on, and until when it is the officer's; None where there is none."""
        with self.database.write() as session:
            now = self.clock()
            row = inserted.live(session, officer.pseudonym, training=True)
            row = row or stored_cases.offer(
                session, officer.pseudonym, training=True, lane=LANE, at=now, waited=now
            )
            if row is None:
                return None
            lease = timedelta(seconds=self.settings.lease_s)
            return row.passage, inserted.claim(session, row, at=now, lease=lease)

    def trained(self, officer: SignedInOfficer) -> list[Known]:
        """What came of the cases of this training."""
        with self.database.read() as session:
            return inserted.trained(session, officer.pseudonym, since=self.clock() - SESSION)
