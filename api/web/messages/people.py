"""The messages about people, sessions, passkeys and lanes' tokens."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from api.people.roles import Role
from api.platform.messages import StrictMessage

if TYPE_CHECKING:
    RoleName = Role
else:  # as a choice of words, not as a type of its own, so stands the role in the description of the API
    RoleName = Annotated[Literal[tuple(role.value for role in Role)], AfterValidator(Role)]
Pseudonym = Annotated[str, StringConstraints(pattern="^officer-[0-9a-f]{8}$")]
Handle = Annotated[str, StringConstraints(pattern="^[0-9a-f]{16}$")]
Duty = Annotated[str, StringConstraints(pattern="^[a-z0-9_-]{1,32}$")]
Duties = Annotated[list[Duty], Field(max_length=32, description="For which cases, beside those for all.")]
NewName = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f]+( [^\x00-\x20\x7f]+)*$")
]


class PersonMessage(StrictMessage):
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


class PeopleList(StrictMessage):
    """Everybody, those who may sign in first, by name."""

    officers: list[PersonMessage]


class NewPerson(StrictMessage):
    """Somebody to register."""

    name: NewName
    role: RoleName = Role.OFFICER
    duties: Duties = Field(default=[])


class PasswordMessage(StrictMessage):
    """A one-time password: shown this once, and good for choosing another."""

    officer: str
    password: str


class NewRole(StrictMessage):
    """Another role; sessions with the old one end."""

    role: RoleName


class NewDuties(StrictMessage):
    """These duties and no other."""

    duties: Duties


class SessionMessage(StrictMessage):
    """A session that is not over."""

    session: str = Field(description="Names it here, and opens nothing.")
    way: Literal["password", "passkey", "provider"]
    started_at: datetime
    used_at: datetime
    present: bool = Field(description="The one that asks.")


class SessionList(StrictMessage):
    """Where somebody is signed in, the last used first."""

    sessions: list[SessionMessage]


class PasswordChange(StrictMessage):
    """The own password, and another one."""

    old: str = Field(min_length=1, max_length=256)
    new: str = Field(min_length=12, max_length=256)


# --- lanes


def _no_desk(name: str) -> str:
    """Raises ValueError for the name that the desk's own chain has."""
    if name == "desk":
        raise ValueError("this is the desk's own name")
    return name


NewLaneName = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern="^[A-Za-z0-9._-]+$"), AfterValidator(_no_desk)
]
ExpiresDays = Annotated[
    int | None, Field(ge=1, le=3660, description="After how many days the token ends; null: never.")
]


class LaneRecord(StrictMessage):
    """A lane and the state of its token."""

    lane: str
    revoked: bool
    added_at: datetime
    used_at: datetime | None = Field(description="When the lane last came, to the minute.")
    expires_at: datetime | None
    former_until: datetime | None = Field(description="Until when the token before works, too.")


class LaneList(StrictMessage):
    """All lanes, those that may deliver first, by name."""

    lanes: list[LaneRecord]


class NewLane(StrictMessage):
    """A lane to register."""

    lane: NewLaneName
    expires_days: ExpiresDays = None


class Rotation(StrictMessage):
    """How a new token takes the place of the old one."""

    overlap_s: int = Field(default=3600, ge=0, le=30 * 86400, description="For how long the old one works.")
    expires_days: ExpiresDays = None


class LaneTokenMessage(StrictMessage):
    """A token, shown this once."""

    lane: str
    token: str


# --- passkeys

PasskeyName = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Credential = Annotated[
    dict[str, Any], Field(description="What the browser's `PublicKeyCredential.toJSON()` gives.")
]


class PasskeyMessage(StrictMessage):
    """One of the own passkeys."""

    passkey: str
    label: str
    added_at: datetime
    used_at: datetime | None


class PasskeyList(StrictMessage):
    """The own passkeys, the oldest first."""

    passkeys: list[PasskeyMessage]


class PasskeyRequest(StrictMessage):
    """The own password, which is asked again before a passkey is made."""

    password: str = Field(default="", max_length=256)


class NewPasskey(StrictMessage):
    """A passkey that the browser made, and what to call it."""

    label: str = Field(min_length=1, max_length=64)
    credential: Credential


class PasskeyAnswer(StrictMessage):
    """The browser's answer to the question who signs in."""

    credential: Credential
