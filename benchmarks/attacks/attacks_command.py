import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.attacks import measure
from benchmarks.harness.measurer import build_measurer, shipped_policy
from benchmarks.harness.options import FrameInterval, Json, Root
from benchmarks.harness.output import deliver
from benchmarks.harness.result import Result
from benchmarks.harness.result_file import must_be_writable, write
from benchmarks.harness.stamp import stamp


def attacks(
    root: Root,
    sequences: Annotated[
        Path,
        typer.Option(
            help="CSV with the columns sequence,subject,kind, and species if any: folders of frames, `live` "
            "or what was held up."
        ),
    ],
    json_out: Json = None,
    fit: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Also fit weights on everybody, and write them to this file."),
    ] = None,
    frame_interval: FrameInterval = 0.2,
) -> None:
    """Measure how many attacks liveness cues accept (APCER, by species) at 2 % of live people rejected.

    Nobody is scored by weights that were fitted on them: each person in turn is left out. Beside OUT, the DET
    curve of each species is drawn as SVG.

    Example: python -m benchmarks attacks --root DATA --sequences DATA/nuaa_sequences.csv --json attacks.json
    """
    must_be_writable(fit)
    rules = shipped_policy()
    listed = measure.read_attacks(sequences, root)
    measuring = build_measurer(rules, threads=1)
    data = measure.data_of(sequences, root, listed)
    about = stamp(rules, measuring.networks, threads=1)
    found = list(measure.runs(listed, root, measuring, frame_interval))
    scores = measure.by_others(found)
    result = Result(
        benchmark="attacks",
        stamp=about,
        conditions={**about.same_lane, **data},
        figures=(
            *measure.figures(found, scores),
            *measure.streams(listed, root, rules.stream, frame_interval),
        ),
    )
    if fit is not None:
        stamped = about.model_dump(mode="json")
        made = {key: stamped[key] for key in ("date_utc", "commit", "libraries")}
        weights = measure.as_file(measure.fit(found), data, made)
        write(json.dumps(weights, indent=2, allow_nan=False) + "\n", fit)
    deliver(result, json_out, lambda: measure.draw(found, scores))
