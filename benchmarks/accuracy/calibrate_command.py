"""`calibrate`: what a score is worth, as a file."""

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.harness import result_file
from benchmarks.harness.options import GroupBy, Root, Which, Workers
from benchmarks.harness.output import tell_unstamped


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

    Every two pictures of different people are compared. What a score achieves is told by two people of one
    group, in the group of 20 people or more where it is worst. The file holds rates, counts and hashes: no
    face, no embedding, no name.

    Example: python -m benchmarks calibrate --root faces --pairs faces/pairs.csv --out own.json
    """
    from benchmarks.accuracy import calibration  # noqa: PLC0415  --help loads no network's library
    from benchmarks.acquisition.matchers import bench, own  # noqa: PLC0415
    from benchmarks.acquisition.pairs import grouping  # noqa: PLC0415
    from benchmarks.harness.measurer import policy  # noqa: PLC0415
    from benchmarks.harness.stamp import networks, stamp  # noqa: PLC0415
    from benchmarks.report.tables import show_calibration  # noqa: PLC0415
    from lane.decision.calibration import parse  # noqa: PLC0415
    from models.runtime.threads import available_cores  # noqa: PLC0415

    result_file.must_be_writable(out)
    lists = calibration.read_lists(pairs, root, grouping(group_by, pairs))
    rules = policy()
    built = bench([matcher or own()], rules, face, workers or available_cores())
    told = calibration.calibrate(lists, root, built)
    stamped = stamp(rules)
    told["networks"] = [
        {key: one[key] for key in ("role", "name", "sha256")}
        for one in networks(built.networks)
        if one["role"] != "matcher" or one["name"] == told["matcher"]["name"]
    ]
    told["made"] = {key: stamped[key] for key in ("date_utc", "commit", "libraries", "cpu")}
    parse(json.dumps(told, allow_nan=False).encode(), out.name)  # CalibrationError: no lane would take it
    tell_unstamped(
        told, out, lambda console, made: show_calibration(console, made, calibration.wanted(made["points"]))
    )
