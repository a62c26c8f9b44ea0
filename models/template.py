"""From a face in a picture to what is compared: an embedding of one picture, or the fusion of several."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from models.align import Layout, align
from models.errors import InferenceError, MatchersDifferError
from models.face import AlignedFace, Embedding, Face, ImageBGR


class Embedder(Protocol):
    """A matcher, as far as a template needs it."""

    @property
    def layout(self) -> Layout:
        """How it wants its crops."""
        ...

    def embed(self, face: AlignedFace, /) -> Embedding:
        """A crop's embedding. Raises ModelError."""
        ...


def embed(image_bgr: ImageBGR, face: Face, embedder: Embedder) -> Embedding:
    """The embedding of a face, on the layout that the matcher wants. Raises ModelError."""
    return embedder.embed(align(image_bgr, face.landmarks, embedder.layout))


def fuse(embeddings: Sequence[Embedding], weights: Sequence[float]) -> Embedding:
    """The weighted mean of several embeddings of one face, at unit length where their metric is the cosine.

    Weights are at or above 0, one for each embedding. Raises InferenceError where nothing has weight or the
    embeddings cancel out, MatchersDifferError for embeddings of different matchers.
    """
    matchers = {embedding.matcher for embedding in embeddings}
    if len(matchers) > 1:
        raise MatchersDifferError("embeddings of different matchers cannot be fused")
    given = np.asarray(weights, np.float64)
    if len(given) != len(embeddings) or not len(given) or not (np.isfinite(given) & (given >= 0)).all():
        raise InferenceError("fusion needs one finite weight of at least 0 for each embedding")
    mean = given @ np.stack([embedding.vector for embedding in embeddings]).astype(np.float64)
    length = float(np.linalg.norm(mean))
    if not length > 1e-6 * float(given.sum()):  # NaN compares false; so does a sum of 0
        raise InferenceError("the embeddings of one face cancel out")
    metric = embeddings[0].metric
    fused = mean / (length if metric == "cosine" else given.sum())
    return Embedding(fused.astype(np.float32), matchers.pop(), metric)
