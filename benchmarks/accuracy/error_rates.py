"""From scores to error rates: what a threshold lets through, and whom it turns away.

A score at or above the threshold matches, as in the lane's policy. FMR and FNMR count completed comparisons
(ISO/IEC 19795-1); FRR also counts a genuine pair as rejected when one of its pictures gave no face. All are
fractions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.accuracy.bootstrap import Interval, Weights, fmr_intervals, fnmr_intervals
from benchmarks.accuracy.scores import EDGES, Impostors, Scored, Scores
from lane.evaluation.intervals import Rate, rate

TARGETS = (1e-2, 1e-3, 1e-4, 1e-5)
COMMON_FMR = 1e-4
"""At the threshold where one group has this FMR, what has the worst?"""
ENOUGH_PEOPLE = 20
"""A smaller group is reported, but is no worst or best one: it says too little."""


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
        """Bootstrap over people."""
        if self.weights is None:
            return [None] * len(thresholds)
        return fmr_intervals(self.impostors, thresholds, self.weights)

    def fnmr_by_people(self, thresholds: Sequence[float]) -> list[Interval]:
        """Bootstrap over people."""
        if self.weights is None:
            return [None] * len(thresholds)
        return fnmr_intervals(self.genuine, thresholds, self.weights)

    def _unmatched(self, threshold: float) -> int:
        return int((self.genuine.scores < threshold).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Both rates at each of `EDGES`: FMR falls, FNMR rises. NaN where nothing was compared."""

    fmr: Scores
    fnmr: Scores


def curve(outcome: Outcome) -> Curve:
    """FMR and FNMR at each edge, exact."""
    genuine = np.sort(outcome.genuine.scores)
    with np.errstate(invalid="ignore"):
        fmr = outcome.impostors.at_edges() / np.float64(outcome.impostors.n)
        fnmr = np.searchsorted(genuine, EDGES) / np.float64(len(genuine))
    return Curve(fmr, fnmr)


def eer(outcome: Outcome) -> float:
    """Where FMR and FNMR come nearest, their mean there; NaN without genuine or impostor scores."""
    if not len(outcome.genuine.scores) or not outcome.impostors.n:
        return math.nan
    both = curve(outcome)
    nearest = np.abs(both.fmr - both.fnmr).argmin()
    return float(both.fmr[nearest] + both.fnmr[nearest]) / 2


def threshold_for(impostors: Impostors, target_fmr: float) -> float | None:
    """The lowest edge whose FMR is at most the target; None where n < 1 / target cannot show it.

    Just above 1 where too many strangers have the highest score of all.
    """
    allowed = math.floor(target_fmr * impostors.n + 1e-9)
    if allowed < 1:
        return None
    enough = np.flatnonzero(impostors.at_edges() <= allowed)
    return float(EDGES[enough[0]]) if len(enough) else float(np.nextafter(1, 2))


def summary(outcome: Outcome, threshold: float | None, thresholds: Sequence[float] = ()) -> dict[str, Any]:
    """Counts, rates at the threshold, EER and FNMR at fixed FMR of one group, as JSON values."""
    wanted = {_name(target): threshold_for(outcome.impostors, target) for target in TARGETS}
    shown = [*thresholds, *(t for t in wanted.values() if t is not None)]
    told = dict(zip(shown, rates(outcome, shown), strict=True))
    at_fmr = {name: None if t is None else {"threshold": t, **told[t]} for name, t in wanted.items()}
    return {
        "people": outcome.people,
        "genuine": len(outcome.genuine.scores),
        "impostors": outcome.impostors.n,
        "genuine_missed": outcome.genuine_missed,
        "impostors_missed": outcome.impostors_missed,
        "failures_to_acquire": outcome.failures,
        **(_flat(outcome, threshold) if threshold is not None else NO_THRESHOLD),
        "eer": _plain(eer(outcome)),
        "fnmr_at_fmr": {name: at["fnmr"]["rate"] if at else None for name, at in at_fmr.items()},
        "at_fmr": at_fmr,
        "thresholds": {(f"{t:.2f}" if round(t, 2) == t else str(t)): told[t] for t in thresholds},
    }


def rates(outcome: Outcome, thresholds: Sequence[float]) -> list[dict[str, Any]]:
    """FMR, FNMR and FRR at each threshold with their intervals, as JSON values."""
    by_people = zip(outcome.fmr_by_people(thresholds), outcome.fnmr_by_people(thresholds), strict=True)
    return [
        {
            "fmr": {**outcome.fmr(t).plain(), "by_people": _interval(fmr)},
            "fnmr": {**outcome.fnmr(t).plain(), "by_people": _interval(fnmr)},
            "frr": outcome.frr(t).plain(),
        }
        for t, (fmr, fnmr) in zip(thresholds, by_people, strict=True)
    ]


def large_enough(groups: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Groups that may be the worst or the best; all with impostors where none has people enough."""
    told = {name: group for name, group in groups.items() if group.impostors.n}
    return {name: group for name, group in told.items() if group.people >= ENOUGH_PEOPLE} or told


def worst_fmr(groups: Mapping[str, Outcome], threshold: float) -> tuple[str, Rate]:
    """The group with the most false matches; of equally good ones the one that is known least."""
    found = {name: group.fmr(threshold) for name, group in groups.items()}
    worst = max(found, key=lambda name: (found[name].rate, found[name].high))
    return worst, found[worst]


def worst_over_best(groups: Mapping[str, Outcome], threshold: float) -> dict[str, Any]:
    """How unequal the groups are at one threshold: for both rates the worst, the best and their ratio."""
    told = large_enough(groups)
    result = {}
    for kind in ("fmr", "fnmr"):
        found = {name: getattr(group, kind)(threshold) for name, group in told.items()}
        found = {name: one for name, one in found.items() if one.n}
        if found:
            result[kind] = _unequal(found)
    return result


def when_one_has(groups: Mapping[str, Outcome], target: float = COMMON_FMR) -> dict[str, Any]:
    """For each group that can show the target FMR: the FMR of the worst group at its threshold."""
    told = large_enough(groups)
    result = {}
    for name, group in groups.items():
        threshold = threshold_for(group.impostors, target)
        if threshold is not None and told:
            worst, found = worst_fmr(told, threshold)
            ratio = {"times": _plain(found.rate / target)}
            result[name] = {"threshold": threshold, "worst_group": worst, "fmr": found.plain(), **ratio}
    return result


def at_worst_group(groups: Mapping[str, Outcome]) -> dict[str, Any]:
    """The threshold at which no group that can show it exceeds a target FMR, and everybody's rates there."""
    told = large_enough(groups)
    result: dict[str, Any] = {}
    for target in TARGETS:
        wanted = {name: threshold_for(group.impostors, target) for name, group in told.items()}
        shown = {name: threshold for name, threshold in wanted.items() if threshold is not None}
        if not shown:
            result[_name(target)] = None
            continue
        worst = max(shown, key=lambda name: shown[name])
        each = {name: rates(group, [shown[worst]])[0] for name, group in groups.items()}
        result[_name(target)] = {"threshold": shown[worst], "worst_group": worst, "groups": each}
    return result


NO_THRESHOLD = {"fmr": None, "fmr_interval": [0.0, 1.0], "fnmr": None, "fnmr_interval": [0.0, 1.0]}


def _flat(outcome: Outcome, threshold: float) -> dict[str, Any]:
    """The exact binomial interval, and beside it the one over people."""
    fmr, fnmr = outcome.fmr(threshold), outcome.fnmr(threshold)
    return {
        "fmr": _plain(fmr.rate),
        "fmr_interval": _exact(fmr),
        "fmr_interval_by_people": _interval(outcome.fmr_by_people([threshold])[0]),
        "fnmr": _plain(fnmr.rate),
        "fnmr_interval": _exact(fnmr),
        "fnmr_interval_by_people": _interval(outcome.fnmr_by_people([threshold])[0]),
        "false_matches": fmr.errors,
        "false_non_matches": fnmr.errors,
        "frr": _plain(outcome.frr(threshold).rate),
    }


def _unequal(found: Mapping[str, Rate]) -> dict[str, Any]:
    worst = max(found, key=lambda name: (found[name].rate, found[name].high))
    best = min(found, key=lambda name: (found[name].rate, found[name].high))
    ratio = found[worst].rate / found[best].rate if found[best].rate else math.nan
    return {
        "worst": worst,
        "worst_rate": _plain(found[worst].rate),
        "best": best,
        "best_rate": _plain(found[best].rate),
        "ratio": _plain(ratio),
    }


def _exact(one: Rate) -> list[float]:
    """Of nothing: anything is possible."""
    return [_rounded(one.low), _rounded(one.high)] if one.n else [0.0, 1.0]


def _interval(interval: Interval) -> list[float] | None:
    return None if interval is None else [_rounded(end) for end in interval]


def _plain(number: float) -> float | None:
    return _rounded(number) if math.isfinite(number) else None


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")


def _name(target: float) -> str:
    return f"1e-{round(-math.log10(target))}"
