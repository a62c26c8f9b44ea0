"""Replays entries about people who sign in; see `api.audit.replay.account`."""

from collections.abc import Callable

from api.audit.replay.cases import must
from api.people import officers
from api.people.roles import Role, Task, having
from lane.ledger.entry import Entry


class StaffReplay:
    """Give it each entry about somebody who signs in, in order."""

    def __init__(self) -> None:
        self.officers: dict[str, str | None] = {}
        """Pseudonym → the hash of the officer's credentials, or None since the officer was disabled."""
        self.gone: dict[str, str] = {}
        """Pseudonym of somebody disabled → the credentials at that time."""
        self.roles: dict[str, str] = {}
        self.duties: dict[str, str] = {}
        self.passkeys: dict[str, dict[str, object]] = {}
        """A passkey → whose it is, and the hash of its public key."""
        self.kinds: dict[str, Callable[[Entry], None]] = {
            "officer.added": self._officer_added,
            "officer.disabled": self._officer_disabled,
            "officer.role_set": self._role_set,
            "officer.duties_set": self._duties_set,
            "officer.password_set": self._password_set,
            "officer.session_ended": self._session_ended,
            "officer.passkey_added": self._passkey_added,
            "officer.passkey_removed": self._passkey_removed,
            "officer.signed_in": self._signed_in,
            "officer.signed_out": self._signed_out,
        }

    def must_know(self, officer: str) -> None:
        """Raise LedgerBrokenError where the ledger has not registered this officer."""
        must(officer in self.officers, "an officer acts whom the ledger does not know")

    def works(self, officer: str) -> bool:
        """Whether it is somebody who works with lanes and cases, and can sign in."""
        return bool(self.officers.get(officer)) and self.roles.get(officer) in having(Task.DECIDE)

    def must_be_administered(self, entry: Entry) -> None:
        """An administrator did it, the identity provider, or whoever runs the desk's machine."""
        by = entry.body["by"]
        if by not in (officers.COMMAND_LINE, officers.PROVIDER):
            administers = self.officers[by] and self.roles[by] in having(Task.ADMINISTER)
            must(administers, "somebody administers the desk who is no administrator")

    def _officer_added(self, entry: Entry) -> None:
        must(entry.body["officer"] not in self.officers, "an officer is registered twice")
        self.officers[entry.body["officer"]] = str(entry.body["credentials_sha256"])
        self.roles[entry.body["officer"]] = Role(entry.body["role"]).value
        self.duties[entry.body["officer"]] = str(entry.body["duties"])
        self.must_be_administered(entry)

    def _role_set(self, entry: Entry) -> None:
        self._another(entry)
        self.roles[entry.body["officer"]] = Role(entry.body["role"]).value

    def _duties_set(self, entry: Entry) -> None:
        self._another(entry)
        self.duties[entry.body["officer"]] = str(entry.body["duties"])

    def _password_set(self, entry: Entry) -> None:
        officer = entry.body["officer"]
        must(self.officers[officer], "a password is given to an officer who cannot sign in")
        if entry.body["by"] != officer:
            self.must_be_administered(entry)
        self.officers[officer] = str(entry.body["credentials_sha256"])

    def _passkey_added(self, entry: Entry) -> None:
        officer = entry.body["officer"]
        must(self.officers[officer], "a passkey is given to an officer who cannot sign in")
        must(entry.body["passkey"] not in self.passkeys, "a passkey is added twice")
        self.passkeys[entry.body["passkey"]] = {"officer": officer, "key": entry.body["key_sha256"]}

    def _passkey_removed(self, entry: Entry) -> None:
        gone = self.passkeys.pop(entry.body["passkey"])
        must(gone["officer"] == entry.body["officer"], "an officer removes another's passkey")

    def _session_ended(self, entry: Entry) -> None:
        self.must_know(entry.body["officer"])
        if entry.body["by"] != entry.body["officer"]:
            self.must_be_administered(entry)

    def _another(self, entry: Entry) -> None:
        """It is about somebody else than the one who does it."""
        self.must_know(entry.body["officer"])
        must(entry.body["officer"] != entry.body["by"], "an officer changes the own role or duties")
        self.must_be_administered(entry)

    def _officer_disabled(self, entry: Entry) -> None:
        self.must_be_administered(entry)
        officer = entry.body["officer"]
        must(self.officers[officer], "an officer is disabled twice")
        self.gone[officer] = str(entry.body["credentials_sha256"])
        must(self.gone[officer] == self.officers[officer], "another is disabled than was registered")
        self.officers[officer] = None
        kept = {name: key for name, key in self.passkeys.items() if key["officer"] != officer}
        self.passkeys = kept

    def _signed_in(self, entry: Entry) -> None:
        must(self.officers.get(entry.body["officer"]), "an officer signs in who cannot")

    def _signed_out(self, entry: Entry) -> None:
        self.must_know(entry.body["officer"])
