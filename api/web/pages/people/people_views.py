"""People as pages show them: roles and ways to sign in, in words."""

from collections.abc import Iterable

from api.people.roles import Role
from api.web.translations.language import N_

ROLES = {
    Role.OFFICER: (N_("Officer"), N_("decides cases")),
    Role.SUPERVISOR: (N_("Supervisor"), N_("decides cases, and looks after the hall")),
    Role.AUDITOR: (N_("Auditor"), N_("reads what happened; sees no cases")),
    Role.ADMINISTRATOR: (N_("Administrator"), N_("looks after people and lanes; sees no cases")),
}
"""Role → its name, and what it is for."""

WAYS = {
    "password": N_("by password"),
    "passkey": N_("by passkey"),
    "provider": N_("at the identity provider"),
}


def duties(text: str) -> list[str]:
    """Duties as somebody typed them, with commas or spaces between."""
    return sorted(set(text.lower().replace(",", " ").replace("，", " ").split()))


def joined(found: Iterable[str]) -> str:
    """Duties as a form shows them."""
    return " ".join(found)
