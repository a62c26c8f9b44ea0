"""Signing in by password, and the session that each sign-in starts. Every sign-in starts a new session.

Failures are counted by name and by address; of both only a hash is kept. They stand in the database, so that
all workers count together. After the free ones each further failure doubles the pause, up to a quarter of an
hour. Nobody is locked out for good, and that is a trade: whoever keeps guessing at a name can keep its
password out of use, and can make a few guesses an hour for as long as nobody looks. A passkey and the site's
identity provider do not wait for a password's pause.

Challenges to browsers, for passkeys and the identity provider, are kept here, and the port of an officer's
cases.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.people import officers, sessions
from api.people.officers import SignedInOfficer
from api.people.passwords import Passwords
from api.people.sessions import Lifetime, Way
from api.platform.database.database import Database
from api.platform.database.tables import AttemptsRow, ChallengeRow
from api.platform.errors import TooManyAttemptsError, WrongPasswordError
from api.platform.events import Broker, Event
from api.platform.tokens import token_hash

log = structlog.get_logger(__name__)

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(minutes=15)
_FAILURES_KEPT = timedelta(days=1)

ChallengeKind = Literal["passkey_new", "passkey", "provider"]
"""A challenge to a browser is answered once, soon, and by the browser that was asked."""
CHALLENGE_LASTS = timedelta(minutes=5)
MOST_CHALLENGES = 1000
"""Anyone may ask for one: more than this are not kept at the same time."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are free, and after how long one of them is forgotten."""

    free: int
    forgotten_after: timedelta


NAME = Limit(5, timedelta(minutes=15))
"""Guesses at one name."""
SOURCE = Limit(50, timedelta(seconds=12))
"""Failures from one address, behind which a whole hall may sit."""


class Casework(Protocol):
    """What happens to an officer's cases. They belong to `api.review`, which stands above and is passed in.

    Each function writes in the caller's transaction.
    """

    def leave(self, session: Session, officer: str, *, at: datetime) -> list[str]:
        """Give back every case that the officer has; return which."""
        ...

    def release_others(self, session: Session, officer: SignedInOfficer, *, at: datetime) -> list[str]:
        """Give back every case that the officer may not decide any more; return which."""
        ...

    def start(self, session: Session, officer: str, *, at: datetime) -> object:
        """Begin the officer's shift, or end the break."""
        ...

    def unanswerable(self, session: Session, *, at: datetime) -> list[str]:
        """Cases that wait while no one on site may answer them."""
        ...


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser that signs in: its address, where that identifies it, and its present session's token."""

    source: str | None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    database: Database
    broker: Broker
    passwords: Passwords
    clock: Callable[[], datetime]
    lifetime: Lifetime
    casework: Casework

    def by_password(self, name: str, password: str, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session; return the officer and its token.

        Raises TooManySignInsError and as `check_password` does.
        """
        with self.passwords.place():
            pseudonym = self.check_password(name, password, visitor.source)
            return self.begin(pseudonym, "password", visitor)

    def begin(self, pseudonym: str, way: Way, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session for an authenticated officer, and end the one that the browser had.

        If that was another officer's, their cases go back to the queue. Raises as `sessions.begin` does.
        """
        released: list[str] = []
        with self.database.write() as session:
            now = self.clock()
            sessions.forget_ended(session, at=now, lifetime=self.lifetime)
            if visitor.token is not None:
                before = sessions.replace(session, token_hash(visitor.token), at=now)
                if before is not None and before != pseudonym:
                    released = self.casework.leave(session, before, at=now)
            token, who = sessions.begin(session, pseudonym, at=now, way=way)
            if who.works:
                self.casework.start(session, pseudonym, at=now)
        log.info("signed in", officer=pseudonym, way=way)
        for passage in released:
            self.broker.publish(Event("referral.changed", passage))
        return who, token

    def check_password(self, name: str, password: str, source: str | None) -> str:
        """The pseudonym of who has this password. Raises WrongPasswordError or TooManyAttemptsError."""
        limits = {subject("name", name): NAME}
        if source is not None:
            limits[subject("source", source)] = SOURCE
        known = self._count_attempt(name, limits)
        if not self.passwords.fits(password, known[1] if known else None) or known is None:
            log.warning("sign-in refused")
            raise WrongPasswordError
        with self.database.write() as session:
            for about, limit in limits.items():
                _excuse(session, about, limit)
        return known[0]

    def forget_old(self) -> None:
        """Remove ended sessions, old failed sign-ins and unanswered challenges."""
        with self.database.write(turn=False) as session:
            now = self.clock()
            sessions.forget_ended(session, at=now, lifetime=self.lifetime)
            session.execute(delete(AttemptsRow).where(AttemptsRow.last_at <= now - _FAILURES_KEPT))
            _forget_challenges(session, at=now)

    def _count_attempt(self, name: str, limits: dict[str, Limit]) -> tuple[str, str] | None:
        # Read first, without the turn to write: a flood at a paused name delays no writer.
        with self.database.read() as session:
            for about, limit in limits.items():
                _check_pause(session, about, limit, at=self.clock())
            known = officers.password_hash_of(session, name)
        with self.database.write() as session:
            for about, limit in limits.items():
                _count(session, about, limit, at=self.clock())
        return known


def publish_staff_change(broker: Broker, released: Iterable[str]) -> None:
    """Who may sign in or is at work has changed, and with it these cases."""
    broker.publish(Event("staff.changed", ""))
    for passage in released:
        broker.publish(Event("referral.changed", passage))


def keep_challenge(
    session: Session, kind: ChallengeKind, secret: str, holder: str, kept: str, *, at: datetime
) -> None:
    """Keep a challenge. Where too many wait, the oldest is removed: a prompt answer to a new one counts."""
    _forget_challenges(session, at=at)
    waiting = session.scalar(select(func.count()).select_from(ChallengeRow)) or 0
    if waiting >= MOST_CHALLENGES:
        oldest = select(ChallengeRow.sha256).order_by(ChallengeRow.until).limit(waiting - MOST_CHALLENGES + 1)
        session.execute(delete(ChallengeRow).where(ChallengeRow.sha256.in_(oldest)))
    session.add(
        ChallengeRow(
            sha256=token_hash(secret),
            kind=kind,
            holder=token_hash(holder),
            kept=kept,
            until=at + CHALLENGE_LASTS,
        )
    )


def take_challenge(
    session: Session, kind: ChallengeKind, secret: str, holder: str, *, at: datetime
) -> str | None:
    """Take the data that was stored with the challenge; None where it is unknown or too old."""
    gone = delete(ChallengeRow).where(
        ChallengeRow.sha256 == token_hash(secret),
        ChallengeRow.kind == kind,
        ChallengeRow.holder == token_hash(holder),
    )
    row = session.execute(gone.returning(ChallengeRow.kept, ChallengeRow.until)).one_or_none()
    return None if row is None or row.until <= at else row.kept


def _forget_challenges(session: Session, *, at: datetime) -> None:
    session.execute(delete(ChallengeRow).where(ChallengeRow.until <= at))


def subject(what: str, value: str) -> str:
    """The hash that is kept in place of a name or an address."""
    return hashlib.sha256(f"{what}\n{value}".encode("utf-8", "surrogateescape")).hexdigest()


def _check_pause(session: Session, about: str, limit: Limit, *, at: datetime) -> None:
    """Raise TooManyAttemptsError while this subject pauses."""
    row = session.get(AttemptsRow, about)
    pause = timedelta() if row is None else _pause(_left(row, limit, at), limit)
    # A clock that ran ahead and was set back makes nobody wait for longer than any pause is.
    if row is not None and pause and at < row.last_at + pause and row.last_at - at < _LONGEST_PAUSE:
        raise TooManyAttemptsError


def _count(session: Session, about: str, limit: Limit, *, at: datetime) -> None:
    """Count one attempt before its outcome is known, so that guesses at the same moment count too.

    Raises TooManyAttemptsError while the subject pauses: a flood is not counted, and makes no pause longer.
    """
    _check_pause(session, about, limit, at=at)
    row = session.get(AttemptsRow, about)
    if row is None:
        session.add(AttemptsRow(subject=about, wrong=1, last_at=at))
    else:
        row.wrong, row.last_at = _left(row, limit, at) + 1, at


def _excuse(session: Session, about: str, limit: Limit) -> None:
    """After a right password, forget the guesses at the name; others' from that address still count."""
    row = session.get(AttemptsRow, about)
    if row is not None and limit is NAME:
        session.delete(row)
    elif row is not None:
        row.wrong = max(row.wrong - 1, 0)


def _left(row: AttemptsRow, limit: Limit, at: datetime) -> int:
    return max(row.wrong - max(at - row.last_at, timedelta()) // limit.forgotten_after, 0)


def _pause(wrong: int, limit: Limit) -> timedelta:
    if wrong < limit.free:
        return timedelta()
    # 2 to the 4th is past the longest; a larger power would be past what a timedelta holds.
    doubled: int = 2 ** min(wrong - limit.free, 4)
    return min(_FIRST_PAUSE * doubled, _LONGEST_PAUSE)
