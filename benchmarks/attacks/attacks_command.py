"""`attacks`: how many prints liveness cues accept."""

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.harness import result_file
from benchmarks.harness.options import Json, Root
from benchmarks.harness.output import tell


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
    frame_interval: Annotated[
        float, typer.Option(min=0.001, help="Seconds between two frames of a sequence.")
    ] = 0.2,
) -> None:
    """Measure how many attacks liveness cues accept (APCER, by species) at 2 % of live people rejected.

    Nobody is scored by weights that were fitted on them: each person in turn is left out. Beside OUT, the DET
    curve of each species is drawn as SVG.

    Example: python -m benchmarks attacks --root DATA --sequences DATA/nuaa_sequences.csv --json attacks.json
    """
    from benchmarks.attacks import measure  # noqa: PLC0415  --help loads no network's library
    from benchmarks.harness.measurer import measurer, policy  # noqa: PLC0415
    from benchmarks.harness.stamp import stamp  # noqa: PLC0415
    from benchmarks.report.tables import show_attacks  # noqa: PLC0415

    for out in (json_out, fit):
        result_file.must_be_writable(out)
    rules = policy()
    listed = measure.read_attacks(sequences, root)
    measuring = measurer(rules, threads=1)
    data = measure.data_of(sequences, root, listed)
    stamped = {**stamp(rules, measuring.networks, threads=1), **data}
    found = measure.runs(listed, root, measuring, frame_interval)
    scores = measure.by_others(found)
    result: dict[str, Any] = {"benchmark": "attacks", "stamp": stamped}
    result |= measure.report(found, scores)
    result["streams"] = measure.streams(listed, root, rules.stream, frame_interval)
    if json_out is not None and json_out != result_file.STDOUT:
        result["drawings"] = measure.draw(json_out, found, scores)
    if fit is not None:
        made = {key: stamped[key] for key in ("date_utc", "commit", "libraries")}
        result_file.write(measure.as_file(measure.fit(found), data, made), fit)
    tell(result, json_out, show_attacks)
