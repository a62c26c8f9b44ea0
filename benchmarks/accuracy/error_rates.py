"""From scores to error rates: what a threshold lets through, and whom it turns away; and how sure that is.

A score at or above the threshold matches, as in the lane's policy. FMR and FNMR count completed comparisons
(ISO/IEC 19795-1); FRR also counts a genuine pair as rejected when one of its pictures gave no face. All are
fractions.

A person who looks like many others takes part in many comparisons: pairs are not independent, and a binomial
interval looks surer than it is. So beside it stands one over people, who are drawn anew with replacement,
each draw with as many as there are; each comparison counts as often as both of its people were drawn
together, and a person drawn twice is no stranger to themselves. Poh, Martin and Bengio, *Performance
generalization in biometric authentication using joint user-specific and sample bootstraps* (2007), without
their resampling of pictures. It lies between the 2.5 and the 97.5 percent point of the rates. Where no error
was seen all draws agree and tell nothing: there is none then.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.scores import EDGES, Formed, Impostors, Scored, Scores
from benchmarks.acquisition.identities import People
from benchmarks.acquisition.lists import ALL
from benchmarks.harness.result import SHARE, Figure, Name, NotAvailable, counts
from lane.evaluation.intervals import CONFIDENCE, Rate, rate

TARGETS = (1e-2, 1e-3, 1e-4, 1e-5)
COMMON_FMR = 1e-4
"""At the threshold where one group has this FMR, what has the worst?"""
ENOUGH_PEOPLE = 20
"""A smaller group is reported, but is no worst or best one: it says too little."""

DRAWS = 1000
SEED = 20260101
PART = 8192
"""Comparisons weighed at once: 64 MB."""

Interval = tuple[float, float] | None
Weights = NDArray[np.float32]
"""P×draws: how often each person was drawn."""
Rates = Mapping[str, tuple[Rate, Interval]]
"""Each kind of rate, with its interval over people."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The scores of one group of pairs, and how many pairs have none because a picture gave no face."""

    genuine: Scored
    impostors: Impostors
    genuine_missed: int = 0
    impostors_missed: int = 0
    people: int = 0
    failures: int = 0
    """Pictures that could not be compared at all."""
    weights: Weights | None = field(default=None, repr=False)
    """How the people are drawn again; None where no interval of that kind is wanted."""

    def fmr(self, threshold: float) -> Rate:
        """Impostor pairs that match."""
        return rate(self.impostors.reaching(threshold), self.impostors.n)

    def fnmr(self, threshold: float) -> Rate:
        """Genuine pairs that do not match."""
        return rate(self._unmatched(threshold), len(self.genuine.scores))

    def frr(self, threshold: float) -> Rate:
        """Genuine pairs that do not match or could not be compared."""
        missed = self.genuine_missed
        return rate(self._unmatched(threshold) + missed, len(self.genuine.scores) + missed)

    def fmr_by_people(self, thresholds: Sequence[float]) -> list[Interval]:
        if self.weights is None:
            return [None] * len(thresholds)
        return fmr_intervals(self.impostors, thresholds, self.weights)

    def fnmr_by_people(self, thresholds: Sequence[float]) -> list[Interval]:
        if self.weights is None:
            return [None] * len(thresholds)
        return fnmr_intervals(self.genuine, thresholds, self.weights)

    def _unmatched(self, threshold: float) -> int:
        return int((self.genuine.scores < threshold).sum())


def curve(outcome: Outcome) -> tuple[Scores, Scores]:
    """FMR, which falls, and FNMR, which rises, at each of `EDGES`, exact. NaN where nothing was compared."""
    genuine = np.sort(outcome.genuine.scores)
    with np.errstate(invalid="ignore"):
        fmr = outcome.impostors.at_edges() / np.float64(outcome.impostors.n)
        fnmr = np.searchsorted(genuine, EDGES) / np.float64(len(genuine))
    return fmr, fnmr


def eer(outcome: Outcome) -> float:
    """Where FMR and FNMR come nearest, their mean there; NaN without genuine or impostor scores."""
    if not len(outcome.genuine.scores) or not outcome.impostors.n:
        return math.nan
    fmr, fnmr = curve(outcome)
    nearest = np.abs(fmr - fnmr).argmin()
    return float(fmr[nearest] + fnmr[nearest]) / 2


def threshold_for(impostors: Impostors, target_fmr: float) -> float | None:
    """The lowest edge whose FMR is at most the target; None where n < 1 / target cannot show it.

    Just above 1 where too many strangers have the highest score of all.
    """
    allowed = math.floor(target_fmr * impostors.n + 1e-9)
    if allowed < 1:
        return None
    enough = np.flatnonzero(impostors.at_edges() <= allowed)
    return float(EDGES[enough[0]]) if len(enough) else float(np.nextafter(1, 2))


def summary(
    matcher: str, group: str, outcome: Outcome, threshold: float | None, thresholds: Sequence[float] = ()
) -> Iterator[Figure]:
    """Counts, rates at the threshold, EER, rates at fixed FMR and at other thresholds, of one group."""
    row, whole = (matcher, group), group == ALL
    numbers = {
        "people": outcome.people,
        "genuine": len(outcome.genuine.scores),
        "impostors": outcome.impostors.n,
        "genuine missed": outcome.genuine_missed,
        "impostors missed": outcome.impostors_missed,
        "failures to acquire": outcome.failures,
    }
    yield from counts(row, numbers)
    at_fmr = {name_of(target): threshold_for(outcome.impostors, target) for target in TARGETS}
    wanted = [t for t in (threshold, *at_fmr.values(), *thresholds) if t is not None]
    at = dict(zip(wanted, rates(outcome, wanted), strict=True))
    if threshold is not None:
        yield from at_threshold(row, at[threshold])
    yield _number((*row, "EER"), eer(outcome), "nothing to compare", SHARE, "lower" if whole else None)
    for target, t in at_fmr.items():
        place = (f"{matcher} at fixed FMR", group, target)
        if t is None:
            yield Figure(name=place, value=NotAvailable(not_available="too few impostors"), detail=not whole)
            continue
        for one in at_threshold(place, at[t], threshold=t):
            compared = whole and one.name[-1] == "FNMR"
            yield one.model_copy(update={"better": "lower"}) if compared else one
    for t in dict.fromkeys(thresholds):
        place = (f"{matcher} by threshold", group, f"{t:.2f}" if round(t, 2) == t else f"{t}")
        yield from at_threshold(place, at[t], detail=not whole)


def rates(outcome: Outcome, thresholds: Sequence[float]) -> list[Rates]:
    by_people = zip(outcome.fmr_by_people(thresholds), outcome.fnmr_by_people(thresholds), strict=True)
    return [
        {"FMR": (outcome.fmr(t), fmr), "FNMR": (outcome.fnmr(t), fnmr), "FRR": (outcome.frr(t), None)}
        for t, (fmr, fnmr) in zip(thresholds, by_people, strict=True)
    ]


def at_threshold(
    row: Name, found: Rates, *, threshold: float | None = None, note: str = "", detail: bool = False
) -> Iterator[Figure]:
    """One row of a table: the rates, behind the threshold where it is given."""
    if threshold is not None:
        yield Figure(name=(*row, "threshold"), value=threshold, note=note, detail=detail)
    for kind, (one, by_people) in found.items():
        figure = rate_figure((*row, kind), one, by_people=by_people)
        yield figure.model_copy(update={"detail": detail}) if detail else figure


def rate_figure(name: Name, one: Rate, *, by_people: Interval = None, note: str = "") -> Figure:
    """With its exact interval, and the one over people; not available where nothing was compared."""
    if not one.n:
        return Figure(name=name, value=NotAvailable(not_available="nothing to compare"))
    return Figure(
        name=name,
        value=significant(one.rate),
        unit=SHARE,
        interval=(significant(one.low), significant(one.high)),
        by_people=by_people and (significant(by_people[0]), significant(by_people[1])),
        errors=one.errors,
        n=one.n,
        note=note,
    )


def large_enough(groups: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Groups that may be the worst or the best; all with impostors where none has people enough."""
    compared = {name: group for name, group in groups.items() if group.impostors.n}
    return {name: group for name, group in compared.items() if group.people >= ENOUGH_PEOPLE} or compared


def worst_of(found: Mapping[str, Rate]) -> tuple[str, Rate]:
    """The group with the highest rate; of equally good ones the one that is known least."""
    return max(found.items(), key=_rate_and_doubt)


def _rate_and_doubt(named_rate: tuple[str, Rate]) -> tuple[float, float]:
    return named_rate[1].rate, named_rate[1].high


def worst_over_best(matcher: str, groups: Mapping[str, Outcome], threshold: float) -> Iterator[Figure]:
    """How unequal the groups are at one threshold: for both rates the worst, the best and their ratio."""
    large = large_enough(groups)
    for kind in ("fmr", "fnmr"):
        found = {name: getattr(group, kind)(threshold) for name, group in large.items()}
        if found := {name: one for name, one in found.items() if one.n}:
            worst, highest = worst_of(found)
            best, lowest = min(found.items(), key=_rate_and_doubt)
            row = (f"{matcher}: worst and best group", kind.upper())
            yield rate_figure((*row, "worst"), highest, note=f"worst: {worst}; best: {best}")
            yield rate_figure((*row, "best"), lowest)
            times = highest.rate / lowest.rate if lowest.rate else math.nan
            yield _number((*row, "ratio"), times, "no error in the best group", "×")


def when_one_has(matcher: str, groups: Mapping[str, Outcome], target: float = COMMON_FMR) -> Iterator[Figure]:
    """For each group that can show the target FMR: the FMR of the worst group at its threshold."""
    large = large_enough(groups)
    for name, group in groups.items():
        threshold = threshold_for(group.impostors, target)
        if threshold is not None and large:
            worst, found = worst_of({name: one.fmr(threshold) for name, one in large.items()})
            row = (f"{matcher} where a group has FMR {name_of(target)}", name)
            yield Figure(name=(*row, "threshold"), value=threshold)
            yield rate_figure((*row, "FMR of the worst"), found, note=f"worst: {worst}")
            yield _number((*row, "times"), found.rate / target, "", "×")


def at_worst_group(
    table: str, groups: Mapping[str, Outcome], targets: Sequence[float] = TARGETS
) -> Iterator[Figure]:
    """The threshold at which no group that can show it exceeds a target FMR, and everybody's rates there."""
    large = large_enough(groups)
    for target in targets:
        wanted = {name: threshold_for(group.impostors, target) for name, group in large.items()}
        shown = {name: threshold for name, threshold in wanted.items() if threshold is not None}
        row = (table, name_of(target))
        if not shown:
            yield Figure(name=row, value=NotAvailable(not_available="too few impostors"))
            continue
        worst = max(shown, key=lambda name: shown[name])
        yield Figure(name=(*row, "threshold"), value=shown[worst], note=f"worst: {worst}")
        for name, group in groups.items():
            yield from at_threshold((*row, name), rates(group, [shown[worst]])[0])


def name_of(target: float) -> str:
    return f"1e-{round(-math.log10(target))}"


def _number(
    name: Name, value: float, why_not: str, unit: str, better: Literal["lower"] | None = None
) -> Figure:
    """Not available where it is not finite."""
    if not math.isfinite(value):
        return Figure(name=name, value=NotAvailable(not_available=why_not))
    return Figure(name=name, value=significant(value), unit=unit, better=better)


def significant(number: float) -> float:
    """Rounded to six digits."""
    return float(f"{number:.6g}")


def draw_people(who: People, people: int) -> Weights:
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
