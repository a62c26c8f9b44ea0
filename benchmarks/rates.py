"""From scores to error rates: what a threshold lets through, and whom it turns away.

A score at or above the threshold matches, as in the lane's policy. FMR and FNMR count completed comparisons
(ISO/IEC 19795-1); FRR also counts a genuine pair as rejected when one of its pictures gave no face.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.intervals import Rate, rate

Scores = NDArray[np.float64]
TARGETS = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The scores of one group of pairs, and how many pairs have none because a picture gave no face."""

    genuine: Scores
    impostor: Scores
    genuine_missed: int = 0
    impostor_missed: int = 0
    people: int | None = None
    """None where names do not tell who is who."""

    def fmr(self, threshold: float) -> Rate:
        """Impostor pairs that match."""
        return rate(int((self.impostor >= threshold).sum()), self.impostor.size)

    def fnmr(self, threshold: float) -> Rate:
        """Genuine pairs that do not match."""
        return rate(int((self.genuine < threshold).sum()), self.genuine.size)

    def frr(self, threshold: float) -> Rate:
        """Genuine pairs that do not match or could not be compared."""
        rejected = int((self.genuine < threshold).sum()) + self.genuine_missed
        return rate(rejected, self.genuine.size + self.genuine_missed)


def eer(genuine: Scores, impostor: Scores) -> float:
    """Where FMR and FNMR come nearest, their mean there; NaN without genuine or impostor scores."""
    if not genuine.size or not impostor.size:
        return math.nan
    thresholds = np.unique(np.concatenate([genuine, impostor, [np.inf]]))
    fnmr = np.searchsorted(np.sort(genuine), thresholds) / genuine.size
    fmr = 1 - np.searchsorted(np.sort(impostor), thresholds) / impostor.size
    nearest = np.abs(fmr - fnmr).argmin()
    return float(fmr[nearest] + fnmr[nearest]) / 2


def threshold_for(impostor: Scores, target_fmr: float) -> float | None:
    """The lowest threshold whose FMR is at most the target; None where n < 1 / target cannot show it."""
    allowed = math.floor(target_fmr * impostor.size + 1e-9)
    if allowed < 1:
        return None
    first_refused = np.sort(impostor)[::-1][min(allowed, impostor.size - 1)]
    return float(np.nextafter(first_refused, np.inf))


def summary(outcome: Outcome, thresholds: Sequence[float]) -> dict[str, Any]:
    """Counts, EER and rates of one group, as JSON values."""
    equal = eer(outcome.genuine, outcome.impostor)
    return {
        "people": outcome.people,
        "genuine_pairs": outcome.genuine.size + outcome.genuine_missed,
        "impostor_pairs": outcome.impostor.size + outcome.impostor_missed,
        "eer": None if math.isnan(equal) else round(equal, 5),
        "thresholds": {f"{t:.2f}": _at(outcome, t) for t in thresholds},
        "fnmr_at_fmr": {_name(target): _at_target(outcome, target) for target in TARGETS},
    }


def worst_groups(groups: Mapping[str, Outcome], thresholds: Sequence[float]) -> dict[str, Any]:
    """The group with the highest FMR at each threshold, and what one threshold for all must be."""
    told = {name: group for name, group in groups.items() if group.impostor.size}
    if not told:
        return {}
    return {
        "thresholds": {f"{t:.2f}": _worst(told, t) for t in thresholds},
        "fnmr_at_fmr": {_name(target): _at_worst_target(told, target) for target in TARGETS},
    }


def _worst(groups: Mapping[str, Outcome], threshold: float) -> dict[str, Any]:
    rates = {name: group.fmr(threshold) for name, group in groups.items()}
    # Of groups that are equally good, the one that is known least.
    name = max(rates, key=lambda name: (rates[name].rate, rates[name].high))
    return {"group": name, "fmr": rates[name].plain()}


def _at_worst_target(groups: Mapping[str, Outcome], target: float) -> dict[str, Any] | None:
    """Over the groups that can show the target at all."""
    wanted = {name: threshold_for(group.impostor, target) for name, group in groups.items()}
    shown = {name: threshold for name, threshold in wanted.items() if threshold is not None}
    if not shown:
        return None
    worst = max(shown, key=lambda name: shown[name])
    threshold = shown[worst]
    return {
        "group": worst,
        "threshold": round(threshold, 5),
        "groups": {name: _at(group, threshold) for name, group in groups.items()},
    }


def _at(outcome: Outcome, threshold: float) -> dict[str, Any]:
    return {
        "fmr": outcome.fmr(threshold).plain(),
        "fnmr": outcome.fnmr(threshold).plain(),
        "frr": outcome.frr(threshold).plain(),
    }


def _at_target(outcome: Outcome, target: float) -> dict[str, Any] | None:
    threshold = threshold_for(outcome.impostor, target)
    return None if threshold is None else {"threshold": round(threshold, 5), **_at(outcome, threshold)}


def _name(target: float) -> str:
    return f"1e-{round(-math.log10(target))}"
