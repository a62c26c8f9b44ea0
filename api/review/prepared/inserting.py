"""Prepared cases among an officer's work: never while a traveller waits whom that officer could take.

Each method is one transaction. What an officer holds is taken back the moment a traveller comes.
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
from api.people.roles import Role
from api.platform.database.database import Database
from api.platform.database.tables import SeededRow
from api.platform.events import Broker, Event, EventName
from api.platform.settings import Settings
from api.review.cases.answers import Given, Judgement, Wanted
from api.review.cases.queue import Referral
from api.review.officer_accuracy import Known
from api.review.prepared import inserted, stored_cases

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seeding:
    """The use cases of prepared cases that officers meet at work."""

    settings: Settings
    database: Database
    broker: Broker
    keyring: Keyring
    clock: Callable[[], datetime]
    serving: Callable[[Session, datetime], list[str]]
    """The lanes that let passengers in: a case of a lane that is shut would give itself away."""

    def before(self, officer: SignedInOfficer) -> Referral | None:
        """The case before this officer, offered now where one is due; None where a traveller waits."""
        if self.settings.seeded_share <= 0 or officer.role is not Role.OFFICER:
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
                return self._told(session, row)
        return self._offered(officer)

    def ended(self, officer: SignedInOfficer, limit: int) -> list[Referral]:
        """Cases that were taken back from this officer: passages that ended, as far as anybody is told."""
        with self.database.read() as session:
            return [
                self._told(session, row) for row in inserted.ended(session, officer.pseudonym, limit=limit)
            ]

    def look(self, passage: str, officer: SignedInOfficer) -> Referral:
        """The officer's own seeded case, and that its step was shown. Raises ReferralUnknownError."""
        with self._own(passage, officer) as (session, row):
            inserted.note_shown(session, row, at=self.clock())
            return self._told(session, row)

    def claim(self, passage: str, officer: SignedInOfficer) -> datetime:
        """Take it, or keep it for longer."""
        with self._own(passage, officer) as (session, row):
            before = row.claims
            until = inserted.claim(session, row, at=self.clock(), lease=self._lease)
            taken = row.claims > before
        if taken:
            self._tell("referral.changed", passage, officer.pseudonym)
        return until

    def release(self, passage: str, officer: SignedInOfficer) -> None:
        """Give it back."""
        with self._own(passage, officer) as (session, row):
            released = inserted.release(session, row, at=self.clock())
        if released:
            self._tell("referral.changed", passage, officer.pseudonym)

    def correct(self, passage: str, officer: SignedInOfficer, wanted: Wanted) -> NoReturn:
        """There is nothing to correct; see `seeded.correct` for what is said instead."""
        with self._own(passage, officer) as (_, row):
            inserted.correct(row, wanted)

    def judge(self, passage: str, officer: SignedInOfficer, given: Judgement) -> None:
        """Say of the faces what the officer sees."""
        with self._own(passage, officer) as (session, row):
            inserted.judge(session, row, given, at=self.clock())

    def decide(self, passage: str, officer: SignedInOfficer, wanted: Wanted) -> Given:
        """Answer; the truth is told at once."""
        with self._own(passage, officer) as (session, row):
            given = inserted.decide(session, row, wanted, at=self.clock())
        if given.new:
            log.info("prepared.decided", passage=passage, officer=officer.pseudonym)
            self._tell("referral.decided", passage, officer.pseudonym)
        return given

    def image(self, passage: str, sha256: str, officer: SignedInOfficer) -> bytes:
        """One image of the case."""
        with self.database.read() as session:
            row = inserted.of(session, passage, officer.pseudonym)
            return inserted.image(session, self.keyring, row, sha256, at=self.clock())

    def known(self, passage: str, officer: SignedInOfficer) -> Known | None:
        """The truth of a decided case of this officer; None for every other case."""
        with self.database.read() as session:
            row = session.get(SeededRow, passage)
            if row is None or row.officer != officer.pseudonym:
                return None
            return inserted.known_of(session, row)

    def in_training(self, passage: str) -> bool:
        """Whether this is a case that somebody trains on."""
        with self.database.read() as session:
            row = session.get(SeededRow, passage)
            return row is not None and row.training

    def give_way(self, officer: SignedInOfficer) -> None:
        """The officer has a traveller: what the officer holds of prepared cases is taken back."""
        with self.database.read() as session:
            if inserted.live(session, officer.pseudonym) is None:
                return
        with self.database.write() as session:
            row = inserted.live(session, officer.pseudonym)
            if row is not None:
                stored_cases.withdraw(session, row, at=self.clock())
        if row is not None:
            self._tell("referral.changed", row.passage, officer.pseudonym)

    def make_way(self) -> None:
        """A traveller waits again: what officers hold of prepared cases is taken back."""
        with self.database.read() as session:
            if not inserted.any_live(session):
                return
        with self.database.write() as session:
            rows = [(row.passage, row.officer) for row in inserted.withdraw_all(session, at=self.clock())]
        for passage, officer in rows:
            self._tell("referral.changed", passage, officer)

    def _tell(self, name: EventName, passage: str, officer: str) -> None:
        """To the officer's own pages, as of any other case; nobody else hears of it."""
        self.broker.publish(Event(name, passage, officer))

    def _told(self, session: Session, row: SeededRow) -> Referral:
        after = timedelta(seconds=self.settings.escalate_after_s)
        return inserted.as_referral(session, row, at=self.clock(), escalate_after=after)

    def _offered(self, officer: SignedInOfficer) -> Referral | None:
        """Offer or withdraw: looked at again with the turn, since a traveller may have come meanwhile."""
        with self.database.write() as session:
            now = self.clock()
            row = inserted.live(session, officer.pseudonym)
            if inserted.is_needed(session, officer, at=now):
                if row is not None:
                    stored_cases.withdraw(session, row, at=now)
                return None
            new = row is None
            row = row or inserted.offer(session, officer.pseudonym, self.serving(session, now), at=now)
            told = self._told(session, row) if row else None
        if told is not None and new:
            self._tell("referral.opened", told.passage, officer.pseudonym)
        return told

    @contextmanager
    def _own(self, passage: str, officer: SignedInOfficer) -> Iterator[tuple[Session, SeededRow]]:
        """The officer's case in a transaction; one that must give way is withdrawn in one before."""
        with self.database.read() as session:
            row = inserted.of(session, passage, officer.pseudonym)
            live = row.decided_at is None and row.withdrawn_at is None and not row.training
            gone = live and inserted.is_needed(session, officer, at=self.clock())
        if gone:
            with self.database.write() as session:
                stored_cases.withdraw(
                    session, inserted.of(session, passage, officer.pseudonym), at=self.clock()
                )
            self._tell("referral.changed", passage, officer.pseudonym)
        with self.database.write() as session:
            yield session, inserted.of(session, passage, officer.pseudonym)

    @property
    def _share(self) -> float:
        return self.settings.seeded_share

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.settings.lease_s)
