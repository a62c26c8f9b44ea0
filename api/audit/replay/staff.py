"""Replays entries about people who sign in; see `api.audit.replay.account`."""

from dataclasses import dataclass

from api.audit.replay.rules import Replays, must
from api.people import officers
from api.people.roles import Role, Task
from api.platform.database.tables import PasskeyRow
from lane.ledger.entry import Entry


@dataclass(slots=True)
class KnownOfficer:
    credentials: str
    """Their hash; of an officer who is disabled, that of the last ones."""
    role: Role
    duties: str
    disabled: bool = False


class StaffReplay:
    def __init__(self) -> None:
        self.officers: dict[str, KnownOfficer] = {}
        self.passkeys: dict[str, PasskeyRow] = {}
        self.kinds: Replays = {
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
        must(officer in self.officers, "an officer acts whom the ledger does not know")

    def may(self, officer: str, *tasks: Task) -> bool:
        known = self.officers.get(officer)
        return known is not None and not known.role.tasks.isdisjoint(tasks)

    def works(self, officer: str) -> bool:
        """Whether it is somebody who works with lanes and cases, and can sign in."""
        return self._can_sign_in(officer) and self.may(officer, Task.DECIDE)

    def must_be_administered(self, entry: Entry) -> None:
        """An administrator did it, the identity provider, or whoever runs the desk's machine."""
        by = entry.body["by"]
        if by not in (officers.COMMAND_LINE, officers.PROVIDER):
            administers = self._can_sign_in(by) and self.may(by, Task.ADMINISTER)
            must(administers, "somebody administers the desk who is no administrator")

    def _can_sign_in(self, officer: str) -> bool:
        known = self.officers.get(officer)
        return known is not None and not known.disabled

    def _officer_added(self, entry: Entry) -> None:
        body = entry.body
        must(body["officer"] not in self.officers, "an officer is registered twice")
        self.must_be_administered(entry)  # before: nobody is registered by who is registered here
        self.officers[body["officer"]] = KnownOfficer(
            str(body["credentials_sha256"]), Role(body["role"]), str(body["duties"])
        )

    def _role_set(self, entry: Entry) -> None:
        self._another(entry).role = Role(entry.body["role"])

    def _duties_set(self, entry: Entry) -> None:
        self._another(entry).duties = str(entry.body["duties"])

    def _password_set(self, entry: Entry) -> None:
        officer = entry.body["officer"]
        must(self._can_sign_in(officer), "a password is given to an officer who cannot sign in")
        if entry.body["by"] != officer:
            self.must_be_administered(entry)
        self.officers[officer].credentials = str(entry.body["credentials_sha256"])

    def _passkey_added(self, entry: Entry) -> None:
        officer, name = entry.body["officer"], entry.body["passkey"]
        must(self._can_sign_in(officer), "a passkey is given to an officer who cannot sign in")
        must(name not in self.passkeys, "a passkey is added twice")
        # The ledger has the key, and the credential's id, as hashes alone.
        self.passkeys[name] = PasskeyRow(
            sha256=name, officer=officer, public_key=entry.body["key_sha256"], credential=name
        )

    def _passkey_removed(self, entry: Entry) -> None:
        gone = self.passkeys.pop(entry.body["passkey"])
        must(gone.officer == entry.body["officer"], "an officer removes another's passkey")

    def _session_ended(self, entry: Entry) -> None:
        self.must_know(entry.body["officer"])
        if entry.body["by"] != entry.body["officer"]:
            self.must_be_administered(entry)

    def _another(self, entry: Entry) -> KnownOfficer:
        """The officer whom it concerns: somebody else than the one who does it."""
        self.must_know(entry.body["officer"])
        must(entry.body["officer"] != entry.body["by"], "an officer changes the own role or duties")
        self.must_be_administered(entry)
        return self.officers[entry.body["officer"]]

    def _officer_disabled(self, entry: Entry) -> None:
        self.must_be_administered(entry)
        officer = self.officers[entry.body["officer"]]
        must(not officer.disabled, "an officer is disabled twice")
        same = officer.credentials == entry.body["credentials_sha256"]
        must(same, "another is disabled than was registered")
        officer.disabled = True
        kept = {name: key for name, key in self.passkeys.items() if key.officer != entry.body["officer"]}
        self.passkeys = kept

    def _signed_in(self, entry: Entry) -> None:
        must(self._can_sign_in(entry.body["officer"]), "an officer signs in who cannot")

    def _signed_out(self, entry: Entry) -> None:
        self.must_know(entry.body["officer"])
