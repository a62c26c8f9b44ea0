"""Administration of people: by administrators for everybody, and by each person for the own account.

Names stay in the database and on these pages; the ledger knows pseudonyms.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from api.people import officers, passkeys, sessions
from api.people.officers import Person, SignedInOfficer
from api.people.passwords import Passwords, check_new, one_time_password
from api.people.roles import Role
from api.people.sessions import Lifetime
from api.people.sign_in import Casework, SignIn, publish_staff_change
from api.platform.database.database import Database
from api.platform.database.tables import SessionRow
from api.platform.errors import NoPasswordError, OfficerUnknownError, PasswordRefusedError
from api.platform.events import Broker

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class People:
    database: Database
    broker: Broker
    passwords: Passwords
    clock: Callable[[], datetime]
    lifetime: Lifetime
    signing_in: SignIn
    casework: Casework

    # --- for administrators

    def listed(self) -> list[Person]:
        with self.database.read() as session:
            return officers.listed(session)

    def unanswerable(self) -> int:
        """How many cases wait that no one on site may answer: somebody needs another role or duty."""
        with self.database.read() as session:
            return len(self.casework.unanswerable(session, at=self.clock()))

    def one(self, pseudonym: str) -> Person:
        """One person. Raises OfficerUnknownError."""
        for person in self.listed():
            if person.pseudonym == pseudonym:
                return person
        raise OfficerUnknownError

    def add(self, name: str, role: Role, duties: Iterable[str], by: SignedInOfficer) -> tuple[str, str]:
        """Register somebody; return the pseudonym and a one-time password, good only for choosing another.

        Raises NameTakenError.
        """
        password, hashed = self._one_time()
        with self.database.write() as session:
            now = self.clock()
            pseudonym = officers.add(
                session, name, hashed, at=now, role=role, duties=duties, by=by.pseudonym, must_change=True
            )
        self._changed("officer.added", pseudonym, by)
        return pseudonym, password

    def set_role(self, pseudonym: str, role: Role, by: SignedInOfficer) -> None:
        """Give somebody another role. Raises OfficerUnknownError, OwnRoleError or LastAdministratorError."""
        with self.database.write() as session:
            now = self.clock()
            officers.set_role(session, pseudonym, role, at=now, by=by.pseudonym)
            released = self.casework.release_others(session, officers.as_now(session, pseudonym), at=now)
        self._changed("officer.role_set", pseudonym, by, released)

    def set_duties(self, pseudonym: str, duties: Iterable[str], by: SignedInOfficer) -> None:
        """Give somebody these duties. Raises OfficerUnknownError or OwnRoleError."""
        with self.database.write() as session:
            now = self.clock()
            officers.set_duties(session, pseudonym, duties, at=now, by=by.pseudonym)
            released = self.casework.release_others(session, officers.as_now(session, pseudonym), at=now)
        self._changed("officer.duties_set", pseudonym, by, released)

    def disable(self, pseudonym: str, by: SignedInOfficer) -> None:
        """Refuse all further sign-ins. Raises OfficerUnknownError, OwnRoleError or LastAdministratorError."""
        with self.database.write() as session:
            now = self.clock()
            officers.disable(session, pseudonym, at=now, by=by.pseudonym)
            released = self.casework.leave(session, pseudonym, at=now)
        self._changed("officer.disabled", pseudonym, by, released)

    def reset_password(self, pseudonym: str, by: SignedInOfficer) -> str:
        """A new one-time password. Raises OfficerUnknownError, OwnRoleError or NoPasswordError."""
        password, hashed = self._one_time()
        with self.database.write() as session:
            now = self.clock()
            if not officers.has_password(officers.another(session, pseudonym, by.pseudonym)):
                raise NoPasswordError
            passkeys.remove_all(session, pseudonym, at=now)  # somebody else may have made one
            officers.set_password(session, pseudonym, hashed, at=now, by=by.pseudonym, must_change=True)
        self._changed("officer.password_set", pseudonym, by)
        return password

    def end_sessions(self, pseudonym: str, by: SignedInOfficer) -> None:
        """Sign somebody out everywhere; the own, present session stays. Raises OfficerUnknownError."""
        with self.database.write() as session:
            now = self.clock()
            officers.one(session, pseudonym)
            sessions.end_all(session, pseudonym, at=now, by=by.pseudonym, but=by.session_sha256)
            released = self.casework.leave(session, pseudonym, at=now)
        self._changed("officer.session_ended", pseudonym, by, released)

    # --- for everybody

    def sessions_of(self, pseudonym: str) -> list[SessionRow]:
        """An officer's open sessions. Raises OfficerUnknownError."""
        with self.database.read() as session:
            officers.one(session, pseudonym)
            return sessions.listed(session, pseudonym, at=self.clock(), lifetime=self.lifetime)

    def end_session(self, handle: str, who: SignedInOfficer) -> None:
        """End one of the own sessions; with the last one the cases go back. Raises SessionUnknownError."""
        with self.database.write() as session:
            now = self.clock()
            sessions.end_one(session, handle, who.pseudonym, at=now, by=who.pseudonym)
            left = sessions.listed(session, who.pseudonym, at=now, lifetime=self.lifetime)
            released = [] if left else self.casework.leave(session, who.pseudonym, at=now)
        self._changed("officer.session_ended", who.pseudonym, who, released)

    def has_password(self, who: SignedInOfficer) -> bool:
        with self.database.read() as session:
            return officers.has_password(officers.one(session, who.pseudonym))

    def change_password(self, old: str, new: str, who: SignedInOfficer) -> None:
        """Sessions elsewhere end. Raises PasswordRefusedError, TooManySignInsError or as `check_password`."""
        check_new(new, who.name)
        if old == new:
            raise PasswordRefusedError
        with self.passwords.place():
            self.signing_in.check_password(who.name, old, None)
            hashed = self.passwords.hash(new)
        with self.database.write() as session:
            officers.set_password(
                session, who.pseudonym, hashed, at=self.clock(), by=who.pseudonym, keep=who.session_sha256
            )
        log.info("officer.password_set", officer=who.pseudonym)

    def _one_time(self) -> tuple[str, str]:
        password = one_time_password()
        with self.passwords.place():
            return password, self.passwords.hash(password)

    def _changed(self, what: str, pseudonym: str, by: SignedInOfficer, released: Iterable[str] = ()) -> None:
        log.info(what, officer=pseudonym, by=by.pseudonym)
        publish_staff_change(self.broker, released)
