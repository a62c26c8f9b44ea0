"""The roles of the people at the desk: one table, a row for each, which everything else reads.

What a role may open follows from its tasks (`api.web.access.permissions`), and its bar and first page from
that (`api.web.pages.render`). Another role is another row, its texts in the catalogues, and its name in
`api.platform.settings`, where the identity provider's groups are given roles.
"""

from collections.abc import Collection
from enum import Enum, StrEnum, auto, unique
from typing import Self

from models.values.texts import N_


class Task(Enum):
    """What somebody is at the desk for."""

    DECIDE = auto()
    """Takes cases."""
    BE_MEASURED = auto()
    """Is given prepared cases; decisions are tested, and the hall shows since when they are at work."""
    SUPERVISE = auto()
    """Sees how all goes, commands lanes, speaks last in a case."""
    AUDIT = auto()
    """Proves afterwards what happened."""
    ADMINISTER = auto()
    """Looks after people and lanes."""


@unique
class Role(StrEnum):
    """Name, label, purpose, tasks."""

    OFFICER = "officer", N_("Officer"), N_("decides cases"), {Task.DECIDE, Task.BE_MEASURED}
    SUPERVISOR = (
        "supervisor",
        N_("Supervisor"),
        N_("decides cases, and looks after the hall"),
        {Task.DECIDE, Task.SUPERVISE},
    )
    AUDITOR = "auditor", N_("Auditor"), N_("reads what happened; sees no cases"), {Task.AUDIT}
    ADMINISTRATOR = (
        "administrator",
        N_("Administrator"),
        N_("looks after people and lanes; sees no cases"),
        {Task.ADMINISTER},
    )

    label: str
    purpose: str
    tasks: frozenset[Task]

    def __new__(cls, name: str, label: str = "", purpose: str = "", tasks: Collection[Task] = ()) -> Self:
        """The row; everybody else looks a role up by its name alone."""
        role = str.__new__(cls, name)
        role._value_ = name
        role.label, role.purpose, role.tasks = label, purpose, frozenset(tasks)
        return role


def having(*tasks: Task) -> frozenset[Role]:
    """The roles with any of these tasks."""
    return frozenset(role for role in Role if not role.tasks.isdisjoint(tasks))
