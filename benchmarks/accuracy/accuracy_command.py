from pathlib import Path, PurePath
from typing import Annotated, Literal

import typer

from benchmarks.accuracy.measure import THRESHOLDS, Chosen, measure
from benchmarks.accuracy.score_plots import draw
from benchmarks.acquisition.acquire import EncodePath, encode_picture
from benchmarks.acquisition.matchers import bench
from benchmarks.acquisition.pairs import ALL, Pair, grouping, groups, read_pairs
from benchmarks.acquisition.sequences import compared, encode_as_capture, read_sequences
from benchmarks.harness.measurer import shipped_policy
from benchmarks.harness.options import (
    FrameInterval,
    GroupBy,
    Json,
    Matchers,
    Root,
    Which,
    Workers,
    similarities,
)
from benchmarks.harness.output import deliver, say
from benchmarks.harness.result import Result, not_available
from benchmarks.harness.stamp import sha256_of, stamp
from models.runtime.threads import available_cores


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
        Literal["listed", "within-group", "all"],
        typer.Option(
            help="Which impostor pairs are compared: the listed ones; each two pictures of different people "
            "of one group; each two of the whole list. File names, or columns identity_a,identity_b, must "
            "say who is who."
        ),
    ] = "listed",
    genuine: Annotated[
        Literal["listed", "all"],
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
    built = bench(_names(matcher), rules, face, workers or available_cores())
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
    deliver(result, json_out, lambda: draw(measured))


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


def _names(given: list[str] | None) -> list[str]:
    return [name for one in given or () for name in one.split(",") if name]
