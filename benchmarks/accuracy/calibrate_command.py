import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.accuracy import calibration
from benchmarks.acquisition.matchers import bench, own
from benchmarks.acquisition.pairs import grouping
from benchmarks.harness.measurer import shipped_policy
from benchmarks.harness.options import GroupBy, Root, Which, Workers
from benchmarks.harness.output import console
from benchmarks.harness.result_file import STDOUT, must_be_writable, write
from benchmarks.harness.stamp import stamp
from benchmarks.harness.tables import show_figures
from lane.decision.calibration import parse
from models.runtime.threads import available_cores


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
    lists = calibration.read_lists(pairs, root, grouping(group_by, pairs))
    rules = shipped_policy()
    built = bench([matcher or own()], rules, face, workers or available_cores())
    made = calibration.calibrate(lists, root, built)
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
        show_figures(console(), calibration.figures(made))
