"""`ingredients`: what each ingredient of a template is worth."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.harness import result_file
from benchmarks.harness.options import GroupBy, Json, Root, Which, Workers
from benchmarks.harness.output import tell


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
    its mirror image, both sources. Errors are told where the worst group has FMR 1e-3, with milliseconds.

    Example: python -m benchmarks ingredients --root faces --pairs faces/pairs.csv --json result.json
    """
    from benchmarks.accuracy.template_recipes import compare  # noqa: PLC0415  --help loads no network's library
    from benchmarks.acquisition.pairs import grouping, read_pairs  # noqa: PLC0415
    from benchmarks.harness.measurer import policy  # noqa: PLC0415
    from benchmarks.harness.stamp import sha256_of, stamp  # noqa: PLC0415
    from benchmarks.report.tables import show_ingredients  # noqa: PLC0415
    from models.runtime.threads import available_cores  # noqa: PLC0415

    result_file.must_be_writable(json_out)
    rules = policy()
    listed = read_pairs(pairs, root, grouping(group_by, [pairs]))
    told, built = compare(listed, root, rules, face=face, threads=workers or available_cores())
    how = {"pairs": pairs.name, "pairs_sha256": sha256_of(pairs), "face": face, "group_by": group_by}
    tell(
        {"benchmark": "ingredients", "stamp": {**stamp(rules, built), **how}, "recipes": told},
        json_out,
        show_ingredients,
    )
