"""People as pages show them: ways to sign in, in words, and duties."""

from collections.abc import Iterable

from api.web.translations.language import N_

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
