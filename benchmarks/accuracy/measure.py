"""How often the lane's own measuring confuses people or does not know them again, on listed pairs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.accuracy import error_rates
from benchmarks.accuracy.bootstrap import draw
from benchmarks.accuracy.error_rates import Outcome
from benchmarks.accuracy.scores import (
    Gallery,
    Impostors,
    Scored,
    Vectors,
    all_impostors,
    joined,
    listed_impostors,
    paired,
)
from benchmarks.acquisition.acquire import Acquired, EncodePath, acquire, encode_picture
from benchmarks.acquisition.identities import Identities, People, identify
from benchmarks.acquisition.matchers import Bench, MatcherUnderTest
from benchmarks.acquisition.pairs import ALL, Pair, groups, pictures
from benchmarks.harness.result import Figure, counts
from models.values.identity import Metric

THRESHOLDS = tuple(round(0.30 + 0.02 * step, 2) for step in range(16))

Strangers = Literal["listed", "within-group", "all"]
"""Which pairs of strangers are compared: the listed ones, each two pictures of different people of one group,
or each two of the whole list."""
Genuine = Literal["listed", "all"]
"""Which genuine pairs: the listed ones, or each two pictures of one person. Lists leave out wrong labels."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which pairs are compared, beside or instead of the listed ones, and at which thresholds."""

    strangers: Strangers = "listed"
    genuine: Genuine = "listed"
    more: tuple[str, ...] = ()
    """Pictures that no pair lists, for pairs that are formed."""
    thresholds: tuple[float, ...] = THRESHOLDS

    def with_threshold(self, threshold: float | None) -> "Chosen":
        return self if threshold is None else replace(self, thresholds=(*self.thresholds, threshold))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One matcher: its scores by group, everybody's as `ALL`, and what they come to."""

    matcher: MatcherUnderTest
    outcomes: Mapping[str, Outcome]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    who: Identities
    acquired: Acquired
    metric: Metric
    chosen: Chosen

    def outcome(self, listed: Sequence[Pair], more: Sequence[str] = ()) -> Outcome:
        """The scores of one group; `more` are pictures beside those of the list."""
        names = tuple(dict.fromkeys((*pictures(listed), *more)))
        genuine, genuine_missed = self._scored(self._genuine(listed, names))
        if self.chosen.strangers == "listed":
            some, missed = self._scored([pair for pair in listed if not pair.same])
            impostors = listed_impostors(some)
        else:
            impostors, missed = self._formed(names)
        present = np.unique(self.who.people(names))
        weights = draw(present, len(self.who))
        failures = sum(name not in self.acquired.vectors for name in names)
        return Outcome(genuine, impostors, genuine_missed, missed, len(present), failures, weights)

    def _genuine(self, listed: Sequence[Pair], names: Sequence[str]) -> list[Pair]:
        if self.chosen.genuine == "listed":
            return [pair for pair in listed if pair.same]
        of_person: dict[int, list[str]] = {}
        for name in names:
            of_person.setdefault(self.who.number[name], []).append(name)
        return [Pair(a, b, same=True) for every in of_person.values() for a, b in combinations(every, 2)]

    def _scored(self, pairs: Sequence[Pair]) -> tuple[Scored, int]:
        """The scores of these pairs, and how many pairs lack an embedding."""
        vectors = self.acquired.vectors
        there = [pair for pair in pairs if pair.a in vectors and pair.b in vectors]
        if not there:
            return Scored.none(), len(pairs)
        one, other = [pair.a for pair in there], [pair.b for pair in there]
        scores = paired(self._stacked(one), self._stacked(other), self.metric)
        return Scored(scores, self.who.people(one), self.who.people(other)), len(pairs) - len(there)

    def _formed(self, names: Sequence[str]) -> tuple[Impostors, int]:
        """Each two of these pictures of different people, and how many such pairs lack an embedding."""
        there = [name for name in names if name in self.acquired.vectors]
        vectors = [self.acquired.vectors[name] for name in there]
        gallery = Gallery.stack(vectors, self.who.people(there), self.metric)
        impostors = all_impostors(gallery, len(self.who), self.chosen.thresholds)
        return impostors, _possible(self.who.people(names)) - impostors.n

    def with_listed_genuine(self, formed: Outcome, pairs: Sequence[Pair]) -> Outcome:
        """The same strangers, with the genuine pairs of the list alone."""
        genuine, missed = self._scored([pair for pair in pairs if pair.same])
        return replace(formed, genuine=genuine, genuine_missed=missed)

    def _stacked(self, names: Sequence[str]) -> Vectors:
        return np.stack([self.acquired.vectors[name] for name in names]).astype(np.float64)


def measure(
    pairs: Sequence[Pair],
    root: Path,
    bench: Bench,
    chosen: Chosen | None = None,
    encode: EncodePath = encode_picture,
) -> Iterator[Measured]:
    """One matcher after the other. `encode` says what a path is: a picture, or the frames of a capture."""
    chosen = chosen or Chosen()
    who = identify(pairs, chosen.more)
    if chosen.strangers != "listed":
        who.must_tell()
    acquired = acquire(tuple(who.number), root, bench.workers, encode)
    for one in bench.matchers:
        trial = Trial(who, acquired[one.name], one.metric, chosen.with_threshold(one.threshold))
        every = outcomes(pairs, trial)
        figures = list(_figures(one, acquired[one.name], who, every, chosen.thresholds))
        if chosen.genuine != "listed":
            listed = trial.with_listed_genuine(every[ALL], pairs)
            name = f"{one.name}, listed genuine pairs"
            figures += error_rates.summary(name, ALL, listed, one.threshold, chosen.thresholds)
        yield Measured(one, every, tuple(figures))


def outcomes(pairs: Sequence[Pair], trial: Trial) -> dict[str, Outcome]:
    """By group, and everybody as `ALL`.

    Pictures that no pair lists count among everybody alone, and so do pairs without a group beside others.
    """
    names, more = groups(pairs), trial.chosen.more
    if names == (ALL,):
        return {ALL: trial.outcome(pairs, more)}
    by_group = {name: trial.outcome([pair for pair in pairs if pair.group == name]) for name in names}
    if trial.chosen.strangers == "all":
        everybody = trial.outcome(pairs, more)
    else:
        joint = _joined(list(by_group.values()), trial.who.people(pictures(pairs)))
        everybody = replace(joint, failures=len(trial.acquired.failures))
    return {**by_group, ALL: everybody}


def named(every: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Only the groups, where the list has any."""
    return {name: one for name, one in every.items() if name != ALL} or dict(every)


def _possible(people: People) -> int:
    _, each = np.unique(people, return_counts=True)
    return int((each.sum() ** 2 - (each**2).sum()) // 2)


def _joined(every: Sequence[Outcome], people: People) -> Outcome:
    """All groups together; a pair that stands in two groups counts in both."""
    present = np.unique(people)
    weights = [one.weights for one in every if one.weights is not None]
    return Outcome(
        Scored.joined(one.genuine for one in every),
        joined([one.impostors for one in every]),
        sum(one.genuine_missed for one in every),
        sum(one.impostors_missed for one in every),
        len(present),
        weights=draw(present, len(weights[0])),
    )


def _figures(
    matcher: MatcherUnderTest,
    acquired: Acquired,
    who: Identities,
    every: Mapping[str, Outcome],
    thresholds: Sequence[float],
) -> Iterator[Figure]:
    name, parts = matcher.name, named(every)
    for group, outcome in {**parts, ALL: every[ALL]}.items():
        yield from error_rates.summary(name, group, outcome, matcher.threshold, thresholds)
    if matcher.threshold is not None:
        yield from error_rates.worst_over_best(name, parts, matcher.threshold)
    yield from error_rates.at_worst_group(f"{name} where no group exceeds an FMR", parts)
    yield from error_rates.when_one_has(name, every)
    people = {
        "pictures": len(acquired.vectors) + len(acquired.failures),
        "people": len(who),
        "names joined": who.aliases,
        "names corrected": who.corrected,
        "contradictions": who.contradictions,
    }
    yield from counts((f"{name}: data",), people)
    yield from counts((f"{name}: failures to acquire",), acquired.causes())
