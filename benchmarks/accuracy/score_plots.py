"""DET curves and histograms of scores as SVG: text that a browser draws, with no library and no script.

Colours are Okabe and Ito's, told apart by people who see few colours, and lines differ in their dashes too.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import NormalDist

import numpy as np

from benchmarks.accuracy.error_rates import Curve, Outcome, curve
from benchmarks.accuracy.measure import Measured
from benchmarks.accuracy.scores import EDGES, STEPS, Counts, Scores
from benchmarks.acquisition.pairs import ALL
from benchmarks.harness.result import Result

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
DASHES = ("", "7 3", "2 2", "9 3 2 3", "4 4", "1 3", "12 4", "6 2 1 2")
WIDTH, HEIGHT = 780, 520
LEFT, RIGHT, TOP, BOTTOM = 76, 250, 44, 56
MIDDLE = 370
"""Where the lower of two diagrams on one page begins."""
QUANTILES = ("p50", "p95", "p99")
LONGEST = 28
"""Letters of a name; a longer one is cut."""
SHARES = (1e-5, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.2, 0.4)
"""Marks of a DET axis; it ends at the first and the last."""
COARSE_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
"""Marks of a DET axis for few presentations."""
MOST_POINTS = 600
BAR = STEPS // 64
"""Bins of `EDGES` that one bar of a histogram counts: 1/64 of similarity."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels along one axis."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def draw(measured: Sequence[Measured]) -> dict[str, str]:
    """For each matcher its groups' DET and its scores; of several matchers everybody's DET, too, in one."""
    pages = {}
    for one in measured:
        name, threshold = one.subject.name, one.subject.threshold
        pages[f"{name}-det"] = det(one.outcomes, f"{name}: DET by group", threshold)
        pages[f"{name}-scores"] = histogram(one.outcomes[ALL], f"{name}: scores", threshold)
    if len(measured) > 1:
        together = {one.subject.name: one.outcomes[ALL] for one in measured}
        thresholds = {one.subject.name: one.subject.threshold for one in measured}
        pages["det"] = det(together, "DET by matcher", thresholds)
    return pages


def draw_steps(result: Result, title: str) -> str:
    """How late referrals come at each load. A ring marks a step that broke."""
    loads = {
        one.name[1]: one.number or 0.0
        for one in result.under("steps")
        if one.name[-1] == "passages per second"
    }
    drawn = sorted(
        ((loads[one.name[1]], one) for one in result.under("on screen") if one.quantiles),
        key=lambda one: one[0],
    )
    most = max([1.0, *(one.tails["p99"] for _, one in drawn)])
    across = Scale(0, max([1.0, *loads.values()]) * 1.05, LEFT, WIDTH - RIGHT)
    up = Scale(0, most * 1.05, HEIGHT - BOTTOM, TOP)
    marks_up = [(most * part / 4, f"{most * part / 4:.0f}") for part in range(5)]
    marks_across = [(load, f"{load:g}") for load, _ in drawn]
    body = [
        *_axes(across, up, marks_across, marks_up, "passages a second", "on the officer's screen after, ms")
    ]
    for place, name in enumerate(QUANTILES):
        points = [(across.at(load), up.at(one.quantiles[name])) for load, one in drawn]
        body += [_line(points, place), *_legend(place, name, f"{len(points)} loads")]
        body += [_circle(point, 2, _colour(place)) for point in points]
        broken = [result[("steps", one.name[1], "carried")].number == 0 for _, one in drawn]
        body += [_circle(at, 6, "none") for at, broke in zip(points, broken, strict=True) if broke]
    body.append(_text(WIDTH - RIGHT + 16, TOP + 134, "ring: it broke there", colour="#555"))
    return _page(title, body)


def draw_lanes(result: Result) -> str:
    """How late each number of lanes decides, and what that takes."""
    limit_ms = float(str(result.conditions["limit_ms"]))
    steps = sorted((int(one.name[-1]), one) for one in result.under("decision", "lanes") if one.quantiles)
    counts = [count for count, _ in steps] or [1]
    most = max([limit_ms, *(one.tails["p99"] for _, one in steps)]) * 1.05
    across = Scale(0, max(counts) + 0.5, LEFT, WIDTH - RIGHT)
    up, share_up = Scale(0, most, MIDDLE - 30, TOP), Scale(0, 1, HEIGHT - BOTTOM, MIDDLE)
    marks = [(count, str(count)) for count in counts]
    marks_up = [(most * part / 4, f"{most * part / 4:.0f}") for part in range(5)]
    marks_share = [(part / 2, f"{part * 50}") for part in range(3)]
    body = [
        *_axes(across, up, marks, marks_up, "", "frame to decision, ms"),
        *_axes(across, share_up, marks, marks_share, "lanes", "%"),
        _level(across, up.at(limit_ms)),
    ]

    def of_step(count: int, name: str) -> float:
        return result[("steps", "lanes", f"{count}", name)].number or 0.0

    for place, name in enumerate(QUANTILES):
        points = [(across.at(count), up.at(one.quantiles[name])) for count, one in steps]
        body += [_line(points, place), *_legend(place, name, "last frame to decision")]
        body += [
            _circle(at, 6, "none")
            for at, (count, _) in zip(points, steps, strict=True)
            if not of_step(count, "carried")
        ]
    shares = {"cores": "cpu share", "frames passed over": "passed over share"}
    for place, (name, share) in enumerate(shares.items(), start=len(QUANTILES)):
        points = [(across.at(count), share_up.at(of_step(count, share))) for count, _ in steps]
        body += [_line(points, place), *_legend(place, name, "share of all, %")]
    x = WIDTH - RIGHT + 16
    body += [
        _text(x, TOP + 214, "ring: it broke there", colour="#555"),
        _text(x, TOP + 229, "dots: the limit"),
    ]
    lanes, rate = result[("lanes",)].number, result.conditions["frames_per_second"]
    return _page(f"{lanes} lanes are carried at {rate} frames a second", body)


def _level(across: Scale, y: float) -> str:
    return (
        f'<line x1="{across.start}" x2="{across.end}" y1="{y:.1f}" y2="{y:.1f}" stroke="#333" '
        'stroke-dasharray="3 3"/>'
    )


def _circle(at: Point, radius: int, fill: str) -> str:
    return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}" fill="{fill}" stroke="#111"/>'


def det(
    outcomes: Mapping[str, Outcome], title: str, threshold: float | Mapping[str, float | None] | None = None
) -> str:
    """FMR against FNMR for each name, both on axes that make normal distributions straight lines.

    Martin et al., *The DET curve in assessment of detection task performance* (1997). A curve ends where its
    comparisons are too few to show a rate: at one error. A ring marks the threshold, or that of its name.
    """
    low, high = deviate(SHARES[0]), deviate(SHARES[-1])
    across = Scale(low, high, LEFT, WIDTH - RIGHT)
    up = Scale(low, high, HEIGHT - BOTTOM, TOP)
    marks = [(deviate(share), _percent(share)) for share in SHARES]
    body = [*_axes(across, up, marks, marks, "false match rate (FMR) %", "false non-match rate (FNMR) %")]
    drawn = {name: one for name, one in outcomes.items() if one.impostors.n and len(one.genuine.scores)}
    for place, (name, outcome) in enumerate(drawn.items()):
        rates = curve(outcome)
        line = [(across.at(deviate(x)), up.at(deviate(y))) for x, y in _shown(rates, outcome)]
        body.append(_line(line, place))
        body += _legend(place, name, f"{outcome.people} people")
        at = threshold.get(name) if isinstance(threshold, Mapping) else threshold
        if at is not None:
            body += _ring(across, up, outcome, at, place)
    if threshold is not None:
        x, y = WIDTH - RIGHT + 16, TOP + 10 + 40 * len(drawn)
        body += [
            _text(x, y + 4, "ring: at the threshold", colour="#555"),
            _text(x, y + 19, "on an axis: off its end", colour="#555"),
        ]
    return _page(title, body)


def det_of_attacks(scores: Mapping[str, tuple[Scores, Scores]], title: str) -> str:
    """APCER against BPCER for each species: scores of live presentations, and of its attacks."""
    across = Scale(_deviate(0), _deviate(1), LEFT, WIDTH - RIGHT)
    up = Scale(_deviate(0), _deviate(1), HEIGHT - BOTTOM, TOP)
    marks = [(_deviate(share), f"{share:.0%}".removesuffix("%")) for share in COARSE_SHARES]
    body = [*_axes(across, up, marks, marks, "attacks accepted (APCER) %", "live rejected (BPCER) %")]
    for place, (name, (live, attacks)) in enumerate(scores.items()):
        line = [(across.at(_deviate(x)), up.at(_deviate(y))) for x, y in _walk(live, attacks)]
        body.append(_line(line, place))
        body += _legend(place, name, f"{len(attacks)} runs")
    return _page(title, body)


def _deviate(share: float) -> float:
    return NormalDist().inv_cdf(min(max(share, COARSE_SHARES[0]), COARSE_SHARES[-1]))


def _walk(live: Scores, attacks: Scores) -> Iterator[Point]:
    """APCER and BPCER at each threshold where one of them changes."""
    for threshold in np.unique(np.concatenate([live, attacks])):
        yield float((attacks >= threshold).mean()), float((live < threshold).mean())


def histogram(outcome: Outcome, title: str, threshold: float | None = None) -> str:
    """The densities of the scores of strangers and of genuine pairs, each of area 1."""
    strangers = _density(outcome.impostors.counts)
    places = np.searchsorted(EDGES, outcome.genuine.scores, side="right") - 1
    genuine = _density(np.bincount(places, minlength=len(EDGES)))
    top = max(float(strangers.max()), float(genuine.max()), 1.0)
    scores = _bars()
    used = np.flatnonzero(strangers + genuine)
    first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, len(scores) - 1)
    across = Scale(float(scores[first]), float(scores[last]), LEFT, WIDTH - RIGHT)
    up = Scale(0, top * 1.05, HEIGHT - BOTTOM, TOP)
    tens = [step / 10 for step in range(-10, 11) if across.low <= step / 10 <= across.high]
    step = max(1, round(top / 5))
    heights = range(0, math.floor(top) + 1, step)
    body = [
        *_axes(
            across,
            up,
            [(score, f"{score:g}") for score in tens],
            [(height, str(height)) for height in heights],
            "similarity",
            "density",
        )
    ]
    for place, (name, density, n) in enumerate(
        (
            ("strangers", strangers, outcome.impostors.n),
            ("genuine pairs", genuine, len(outcome.genuine.scores)),
        )
    ):
        body.append(_steps(across, up, scores[first : last + 1], density[first:last], place))
        body += _legend(place, name, f"{n:,} comparisons")
    if threshold is not None and across.low <= threshold <= across.high:
        body += _threshold(across, threshold)
    return _page(title, body)


def deviate(share: float) -> float:
    """The normal deviate of a share, which a DET axis is even in; cut at the axis's ends."""
    return NormalDist().inv_cdf(min(max(share, SHARES[0]), SHARES[-1]))


def _shown(rates: Curve, outcome: Outcome) -> Iterator[Point]:
    """FMR and FNMR where both are on the axes and rest on an error at least; some hundred points of them."""
    seen = (rates.fmr * outcome.impostors.n >= 0.5) & (rates.fnmr * len(outcome.genuine.scores) >= 0.5)
    inside = seen & (rates.fmr <= SHARES[-1]) & (rates.fnmr <= SHARES[-1])
    inside &= (rates.fmr >= SHARES[0]) & (rates.fnmr >= SHARES[0])
    (places,) = np.nonzero(inside)
    if not len(places):
        return
    pairs = np.stack([rates.fmr[places], rates.fnmr[places]], 1)
    corners = pairs[np.r_[True, (np.diff(pairs, axis=0) != 0).any(1)]]
    walked = np.r_[0, np.abs(np.diff(np.log(corners), axis=0)).sum(1).cumsum()]
    kept = np.unique(np.searchsorted(walked, np.linspace(0, walked[-1], MOST_POINTS)))
    for x, y in corners[kept]:
        yield float(x), float(y)


def _ring(across: Scale, up: Scale, outcome: Outcome, threshold: float, place: int) -> list[str]:
    fmr, fnmr = outcome.fmr(threshold).rate, outcome.fnmr(threshold).rate
    x, y = across.at(deviate(fmr)), up.at(deviate(fnmr))
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="white" stroke="{_colour(place)}" stroke-width="2"/>'
    ]


def _density(counts: Counts) -> Scores:
    """By bar, per unit of similarity."""
    bars = np.add.reduceat(counts[:-1], np.arange(0, len(counts) - 1, BAR)).astype(np.float64)
    bars[-1] += counts[-1]
    total = bars.sum()
    density: Scores = bars * (STEPS / BAR) / total if total else bars
    return density


def _bars() -> Scores:
    """The edges of the bars."""
    return EDGES[::BAR]


def _steps(across: Scale, up: Scale, edges: Scores, heights: Scores, place: int) -> str:
    points: list[Point] = [(across.at(float(edges[0])), up.at(0))]
    for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
        y = up.at(float(height))
        points += [(across.at(float(left)), y), (across.at(float(right)), y)]
    points.append((across.at(float(edges[-1])), up.at(0)))
    return _line(points, place, filled=True)


def _threshold(across: Scale, threshold: float) -> list[str]:
    x = across.at(threshold)
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#333" '
        'stroke-dasharray="3 3"/>',
        _text(x + 4, TOP + 12, f"threshold {threshold:g}"),
    ]


def _axes(
    across: Scale,
    up: Scale,
    marks_across: Sequence[tuple[float, str]],
    marks_up: Sequence[tuple[float, str]],
    name_across: str,
    name_up: str,
) -> Iterator[str]:
    for value, told in marks_across:
        x = across.at(value)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{up.end}" y2="{up.start}" stroke="#ddd"/>'
        yield _text(x, up.start + 18, told, "middle")
    for value, told in marks_up:
        y = up.at(value)
        yield f'<line x1="{across.start}" x2="{across.end}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield _text(across.start - 8, y + 4, told, "end")
    width, height = across.end - across.start, up.start - up.end
    yield (
        f'<rect x="{across.start}" y="{up.end}" width="{width}" height="{height}" fill="none" stroke="#555"/>'
    )
    yield _text((across.start + across.end) / 2, HEIGHT - 14, name_across, "middle")
    middle = (up.start + up.end) / 2
    yield (
        f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">'
        f"{escape(name_up)}</text>"
    )


def _legend(place: int, name: str, detail: str) -> list[str]:
    x, y = WIDTH - RIGHT + 16, TOP + 10 + 40 * place
    line = (
        f'<line x1="{x}" x2="{x + 30}" y1="{y}" y2="{y}" stroke="{_colour(place)}" stroke-width="2"'
        f"{_dash(place)}/>"
    )
    name = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    return [line, _text(x + 36, y + 4, name), _text(x + 36, y + 19, detail, colour="#555")]


def _line(points: Sequence[Point], place: int, *, filled: bool = False) -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    fill = f'{_colour(place)}" fill-opacity="0.15' if filled else "none"
    return (
        f'<polyline points="{told}" fill="{fill}" stroke="{_colour(place)}" stroke-width="2"'
        f'{_dash(place)} stroke-linejoin="round"/>'
    )


def _text(x: float, y: float, told: str, anchor: str = "start", colour: str = "#111") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(told)}</text>'


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _dash(place: int) -> str:
    dash = DASHES[place % len(DASHES)]
    return f' stroke-dasharray="{dash}"' if dash else ""


def _percent(share: float) -> str:
    return f"{share * 100:.{max(0, -math.floor(math.log10(share * 100)))}f}"


def _page(title: str, body: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="12" role="img">'
    )
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    heading = f'<text x="{LEFT}" y="26" font-size="15" font-weight="bold">{escape(title)}</text>'
    return "\n".join([head, f"<title>{escape(title)}</title>", background, heading, *body, "</svg>", ""])
