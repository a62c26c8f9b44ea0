"""How alike two embeddings are; refuses two different matchers and never says whether that is enough."""

import numpy as np
from numpy.typing import NDArray

from models.errors import InferenceError, MatchersDifferError
from models.values.face import Embedding
from models.values.identity import MatcherIdentity, Metric

Vector = NDArray[np.float64]
UNIT_TOLERANCE = 1e-3


def similarity(one: Embedding, other: Embedding) -> float:
    """Cosine, -1 to 1, or 1 - distance where the matcher's metric is Euclidean: at most 1, without a floor.

    MatchersDifferError if the embeddings come from different matchers: in file, preprocessing, metric or size
    of the vector. InferenceError if they are not finite or zero or, for a cosine, not at unit length.
    """
    if _kind(one) != _kind(other):
        raise MatchersDifferError(f"embeddings of {_describe(one)} and {_describe(other)} have no similarity")
    measure = _cosine if one.metric == "cosine" else _nearness
    value = measure(one.vector.astype(np.float64), other.vector.astype(np.float64))
    if not np.isfinite(value):
        raise InferenceError(f"{one.matcher.name}: similarity is not finite")
    return value


def _cosine(one: Vector, other: Vector) -> float:
    for length in (np.linalg.norm(one), np.linalg.norm(other)):
        if not abs(length - 1) <= UNIT_TOLERANCE:  # NaN compares false
            raise InferenceError(f"an embedding has length {length:.4f}: its cosine is not finite or not one")
    return max(-1.0, min(1.0, float(one @ other)))  # rounding can reach 1.0000001


def _nearness(one: Vector, other: Vector) -> float:
    if not (one.any() and other.any()):  # two that say nothing would be at no distance
        raise InferenceError("an embedding is zero")
    return 1 - float(np.linalg.norm(one - other))


def _kind(embedding: Embedding) -> tuple[MatcherIdentity, Metric, tuple[int, ...]]:
    return embedding.matcher, embedding.metric, embedding.vector.shape


def _describe(embedding: Embedding) -> str:
    matcher = embedding.matcher
    return (
        f"{matcher.name} ({matcher.sha256[:12]}, preprocessing {matcher.preprocessing[:12]}, "
        f"{embedding.metric}, {embedding.vector.shape})"
    )
