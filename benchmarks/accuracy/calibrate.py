"""What a matcher's scores are worth, as a file that a policy reads: `lane.decision.calibration` says its
form.

Every two pictures of different people are compared: `fmr` is that of any two of the data, `worst_fmr` that of
two of one group, in the group where it is highest. Rates are measured at each 0.001 of similarity where
strangers are rare, at each 0.01 below; between the points nothing is claimed. Each interval holds the exact
binomial one and the one over people (`error_rates`), which is there where strangers have become rare.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.accuracy.accuracy import Chosen, Trial, named, outcomes
from benchmarks.accuracy.error_rates import ENOUGH_PEOPLE, Interval, Outcome, significant, worst_of
from benchmarks.acquisition.acquire import Acquired, acquire
from benchmarks.acquisition.identities import identify
from benchmarks.acquisition.lists import ALL, Pair, grouping, pictures, read_pairs
from benchmarks.acquisition.matchers import Bench, bench, own
from benchmarks.errors import BenchmarkError
from benchmarks.harness.command_line import GroupBy, Root, Which, Workers, console, show_figures
from benchmarks.harness.measurer import shipped_policy
from benchmarks.harness.result import SHARE, STDOUT, Figure, NotAvailable, counts, must_be_writable, write
from benchmarks.harness.stamp import sha256_of, sha256_of_all, stamp
from lane.decision.calibration import FORMAT, parse
from lane.evaluation.intervals import CONFIDENCE, Rate

STEP, COARSE_STEP = 0.001, 0.01
GRID = tuple(round(STEP * step, 3) for step in range(round(-1 / STEP), round(1 / STEP) + 1))
RARE = 0.01
"""Above this overall FMR nobody sets a threshold: there the points lie ten times as far apart."""
NEARLY_ALL = 0.999
"""The points begin where so many strangers score."""
WANTED = (1e-2, 1e-3, 1e-4, 1e-5)


def calibrate(
    root: Root,
    pairs: Annotated[
        list[Path],
        typer.Option(help="CSV as for `accuracy`; may be repeated, and each list's groups are kept apart."),
    ],
    out: Annotated[Path, typer.Option(help="The calibration file to write, such as sface-2021dec.json.")],
    matcher: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A matcher of the catalogue; the lane's own if none. With -bf16 behind its name it runs in "
            "bfloat16, on OpenVINO, which has a calibration of its own.",
        ),
    ] = None,
    face: Which = "prominent",
    group_by: GroupBy = "group",
    workers: Workers = None,
) -> None:
    """Measure what a matcher's scores are worth, and write it as a file that a policy names.

    Every two pictures of different people are compared. What a score achieves is measured on two people of
    one group, in the group of 20 people or more where it is worst. The file holds rates, counts and hashes:
    no face, no embedding, no name.

    Example: python -m benchmarks calibrate --root faces --pairs faces/pairs.csv --out own.json
    """
    must_be_writable(out)
    lists = read_lists(pairs, root, grouping(group_by, pairs))
    rules = shipped_policy()
    built = bench([matcher or own()], rules, face, workers)
    made = calibration_of(lists, root, built)
    about = stamp(rules, built.networks).model_dump(mode="json")
    made["networks"] = [
        {key: one[key] for key in ("role", "name", "sha256")}
        for one in about["networks"]
        if one["role"] != "matcher" or one["name"] == made["matcher"]["name"]
    ]
    made["made"] = {key: about[key] for key in ("date_utc", "commit", "libraries", "cpu")}
    text = json.dumps(made, indent=2, allow_nan=False) + "\n"
    parse(text.encode(), out.name)  # CalibrationError: no lane would take it
    write(text, out)
    if out != STDOUT:
        show_figures(console(), figures(made))


@dataclass(frozen=True, slots=True)
class Listed:
    """One list of pairs; where there are several, its groups carry its name."""

    path: Path
    pairs: tuple[Pair, ...]


def read_lists(paths: Sequence[Path], root: Path, group_by: Sequence[str]) -> tuple[Listed, ...]:
    """BenchmarkError for a list that cannot be used, or for two of one name."""
    if len({path.stem for path in paths}) < len(paths):
        raise BenchmarkError("two lists of one name: their groups could not be kept apart")
    lists = []
    for path in paths:
        pairs = read_pairs(path, root, group_by)
        if len(paths) > 1:
            pairs = tuple(replace(pair, group=_kept_apart(path.stem, pair.group)) for pair in pairs)
        lists.append(Listed(path, pairs))
    return tuple(lists)


def _kept_apart(name: str, group: str) -> str:
    return name if group == ALL else f"{name}/{group}"


def calibration_of(lists: Sequence[Listed], root: Path, bench: Bench) -> dict[str, Any]:
    """Groups, data and points of the bench's only matcher, as JSON values.

    BenchmarkError where no group has people enough, or who is who is in doubt.
    """
    (matcher,) = bench.matchers
    pairs = [pair for one in lists for pair in one.pairs]
    who = identify(pairs)
    who.must_tell()
    acquired = acquire(pictures(pairs), root, bench.workers)[matcher.name]
    every = outcomes(pairs, Trial(who, acquired, matcher.metric, Chosen("all", thresholds=GRID)))
    return {
        "format": FORMAT,
        "matcher": {**asdict(matcher.identity), "arithmetic": matcher.arithmetic},
        "data": [_data(one, root, acquired) for one in lists],
        "impostors": "fmr: every two people of the data; worst_fmr: every two of one group",
        "confidence": CONFIDENCE,
        "groups": {name: _counts(group) for name, group in named(every).items()},
        "points": points(every[ALL], named(every)),
    }


def points(everybody: Outcome, groups: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """Ascending by score: from where nearly all strangers score, to where none is left."""
    large = {name: one for name, one in groups.items() if one.people >= ENOUGH_PEOPLE and one.impostors.n}
    if not large:
        raise BenchmarkError(f"no group has {ENOUGH_PEOPLE} people and pairs of strangers among them")
    scores = _range(everybody)
    overall = _fmr(everybody, scores)
    worst = _worst({name: _fmr(one, scores) for name, one in large.items()})
    missed = _wider([everybody.fnmr(t) for t in scores], everybody.fnmr_by_people(scores))
    return [
        {
            "score": score,
            "fmr": significant(everyone.rate),
            "fmr_high": significant(everyone.high),
            "worst_group": name,
            "worst_fmr": significant(found.rate),
            "worst_fmr_low": significant(found.low),
            "worst_fmr_high": significant(found.high),
            "fnmr": significant(below.rate),
            "fnmr_low": significant(below.low),
            "fnmr_high": significant(below.high),
            "genuine_share_below": significant(below.rate),
        }
        for score, everyone, (name, found), below in zip(scores, overall, worst, missed, strict=True)
    ]


def wanted(found: Sequence[Mapping[str, Any]]) -> dict[float, Mapping[str, Any] | None]:
    """By FMR in the worst group, the lowest point from which on it is kept; None where none is."""
    result: dict[float, Mapping[str, Any] | None] = {}
    for target in WANTED:
        failing = [place for place, point in enumerate(found) if point["worst_fmr"] > target]
        first = failing[-1] + 1 if failing else 0
        result[target] = found[first] if first < len(found) else None
    return result


def figures(calibration: Mapping[str, Any]) -> Iterator[Figure]:
    """The groups behind it, and the point for each wanted FMR in the worst group."""
    for name, numbers in calibration["groups"].items():
        yield from counts(("groups", name), numbers)
    for target, point in wanted(calibration["points"]).items():
        row = ("FMR in the worst group", f"{target:g}")
        if point is None:
            yield Figure(name=row, value=NotAvailable(not_available="not kept by any score"))
            continue
        yield Figure(name=(*row, "threshold"), value=point["score"], note=f"worst: {point['worst_group']}")
        yield Figure(name=(*row, "FMR"), value=point["fmr"], unit=SHARE)
        for name, kind in (("FMR of the worst", "worst_fmr"), ("FNMR", "fnmr")):
            interval = (point[f"{kind}_low"], point[f"{kind}_high"])
            yield Figure(name=(*row, name), value=point[kind], unit=SHARE, interval=interval)


def _range(everybody: Outcome) -> list[float]:
    """The part of the grid that says something. BenchmarkError without genuine pairs."""
    if not len(everybody.genuine.scores):
        raise BenchmarkError("no genuine pair could be compared: who is turned away cannot be known")
    n = everybody.impostors.n
    reaching = [everybody.impostors.reaching(score) for score in GRID]
    first = max(place for place, errors in enumerate(reaching) if errors >= NEARLY_ALL * n or place == 0)
    last = next((place for place, errors in enumerate(reaching) if errors == 0), len(GRID) - 1)
    coarse = round(COARSE_STEP / STEP)
    return [
        GRID[place]
        for place in range(first, last + 1)
        if place == first or place % coarse == 0 or reaching[place] <= RARE * n
    ]


def _fmr(outcome: Outcome, scores: Sequence[float]) -> list[Rate]:
    return _wider([outcome.fmr(score) for score in scores], outcome.fmr_by_people(scores))


def _wider(exact: Sequence[Rate], by_people: Sequence[Interval]) -> list[Rate]:
    """The rates, each with an interval that holds both."""
    result = []
    for one, interval in zip(exact, by_people, strict=True):
        low, high = interval or (one.low, one.high)
        result.append(replace(one, low=min(one.low, low), high=max(one.high, high)))
    return result


def _worst(by_group: Mapping[str, Sequence[Rate]]) -> list[tuple[str, Rate]]:
    """At each score the worst group, with its own interval: a smaller group may have a wider one.

    The highest rate never rises with the score.
    """
    at_each = zip(*by_group.values(), strict=True)
    return [worst_of(dict(zip(by_group, rates, strict=True))) for rates in at_each]


def _counts(outcome: Outcome) -> dict[str, int]:
    return {
        "people": outcome.people,
        "genuine": len(outcome.genuine.scores),
        "impostors": outcome.impostors.n,
    }


def _data(listed: Listed, root: Path, acquired: Acquired) -> dict[str, Any]:
    """Which pictures: a hash over the names and the contents of all, sorted by name."""
    names = sorted(pictures(listed.pairs))
    return {
        "pairs": listed.path.name,
        "pairs_sha256": sha256_of(listed.path),
        "pictures": len(names),
        "pictures_sha256": sha256_of_all(names, root),
        "failures_to_acquire": sum(name in acquired.failures for name in names),
    }
