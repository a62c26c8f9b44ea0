"""How often the lane's own measuring confuses people or does not know them again, on listed pairs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path, PurePath
from typing import Annotated, Literal

import numpy as np
import typer

from benchmarks.accuracy import error_rates, scores
from benchmarks.accuracy.error_rates import Outcome, draw_people
from benchmarks.accuracy.score_plots import det, histogram
from benchmarks.acquisition import lists
from benchmarks.acquisition.acquire import Acquired, EncodePath, acquire, encode_as_capture, encode_picture
from benchmarks.acquisition.identities import Identities, People, identify
from benchmarks.acquisition.lists import (
    ALL,
    Pair,
    compared,
    grouping,
    groups,
    read_pairs,
    read_sequences,
)
from benchmarks.acquisition.matchers import Bench, MatcherUnderTest, bench
from benchmarks.harness.command_line import (
    FrameInterval,
    GroupBy,
    Json,
    Matchers,
    Root,
    Which,
    Workers,
    deliver,
    say,
    similarities,
)
from benchmarks.harness.measurer import shipped_policy
from benchmarks.harness.plots import Drawing
from benchmarks.harness.result import Figure, Result, counts, not_available
from benchmarks.harness.stamp import sha256_of, stamp
from models.values.identity import Metric

THRESHOLDS = tuple(round(0.30 + 0.02 * step, 2) for step in range(16))

Strangers = Literal["listed", "within-group", "all"]
"""Which pairs of strangers are compared: the listed ones, each two pictures of different people of one group,
or each two of the whole list."""
Genuine = Literal["listed", "all"]
"""Which genuine pairs: the listed ones, or each two pictures of one person. Lists leave out wrong labels."""


def accuracy(
    root: Root,
    pairs: Annotated[
        Path | None, typer.Option(help="CSV with the columns a,b,same (1 or 0), and groups if any.")
    ] = None,
    sequences: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns sequence,subject, and session, kind or groups if any: each folder of "
            "frames is one live capture, scored as in a lane. Of one person, captures in two sessions are "
            "compared; of two people, all."
        ),
    ] = None,
    json_out: Json = None,
    impostors: Annotated[
        Strangers,
        typer.Option(
            help="Which impostor pairs are compared: the listed ones; each two pictures of different people "
            "of one group; each two of the whole list. File names, or columns identity_a,identity_b, must "
            "say who is who."
        ),
    ] = "listed",
    genuine: Annotated[
        Genuine,
        typer.Option(help="Which genuine pairs: the listed ones, or each two pictures of one person."),
    ] = "listed",
    pictures: Annotated[
        str | None,
        typer.Option(
            metavar="GLOB",
            help="Pictures under root that no pair lists, such as `lfw/*/*.jpg`; wants --impostors all.",
        ),
    ] = None,
    matcher: Matchers = None,
    face: Which = "prominent",
    group_by: GroupBy = "group",
    thresholds: Annotated[
        str | None, typer.Option(help="Similarities to report, such as 0.4,0.5; else 0.30 to 0.60.")
    ] = None,
    frame_interval: FrameInterval = 0.2,
    workers: Workers = None,
) -> None:
    """Measure how often impostor pairs match (FMR) and genuine pairs do not (FNMR), with 95 % intervals.

    Pictures without a face are failures to acquire: counted by cause, never dropped. So are captures without
    enough good frames.

    Beside OUT, the DET curves and the histograms of scores are drawn as SVG.

    Example: python -m benchmarks accuracy --root faces --pairs faces/pairs.csv --json result.json
    """
    wanted = similarities(thresholds) if thresholds else THRESHOLDS
    data, listed, take = _listed(pairs, sequences, root, group_by, frame_interval)
    more = _more(pictures, root, impostors)
    if impostors == "within-group" and groups(listed) == (ALL,):
        say("the list names no groups: every two of all its people are compared")
    rules = shipped_policy()
    names = [name for one in matcher or () for name in one.split(",") if name]
    built = bench(names, rules, face, workers)
    for name, why in built.skipped.items():
        say(f"{name} is skipped: {why}")
    measured = list(measure(listed, root, built, Chosen(impostors, genuine, more, wanted), take))
    result = Result(
        benchmark="accuracy",
        stamp=stamp(rules, built.networks),
        conditions={
            "pairs_sha256": sha256_of(data),
            "face": face,
            "group_by": group_by,
            "impostors": impostors,
            "genuine": genuine,
            "pictures": pictures,
            "captures": pairs is None,
        },
        settings={
            "pairs": data.name,
            "matchers": {one.matcher.name: one.matcher.description for one in measured},
        },
        figures=(*(figure for one in measured for figure in one.figures), *not_available(built.skipped)),
    )
    deliver(result, json_out, lambda: drawings(measured))


def _listed(
    pairs: Path | None, sequences: Path | None, root: Path, group_by: str, interval_s: float
) -> tuple[Path, tuple[Pair, ...], EncodePath]:
    """The list that was given, what it compares, and how each of its paths is taken."""
    if pairs is not None and sequences is None:
        return pairs, read_pairs(pairs, root, grouping(group_by, [pairs])), encode_picture
    if sequences is not None and pairs is None:
        listed = compared(read_sequences(sequences, root, grouping(group_by, [sequences])))
        return sequences, listed, encode_as_capture(interval_s)
    raise typer.BadParameter("wanted is one of --pairs and --sequences", param_hint="--pairs")


def _more(pattern: str | None, root: Path, impostors: str) -> tuple[str, ...]:
    if pattern is None:
        return ()
    if impostors != "all":
        raise typer.BadParameter("pictures of no group want --impostors all", param_hint="--pictures")
    if not pattern or PurePath(pattern).is_absolute() or ".." in PurePath(pattern).parts:
        raise typer.BadParameter("wanted is a pattern below the root", param_hint="--pictures")
    found = sorted(path.relative_to(root).as_posix() for path in root.glob(pattern) if path.is_file())
    if not found:
        raise typer.BadParameter(f"no picture {pattern} under {root}", param_hint="--pictures")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which pairs are compared, beside or instead of the listed ones, and at which thresholds."""

    strangers: Strangers = "listed"
    genuine: Genuine = "listed"
    more: tuple[str, ...] = ()
    """Pictures that no pair lists, for pairs that are formed."""
    thresholds: tuple[float, ...] = THRESHOLDS


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
        names = tuple(dict.fromkeys((*lists.pictures(listed), *more)))
        genuine, genuine_missed = self._scored(self._genuine(listed, names))
        if self.chosen.strangers == "listed":
            some, missed = self._scored([pair for pair in listed if not pair.same])
            impostors = scores.listed_impostors(some)
        else:
            impostors, missed = self._formed(names)
        present = np.unique(self.who.people(names))
        weights = draw_people(present, len(self.who))
        failures = sum(name not in self.acquired.vectors for name in names)
        return Outcome(genuine, impostors, genuine_missed, missed, len(present), failures, weights)

    def _genuine(self, listed: Sequence[Pair], names: Sequence[str]) -> list[Pair]:
        if self.chosen.genuine == "listed":
            return [pair for pair in listed if pair.same]
        of_person: dict[int, list[str]] = {}
        for name in names:
            of_person.setdefault(self.who.number[name], []).append(name)
        return [Pair(a, b, same=True) for every in of_person.values() for a, b in combinations(every, 2)]

    def _scored(self, pairs: Sequence[Pair]) -> tuple[scores.Scored, int]:
        """The scores of these pairs, and how many pairs lack an embedding."""
        vectors = self.acquired.vectors
        there = [pair for pair in pairs if pair.a in vectors and pair.b in vectors]
        if not there:
            return scores.Scored.none(), len(pairs)
        one, other = [pair.a for pair in there], [pair.b for pair in there]
        found = scores.paired(self._stacked(one), self._stacked(other), self.metric)
        return scores.Scored(found, self.who.people(one), self.who.people(other)), len(pairs) - len(there)

    def _formed(self, names: Sequence[str]) -> tuple[scores.Impostors, int]:
        """Each two of these pictures of different people, and how many such pairs lack an embedding."""
        there = [name for name in names if name in self.acquired.vectors]
        vectors = [self.acquired.vectors[name] for name in there]
        gallery = scores.Gallery.stack(vectors, self.who.people(there), self.metric)
        impostors = scores.all_impostors(gallery, len(self.who), self.chosen.thresholds)
        _, each = np.unique(self.who.people(names), return_counts=True)
        possible = int((each.sum() ** 2 - (each**2).sum()) // 2)
        return impostors, possible - impostors.n

    def with_listed_genuine(self, formed: Outcome, pairs: Sequence[Pair]) -> Outcome:
        """The same strangers, with the genuine pairs of the list alone."""
        genuine, missed = self._scored([pair for pair in pairs if pair.same])
        return replace(formed, genuine=genuine, genuine_missed=missed)

    def _stacked(self, names: Sequence[str]) -> scores.Vectors:
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
        own = () if one.threshold is None else (one.threshold,)
        at = replace(chosen, thresholds=(*chosen.thresholds, *own))
        trial = Trial(who, acquired[one.name], one.metric, at)
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
        joint = _joined(list(by_group.values()), trial.who.people(lists.pictures(pairs)))
        everybody = replace(joint, failures=len(trial.acquired.failures))
    return {**by_group, ALL: everybody}


def named(every: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Only the groups, where the list has any."""
    return {name: one for name, one in every.items() if name != ALL} or dict(every)


def _joined(every: Sequence[Outcome], people: People) -> Outcome:
    """All groups together; a pair that stands in two groups counts in both."""
    present = np.unique(people)
    weights = [one.weights for one in every if one.weights is not None]
    return Outcome(
        scores.Scored.joined(one.genuine for one in every),
        scores.joined([one.impostors for one in every]),
        sum(one.genuine_missed for one in every),
        sum(one.impostors_missed for one in every),
        len(present),
        weights=draw_people(present, len(weights[0])),
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


def drawings(measured: Sequence[Measured]) -> dict[str, Drawing]:
    """For each matcher its groups' DET and its scores; of several matchers everybody's DET, too, in one."""
    figures = {}
    for one in measured:
        name, threshold = one.matcher.name, one.matcher.threshold
        figures[f"{name}-det"] = det(one.outcomes, f"{name}: DET by group", threshold)
        figures[f"{name}-scores"] = histogram(one.outcomes[ALL], f"{name}: scores", threshold)
    if len(measured) > 1:
        together = {one.matcher.name: one.outcomes[ALL] for one in measured}
        thresholds = {one.matcher.name: one.matcher.threshold for one in measured}
        figures["det"] = det(together, "DET by matcher", thresholds)
    return figures
