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
    """A matcher is its file: a threshold or an embedding of one is worth nothing for another."""

    name: str
    sha256: str
