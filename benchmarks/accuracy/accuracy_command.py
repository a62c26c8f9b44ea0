"""`accuracy`: who is confused with whom."""

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from benchmarks.harness import result_file
from benchmarks.harness.options import GroupBy, Json, Matchers, Root, Which, Workers, similarities
from benchmarks.harness.output import say, tell

if TYPE_CHECKING:
    from benchmarks.acquisition.acquire import Take
    from benchmarks.acquisition.pairs import Pair


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
            help="Which strangers are compared: the listed pairs; each two pictures of different people of "
            "one group; each two of the whole list. File names, or columns identity_a,identity_b, must tell "
            "who is who."
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
    frame_interval: Annotated[
        float, typer.Option(min=0.001, help="Seconds between two frames of a sequence.")
    ] = 0.2,
    workers: Workers = None,
) -> None:
    """Measure how often strangers match (FMR) and holders do not (FNMR), with 95 % intervals.

    Pictures without a face are failures to acquire: counted by cause, never dropped. So are captures without
    enough good frames.

    Beside OUT, the DET curves and the histograms of scores are drawn as SVG.

    Example: python -m benchmarks accuracy --root faces --pairs faces/pairs.csv --json result.json
    """
    from benchmarks.accuracy.measure import THRESHOLDS, Asked, measure  # noqa: PLC0415  --help loads no network's library
    from benchmarks.accuracy.score_plots import draw  # noqa: PLC0415
    from benchmarks.acquisition.matchers import bench  # noqa: PLC0415
    from benchmarks.harness.measurer import policy  # noqa: PLC0415
    from benchmarks.harness.stamp import sha256_of, stamp  # noqa: PLC0415
    from benchmarks.report.tables import show_accuracy  # noqa: PLC0415
    from models.runtime.threads import available_cores  # noqa: PLC0415

    result_file.must_be_writable(json_out)
    wanted = similarities(thresholds) if thresholds else THRESHOLDS
    data, listed, take = _listed(pairs, sequences, root, group_by, frame_interval)
    more = _more(pictures, root, impostors)
    _say_groupless(listed, impostors)
    rules = policy()
    built = bench(_names(matcher), rules, face, workers or available_cores())
    _say_skipped(built.skipped)
    asked = Asked(impostors, genuine, more, wanted)
    told, scored = measure(listed, root, built, asked, take)
    how = {"pairs": data.name, "pairs_sha256": sha256_of(data), "face": face, "group_by": group_by}
    chosen = {"impostors": impostors, "genuine": genuine, "pictures": pictures, "captures": pairs is None}
    stamped = {**stamp(rules, built.networks), **how, **chosen}
    result: dict[str, Any] = {"benchmark": "accuracy", "stamp": stamped, "matchers": told}
    result["skipped"] = built.skipped
    if json_out is not None and json_out != result_file.STDOUT:
        result["drawings"] = draw(json_out, scored, {one.name: one.threshold for one in built.subjects})
    tell(result, json_out, show_accuracy)


def _listed(
    pairs: Path | None, sequences: Path | None, root: Path, group_by: str, interval_s: float
) -> "tuple[Path, tuple[Pair, ...], Take]":
    """The list that was given, what it compares, and how each of its paths is taken."""
    from benchmarks.acquisition.acquire import one_picture  # noqa: PLC0415  --help loads no network's library
    from benchmarks.acquisition.pairs import grouping, read_pairs  # noqa: PLC0415
    from benchmarks.acquisition.sequences import compared, read_sequences, taken_as_capture  # noqa: PLC0415

    if pairs is not None and sequences is None:
        return pairs, read_pairs(pairs, root, grouping(group_by, [pairs])), one_picture
    if sequences is not None and pairs is None:
        listed = compared(read_sequences(sequences, root, grouping(group_by, [sequences])))
        return sequences, listed, taken_as_capture(interval_s)
    raise typer.BadParameter("wanted is one of --pairs and --sequences", param_hint="--pairs")


def _more(pattern: str | None, root: Path, impostors: str) -> tuple[str, ...]:
    """The pictures of a pattern, relative to the root."""
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


def _say_groupless(listed: "tuple[Pair, ...]", impostors: str) -> None:
    from benchmarks.acquisition.pairs import ALL, groups  # noqa: PLC0415  --help loads no network's library

    if impostors == "within-group" and groups(listed) == (ALL,):
        say("the list names no groups: every two of all its people are compared")


def _say_skipped(skipped: dict[str, str]) -> None:
    for name, why in skipped.items():
        say(f"{name} is skipped: {why}")
