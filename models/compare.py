"""How alike two embeddings are; refuses two different matchers and never says whether that is enough."""

import numpy as np

from models.errors import InferenceError, MatchersDifferError
from models.face import Embedding


def similarity(one: Embedding, other: Embedding) -> float:
    """Cosine, -1 to 1. MatchersDifferError if the embeddings come from different matcher files."""
    if one.matcher != other.matcher:
        raise MatchersDifferError(
            f"embeddings of {one.matcher.name} ({one.matcher.sha256[:12]}) "
            f"and {other.matcher.name} ({other.matcher.sha256[:12]}) have no similarity"
        )
    cosine = float(np.dot(one.vector, other.vector))
    if not np.isfinite(cosine):
        raise InferenceError(f"{one.matcher.name}: similarity is not finite")
    return max(-1.0, min(1.0, cosine))  # rounding can reach 1.0000001
