"""What goes over the wire about people and their sessions."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.schemas import Wire

RoleName = Literal["officer", "supervisor", "auditor", "administrator"]
Pseudonym = Annotated[str, StringConstraints(pattern="^officer-[0-9a-f]{8}$")]
Handle = Annotated[str, StringConstraints(pattern="^[0-9a-f]{16}$")]
Duty = Annotated[str, StringConstraints(pattern="^[a-z0-9_-]{1,32}$")]
Duties = Annotated[list[Duty], Field(max_length=32, description="For which cases, beside those for all.")]
NewName = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f]+( [^\x00-\x20\x7f]+)*$")
]


class PersonMessage(Wire):
    """Somebody who is or was at the desk."""

    officer: str = Field(description="The pseudonym that the ledger knows.")
    name: str
    role: RoleName
    duties: list[str]
    disabled: bool = Field(description="Cannot sign in any more, for good.")
    external: bool = Field(description="Signs in at the site's identity provider, without a password here.")
    passkeys: int
    sessions: int = Field(description="How many are open.")
    added_at: datetime


class PeopleList(Wire):
    """Everybody, those who may sign in first, by name."""

    officers: list[PersonMessage]


class NewPerson(Wire):
    """Somebody to register."""

    name: NewName
    role: RoleName = "officer"
    duties: Duties = Field(default=[])


class PasswordTold(Wire):
    """A password that is told this once. It is good for one thing: to choose another."""

    officer: str
    password: str


class NewRole(Wire):
    """Another role; sessions with the old one end."""

    role: RoleName


class NewDuties(Wire):
    """These duties and no other."""

    duties: Duties


class SessionMessage(Wire):
    """A session that is not over."""

    session: str = Field(description="Names it here, and opens nothing.")
    way: Literal["password", "passkey", "provider"]
    started_at: datetime
    used_at: datetime
    present: bool = Field(description="The one that asks.")


class SessionList(Wire):
    """Where somebody is signed in, the last used first."""

    sessions: list[SessionMessage]


class PasswordChange(Wire):
    """The own password, and another one."""

    old: str = Field(min_length=1, max_length=256)
    new: str = Field(min_length=12, max_length=256)
