"""Intervals of error rates where people repeat: people are drawn again, not pairs.

A person who looks like many others takes part in many comparisons: pairs are not independent, and a binomial
interval looks surer than it is. Here the people of a group are drawn anew with replacement, each draw with as
many people as there are, and each comparison counts as often as both of its people were drawn together; a
person drawn twice is no stranger to themselves. Poh, Martin and Bengio, *Performance generalization in
biometric authentication using joint user-specific and sample bootstraps* (2007), without their resampling of
pictures. The interval lies between the 2.5 and the 97.5 percent point of the rates. Where no error was seen
all draws agree and tell nothing: there is none then, only the exact binomial one that stands beside.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.scores import Formed, Impostors, Scored
from benchmarks.acquisition.identities import People
from lane.evaluation.intervals import CONFIDENCE

DRAWS = 1000
SEED = 20260101
PART = 8192
"""Comparisons weighed at once: 64 MB."""

Interval = tuple[float, float] | None
Weights = NDArray[np.float32]
"""P×draws: how often each person was drawn."""


def draw(who: People, people: int) -> Weights:
    """How often each person of `who` is in each draw; 0 for the other people of the run. Always the same."""
    present = np.unique(who)
    weights = np.zeros((people, DRAWS), np.float32)
    if len(present):
        rng = np.random.default_rng(SEED)
        weights[present] = rng.multinomial(len(present), np.full(len(present), 1 / len(present)), DRAWS).T
    return weights


def fmr_intervals(impostors: Impostors, thresholds: Sequence[float], weights: Weights) -> list[Interval]:
    """For each threshold; None without errors, below `floor`, or where most draws have no pair."""
    kept = [(t, place) for place, t in enumerate(thresholds) if t >= impostors.floor]
    result: list[Interval] = [None] * len(thresholds)
    compared = sum(_compared(part, weights) for part in impostors.formed)
    errors, end = np.zeros(DRAWS), len(impostors.top.scores)
    for threshold, place in sorted(kept, reverse=True):
        first = len(impostors.top.scores) - impostors.reaching(threshold)
        errors = errors + _weighed(impostors.top, slice(first, end), weights)
        end = first
        result[place] = _between(errors, np.asarray(compared))
    return result


def fnmr_intervals(genuine: Scored, thresholds: Sequence[float], weights: Weights) -> list[Interval]:
    """For each threshold; None without errors, or where most draws have no pair."""
    people = len(weights)
    compared = weights.T @ np.bincount(genuine.first, minlength=people)
    missed = [np.bincount(genuine.first[genuine.scores < t], minlength=people) for t in thresholds]
    return [_between(weights.T @ by_person, compared) for by_person in missed]


def _compared(formed: Formed, weights: Weights) -> NDArray[np.float64]:
    """How many comparisons each draw has."""
    if formed.listed is not None:
        every = slice(0, len(formed.listed[0]))
        return _weighed(Scored(np.empty(0), *formed.listed), every, weights)
    # Each two pictures, less those of one person, however often that person was drawn
    assert formed.pictures is not None
    pictures = weights * formed.pictures[:, None]
    total = pictures.sum(0, dtype=np.float64)
    return np.asarray((total**2 - (pictures.astype(np.float64) ** 2).sum(0)) / 2)


def _weighed(scored: Scored, which: slice, weights: Weights) -> NDArray[np.float64]:
    total = np.zeros(DRAWS)
    for start in range(which.start, which.stop, PART):
        part = slice(start, min(start + PART, which.stop))
        both = weights[scored.first[part]]
        both *= weights[scored.second[part]]
        total += both.sum(0, dtype=np.float64)
    return total


def _between(errors: NDArray[np.floating[Any]], compared: NDArray[np.floating[Any]]) -> Interval:
    drawn = compared > 0
    if not errors.any() or drawn.sum() < DRAWS / 2:
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(errors[drawn] / compared[drawn], (tail, 1 - tail))
    return float(low), float(high)
