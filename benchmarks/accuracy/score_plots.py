"""DET curves and histograms of scores."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist

import numpy as np

from benchmarks.accuracy.error_rates import Outcome, curve
from benchmarks.accuracy.scores import EDGES, STEPS, Counts, Scores
from benchmarks.harness.plots import Drawing, Plane, beside_legend, colour, finish, line, ring

SHARES = (1e-5, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.2, 0.4)
"""Marks of a DET axis; it ends at the first and the last."""
COARSE_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
"""Marks of a DET axis for few presentations."""
MOST_POINTS = 600
BAR = STEPS // 64
"""Bins of `EDGES` that one bar of a histogram counts: 1/64 of similarity."""

Point = tuple[float, float]


def det(
    outcomes: Mapping[str, Outcome], title: str, threshold: float | Mapping[str, float | None] | None = None
) -> Drawing:
    """FMR against FNMR for each name, both on axes that make normal distributions straight lines.

    Martin et al., *The DET curve in assessment of detection task performance* (1997). A curve ends where its
    comparisons are too few to show a rate: at one error. A ring marks the threshold, or that of its name.
    """
    axes = _det_axes(title, SHARES, "false match rate (FMR) %", "false non-match rate (FNMR) %")
    drawn = {name: one for name, one in outcomes.items() if one.impostors.n and len(one.genuine.scores)}
    for place, (name, outcome) in enumerate(drawn.items()):
        points = [(deviate(x), deviate(y)) for x, y in _drawn(outcome)]
        line(axes, points, place, name, f"{outcome.people} people")
        at = threshold.get(name) if isinstance(threshold, Mapping) else threshold
        if at is not None:
            ring(axes, (deviate(outcome.fmr(at).rate), deviate(outcome.fnmr(at).rate)), place)
    remarks = ("ring: at the threshold;", "on an axis: off its end") if threshold is not None else ()
    return finish(axes, *remarks)


def det_of_attacks(scores: Mapping[str, tuple[Scores, Scores]], title: str) -> Drawing:
    """APCER against BPCER for each species: scores of live presentations, and of its attacks."""
    axes = _det_axes(title, COARSE_SHARES, "attacks accepted (APCER) %", "live rejected (BPCER) %")
    for place, (name, (live, attacks)) in enumerate(scores.items()):
        points = [
            (deviate(x, COARSE_SHARES), deviate(y, COARSE_SHARES))
            for threshold in np.unique(np.concatenate([live, attacks]))
            for x, y in [(float((attacks >= threshold).mean()), float((live < threshold).mean()))]
        ]
        line(axes, points, place, name, f"{len(attacks)} runs")
    return finish(axes)


def _det_axes(title: str, marks: Sequence[float], across: str, up: str) -> Plane:
    axes, places = beside_legend(title), [deviate(share, marks) for share in marks]
    percent = [f"{share * 100:g}" if share >= 1e-4 else f"{share * 100:.3f}" for share in marks]
    axes.set_xlim(places[0], places[-1])
    axes.set_ylim(places[0], places[-1])
    axes.set_xticks(places, percent)
    axes.set_yticks(places, percent)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return axes


def histogram(outcome: Outcome, title: str, threshold: float | None = None) -> Drawing:
    """The densities of the scores of impostor and of genuine pairs, each of area 1."""
    places = np.searchsorted(EDGES, outcome.genuine.scores, side="right") - 1
    pairs = {
        "impostor pairs": (_density(outcome.impostors.counts), outcome.impostors.n),
        "genuine pairs": (_density(np.bincount(places, minlength=len(EDGES))), len(places)),
    }
    axes, edges = beside_legend(title), EDGES[::BAR]
    for place, (name, (density, n)) in enumerate(pairs.items()):
        label = f"{name}\n{n:,} comparisons"
        axes.stairs(density, edges, fill=True, alpha=0.15, color=colour(place))
        axes.stairs(density, edges, color=colour(place), linestyle=("-", "--")[place], label=label)
    used = np.flatnonzero(sum(density for density, _ in pairs.values()))
    if len(used):
        axes.set_xlim(edges[used[0]], edges[used[-1] + 1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("similarity")
    axes.set_ylabel("density")
    if threshold is not None:
        axes.axvline(threshold, color="#333333", linestyle=":")
    return finish(axes, *([f"dots: threshold {threshold:g}"] if threshold is not None else []))


def deviate(share: float, marks: Sequence[float] = SHARES) -> float:
    """The normal deviate of a share, which a DET axis is even in; cut at the axis's ends."""
    return NormalDist().inv_cdf(min(max(share, marks[0]), marks[-1]))


def _drawn(outcome: Outcome) -> Iterator[Point]:
    """FMR and FNMR where both are on the axes and rest on an error at least; some hundred points of them."""
    fmr, fnmr = curve(outcome)
    seen = (fmr * outcome.impostors.n >= 0.5) & (fnmr * len(outcome.genuine.scores) >= 0.5)
    inside = seen & (fmr <= SHARES[-1]) & (fnmr <= SHARES[-1]) & (fmr >= SHARES[0]) & (fnmr >= SHARES[0])
    (places,) = np.nonzero(inside)
    if not len(places):
        return
    pairs = np.stack([fmr[places], fnmr[places]], 1)
    corners = pairs[np.r_[True, (np.diff(pairs, axis=0) != 0).any(1)]]
    walked = np.r_[0, np.abs(np.diff(np.log(corners), axis=0)).sum(1).cumsum()]
    kept = np.unique(np.searchsorted(walked, np.linspace(0, walked[-1], MOST_POINTS)))
    for x, y in corners[kept]:
        yield float(x), float(y)


def _density(counts: Counts) -> Scores:
    """By bar, per unit of similarity."""
    bars = np.add.reduceat(counts[:-1], np.arange(0, len(counts) - 1, BAR)).astype(np.float64)
    bars[-1] += counts[-1]
    total = bars.sum()
    density: Scores = bars * (STEPS / BAR) / total if total else bars
    return density
