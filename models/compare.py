"""How alike two embeddings are; refuses two different matchers and never says whether that is enough."""

import numpy as np

from models.errors import InferenceError, MatchersDifferError
from models.face import Embedding


def similarity(one: Embedding, other: Embedding) -> float:
    """Cosine, -1 to 1. MatchersDifferError if the embeddings come from different matcher files."""
    if one.matcher != other.matcher:
        raise MatchersDifferError(f"embeddings of {_told(one)} and {_told(other)} have no similarity")
    cosine = float(np.dot(one.vector, other.vector))
    if not np.isfinite(cosine):
        raise InferenceError(f"{one.matcher.name}: similarity is not finite")
    return max(-1.0, min(1.0, cosine))  # rounding can reach 1.0000001


def _told(embedding: Embedding) -> str:
    matcher = embedding.matcher
    return f"{matcher.name} ({matcher.sha256[:12]}, preprocessing {matcher.preprocessing[:12]})"
