from pathlib import Path
from typing import Annotated

import typer

from benchmarks.accuracy.template_recipes import compare
from benchmarks.acquisition.pairs import grouping, read_pairs
from benchmarks.harness.measurer import shipped_policy
from benchmarks.harness.options import GroupBy, Json, Root, Which, Workers
from benchmarks.harness.output import deliver
from benchmarks.harness.result import Result
from benchmarks.harness.stamp import sha256_of, stamp
from models.runtime.threads import available_cores


def ingredients(
    root: Root,
    pairs: Annotated[Path, typer.Option(help="CSV as for `accuracy`, with groups.")],
    json_out: Json = None,
    face: Which = "prominent",
    group_by: GroupBy = "group",
    workers: Workers = None,
) -> None:
    """Measure what each ingredient of a template is worth, and what it costs.

    The same pictures by several recipes: landmarks of the first look, of the close-up, of the mesh; one crop,
    its mirror image, both sources. Errors are reported where the worst group has FMR 1e-3, with milliseconds.

    Example: python -m benchmarks ingredients --root faces --pairs faces/pairs.csv --json result.json
    """
    rules = shipped_policy()
    listed = read_pairs(pairs, root, grouping(group_by, [pairs]))
    figures, built = compare(listed, root, rules, face=face, threads=workers or available_cores())
    about = stamp(rules, built)
    data = {"pairs_sha256": sha256_of(pairs), "face": face, "group_by": group_by}
    result = Result(
        benchmark="ingredients",
        stamp=about,
        conditions={**about.same_lane, **data},
        settings={"pairs": pairs.name},
        figures=tuple(figures),
        meaning={"ms": "beyond the detector's first look", "FMR 1e-3": "that of the worst group"},
    )
    deliver(result, json_out)
