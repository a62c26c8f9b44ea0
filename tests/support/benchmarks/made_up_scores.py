"""Embeddings and scores of nobody."""

from collections.abc import Sequence

import numpy as np

from benchmarks.accuracy.error_rates import Outcome
from benchmarks.accuracy.scores import Gallery, Scored, Scores, listed_impostors
from benchmarks.acquisition.identities import People
from models.values.identity import Metric


def gallery(seed: int, people: People, metric: Metric = "cosine", axes: int = 8) -> Gallery:
    """A picture for each of these numbers, of that person."""
    vectors = np.random.default_rng(seed).normal(size=(len(people), axes)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Gallery.stack(list(vectors), people, metric)


def scored(scores: Sequence[float] | Scores, people: int = 1000) -> Scored:
    """The first person with the second, the third with the fourth, and so on in a circle."""
    one = np.arange(len(scores)) * 2 % people
    return Scored(np.array(scores, np.float64), one, one + 1)


def outcome(
    genuine: Sequence[float] | Scores, strangers: Sequence[float] | Scores, missed: int = 0, people: int = 30
) -> Outcome:
    impostors = listed_impostors(scored(strangers))
    return Outcome(scored(genuine), impostors, genuine_missed=missed, people=people)
