from pathlib import Path
from typing import Annotated

import typer

from benchmarks.accuracy.stopping_rules import FAST, measure, work
from benchmarks.acquisition.matchers import bench, own
from benchmarks.acquisition.pairs import grouping, read_pairs
from benchmarks.acquisition.sequences import read_sequences
from benchmarks.harness.drawn_frames import holder
from benchmarks.harness.measurer import build_measurer, shipped_policy
from benchmarks.harness.options import FrameInterval, Json, Root, Workers, similarities
from benchmarks.harness.output import deliver
from benchmarks.harness.result import Result
from benchmarks.harness.stamp import sha256_of, stamp
from models.runtime.threads import available_cores


def decision(
    root: Root,
    sequences: Annotated[Path, typer.Option(help="CSV as for `accuracy --sequences`.")],
    strangers: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV as for `accuracy --pairs`, of people who are on no sequence; may be repeated."
        ),
    ] = None,
    json_out: Json = None,
    thresholds: Annotated[
        str, typer.Option(help="Similarities at which rules are compared, beside the policy's own.")
    ] = "0.3,0.35,0.55,0.62",
    frame_interval: FrameInterval = 0.2,
    captures: Annotated[int, typer.Option(min=1, help="Captures whose work is timed frame by frame.")] = 60,
    workers: Workers = None,
) -> None:
    """Measure when a lane stops looking: frames and time to decision against error, beside fixed numbers.

    Each sequence is taken from several beginnings on. Rules see the same frames and scores: the lane's, fixed
    numbers of frames, and the first score that admits, which is no rule for a lane. Few strangers score as
    high as the policy's threshold, so lower ones are reported beside it, and higher ones for holders. Then
    the work on each frame at 30 a second, on one thread.

    Example: python -m benchmarks decision --root DATA --sequences nuaa.csv --strangers pairs.csv --json -
    """
    rules, lists = shipped_policy(), strangers or []
    own_networks = build_measurer(rules, threads=1)
    timed = list(work(own_networks, rules, holder(own_networks), captures))
    figures = measure(
        read_sequences(sequences, root, grouping("group", [sequences])),
        [pair for one in lists for pair in read_pairs(one, root, grouping("group", [one]))],
        root,
        bench([own()], rules, "prominent", workers or available_cores()),
        rules,
        own_networks,
        interval_s=frame_interval,
        thresholds=similarities(thresholds),
    )
    about = stamp(rules, own_networks.networks, threads=1)
    result = Result(
        benchmark="decision",
        stamp=about,
        conditions={
            **about.same_lane,
            "data_sha256": {one.name: sha256_of(one) for one in (sequences, *lists)},
            "frame_interval_s": frame_interval,
            "frames_per_second": FAST,
        },
        settings={"capture": rules.capture.model_dump(mode="json"), "captures": captures},
        figures=(*timed, *figures),
    )
    deliver(result, json_out)
