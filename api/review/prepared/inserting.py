"""Inserts prepared cases into officers' work: never while a traveller waits whom that officer could take.

Each method is one transaction. An inserted case is withdrawn as soon as a traveller comes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

import structlog
from sqlalchemy.orm import Session

from api.faces.keyring import Keyring
from api.people.officers import SignedInOfficer
from api.people.roles import Task
from api.platform.database.database import Database
from api.platform.database.tables import SeededRow
from api.platform.events import Broker, Event, EventName
from api.platform.settings import Settings
from api.review.cases.answers import AnswerResult, Judgement, OfficerAnswer
from api.review.cases.queue import Referral
from api.review.officer_accuracy import PreparedDecision
from api.review.prepared import inserted, stored_cases

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class InsertedCases:
    """The use cases of prepared cases that are inserted into officers' work."""

    settings: Settings
    database: Database
    broker: Broker
    keyring: Keyring
    clock: Callable[[], datetime]
    serving: Callable[[Session, datetime], list[str]]
    """The lanes that let passengers in: a case of a lane that is shut would give itself away."""

    def case_for(self, officer: SignedInOfficer) -> Referral | None:
        """This officer's inserted case, offered now if one is due; None where a traveller waits."""
        if self.settings.seeded_share <= 0 or Task.BE_MEASURED not in officer.role.tasks:
            return None
        with self.database.read() as session:
            if not stored_cases.are_there(session, training=False):
                return None
            now = self.clock()
            row = inserted.live(session, officer.pseudonym)
            needed = inserted.is_needed(session, officer, at=now)
            if row is None and (needed or not inserted.due(session, officer.pseudonym, self._share)):
                return None
            if row is not None and not needed:
                return self._referral(session, row)
        return self._offer_or_withdraw(officer)

    def ended(self, officer: SignedInOfficer, limit: int) -> list[Referral]:
        """Cases that were withdrawn from this officer; they look like passages that ended."""
        with self.database.read() as session:
            return [
                self._referral(session, row)
                for row in inserted.ended(session, officer.pseudonym, limit=limit)
            ]

    def view(self, passage: str, officer: SignedInOfficer) -> Referral:
        """The officer's own case; notes that its step was shown. Raises ReferralUnknownError."""
        with self._own_case(passage, officer) as (session, row):
            inserted.note_shown(session, row, at=self.clock())
            return self._referral(session, row)

    def claim(self, passage: str, officer: SignedInOfficer) -> datetime:
        """Take it, or keep it for longer."""
        with self._own_case(passage, officer) as (session, row):
            before = row.claims
            until = inserted.claim(session, row, at=self.clock(), lease=self._lease)
            taken = row.claims > before
        if taken:
            self._publish("referral.changed", passage, officer.pseudonym)
        return until

    def release(self, passage: str, officer: SignedInOfficer) -> None:
        """Give it back."""
        with self._own_case(passage, officer) as (session, row):
            released = inserted.release(session, row, at=self.clock())
        if released:
            self._publish("referral.changed", passage, officer.pseudonym)

    def correct(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> NoReturn:
        """Refuse a correction, as `inserted.correct` does."""
        with self._own_case(passage, officer) as (_, row):
            inserted.correct(row, wanted)

    def judge(self, passage: str, officer: SignedInOfficer, given: Judgement) -> None:
        """Record the blind judgement."""
        with self._own_case(passage, officer) as (session, row):
            inserted.judge(session, row, given, at=self.clock())

    def decide(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> AnswerResult:
        """Answer; the truth is shown after it."""
        with self._own_case(passage, officer) as (session, row):
            given = inserted.decide(session, row, wanted, at=self.clock())
        if given.new:
            log.info("prepared.decided", passage=passage, officer=officer.pseudonym)
            self._publish("referral.decided", passage, officer.pseudonym)
        return given

    def image(self, passage: str, sha256: str, officer: SignedInOfficer) -> bytes:
        """One image of the case."""
        with self.database.read() as session:
            row = inserted.own_case(session, passage, officer.pseudonym)
            return inserted.image(session, self.keyring, row, sha256, at=self.clock())

    def prepared_decision(self, passage: str, officer: SignedInOfficer) -> PreparedDecision | None:
        """The truth and the result of a decided case of this officer; None for every other case."""
        with self.database.read() as session:
            row = session.get(SeededRow, passage)
            if row is None or row.officer != officer.pseudonym:
                return None
            return inserted.prepared_decision_of(session, row)

    def in_training(self, passage: str) -> bool:
        """Whether this is a training case."""
        with self.database.read() as session:
            row = session.get(SeededRow, passage)
            return row is not None and row.training

    def withdraw_for(self, officer: SignedInOfficer) -> None:
        """Withdraw the officer's inserted case: the officer has a traveller now."""
        with self.database.read() as session:
            if inserted.live(session, officer.pseudonym) is None:
                return
        with self.database.write() as session:
            row = inserted.live(session, officer.pseudonym)
            if row is not None:
                stored_cases.withdraw(session, row, at=self.clock())
        if row is not None:
            self._publish("referral.changed", row.passage, officer.pseudonym)

    def withdraw_all(self) -> None:
        """Withdraw all inserted cases: a traveller waits."""
        with self.database.read() as session:
            if not inserted.any_live(session):
                return
        with self.database.write() as session:
            rows = [(row.passage, row.officer) for row in inserted.withdraw_all(session, at=self.clock())]
        for passage, officer in rows:
            self._publish("referral.changed", passage, officer)

    def _publish(self, name: EventName, passage: str, officer: str) -> None:
        """Publish an event for this officer's pages only."""
        self.broker.publish(Event(name, passage, officer))

    def _referral(self, session: Session, row: SeededRow) -> Referral:
        after = timedelta(seconds=self.settings.escalate_after_s)
        return inserted.as_referral(session, row, at=self.clock(), escalate_after=after)

    def _offer_or_withdraw(self, officer: SignedInOfficer) -> Referral | None:
        """Decide again within the write transaction, since a traveller may have come meanwhile."""
        with self.database.write() as session:
            now = self.clock()
            row = inserted.live(session, officer.pseudonym)
            if inserted.is_needed(session, officer, at=now):
                if row is not None:
                    stored_cases.withdraw(session, row, at=now)
                return None
            new = row is None
            row = row or inserted.offer(session, officer.pseudonym, self.serving(session, now), at=now)
            referral = self._referral(session, row) if row else None
        if referral is not None and new:
            self._publish("referral.opened", referral.passage, officer.pseudonym)
        return referral

    @contextmanager
    def _own_case(self, passage: str, officer: SignedInOfficer) -> Iterator[tuple[Session, SeededRow]]:
        """The officer's case, in a transaction; if a traveller waits, it is withdrawn in one before."""
        with self.database.read() as session:
            row = inserted.own_case(session, passage, officer.pseudonym)
            live = row.decided_at is None and row.withdrawn_at is None and not row.training
            gone = live and inserted.is_needed(session, officer, at=self.clock())
        if gone:
            with self.database.write() as session:
                stored_cases.withdraw(
                    session, inserted.own_case(session, passage, officer.pseudonym), at=self.clock()
                )
            self._publish("referral.changed", passage, officer.pseudonym)
        with self.database.write() as session:
            yield session, inserted.own_case(session, passage, officer.pseudonym)

    @property
    def _share(self) -> float:
        return self.settings.seeded_share

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.settings.lease_s)
