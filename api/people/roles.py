"""The roles of the people at the desk."""

from enum import StrEnum


class Role(StrEnum):
    """The role of an officer; `api.web.access.permissions` defines what each role may do."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
