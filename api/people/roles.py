"""The roles of the people at the desk."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody may do at the desk; `api.web.access.permissions` says what that is."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
