"""Training on prepared cases, and the accuracy of officers. Training does not touch the queue.

A training case has the same three steps and pages as any other; the truth is shown after each decision.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.settings import Settings
from api.review import accuracy_records
from api.review.accuracy_records import AccuracyRecord
from api.review.officer_accuracy import PreparedDecision
from api.review.prepared import inserted, stored_cases

log = structlog.get_logger(__name__)

LANE = "training"
SESSION = timedelta(hours=4)
"""Cases within it are one training, and are summed up together."""


@dataclass(frozen=True, slots=True)
class Training:
    settings: Settings
    database: Database
    clock: Callable[[], datetime]

    def record_of(self, officer: str) -> AccuracyRecord:
        with self.database.read() as session:
            return accuracy_records.record_of(session, officer, at=self.clock())

    def records(self) -> list[AccuracyRecord]:
        with self.database.read() as session:
            return accuracy_records.records(session, at=self.clock())

    def update_alarms(self) -> None:
        """Test the decisions of each officer, once a day, and raise or clear alarms."""
        with self.database.read() as session:
            due = accuracy_records.due(session, at=self.clock())
        for officer in due:
            with self.database.write() as session:
                raised = accuracy_records.update_alarms(session, officer, at=self.clock())
            for kind in raised:
                log.warning("quality.alarm_raised", officer=officer, kind=kind)

    def next(self, officer: SignedInOfficer) -> tuple[str, datetime] | None:
        """The case to train on, and until when it is the officer's; None where there is none."""
        with self.database.write() as session:
            now = self.clock()
            row = inserted.live(session, officer.pseudonym, training=True)
            row = row or stored_cases.offer(session, officer.pseudonym, training=True, lane=LANE, at=now)
            if row is None:
                return None
            lease = timedelta(seconds=self.settings.lease_s)
            return row.passage, inserted.claim(session, row, at=now, lease=lease)

    def trained(self, officer: SignedInOfficer) -> list[PreparedDecision]:
        with self.database.read() as session:
            return inserted.trained(session, officer.pseudonym, since=self.clock() - SESSION)
