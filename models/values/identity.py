"""Which files answered: identities that travel with every number, free of numpy."""

from dataclasses import dataclass
from typing import Literal

FP32 = "fp32"
"""The arithmetic of a matcher that is not told to run in another (`models.runtime.bf16`)."""


@dataclass(frozen=True, slots=True)
class NetworkIdentity:
    """Which file answered, and where it really ran."""

    role: str
    name: str
    sha256: str
    provider: str
    """With ` bf16` behind it where it did not run in fp32."""


@dataclass(frozen=True, slots=True)
class MatcherIdentity:
    """A matcher's file, what happens to a picture before it, its arithmetic: a threshold fits no other."""

    name: str
    sha256: str
    preprocessing: str
    """SHA-256 over every other network and step that shapes what the matcher is fed, and over its arithmetic
    where that is not fp32 (`models.embed.preprocessing`)."""


Metric = Literal["cosine", "euclidean"]
