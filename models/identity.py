"""Which files answered: identities that travel with every number, free of numpy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkIdentity:
    """Which file answered, and where it really ran."""

    role: str
    name: str
    sha256: str
    provider: str


@dataclass(frozen=True, slots=True)
class MatcherIdentity:
    """A matcher is its file and what happens to a picture before it; a threshold fits no other."""

    name: str
    sha256: str
    preprocessing: str
    """SHA-256 over every other network and step that shapes what the matcher is fed (`models.recipe`)."""
