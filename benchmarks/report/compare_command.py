"""`compare`: results of several machines side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.harness import result_file
from benchmarks.harness.options import Json
from benchmarks.harness.output import console
from benchmarks.report.stored_result import plain, read

if TYPE_CHECKING:
    from benchmarks.report.comparison import Comparison


def compare(
    result: Annotated[
        list[Path],
        typer.Argument(metavar="A.json B.json …", help="Results of one benchmark, compared with the first."),
    ],
    json_out: Json = None,
) -> None:
    """Hold results of several machines against each other: what differs between them, then every figure.

    Beside each figure stands how many times better it is than the first result's. What was measured must be
    the same (frames, policy, weights, threads and what else the benchmark was asked for), or nothing is
    compared, and the error names it. Machine, code, libraries and provider may differ: that is said first.

    Beside OUT the figures are drawn as SVG.

    Example: python -m benchmarks compare small-box.json large-box.json --json compared.json
    """
    from benchmarks.report.comparison import as_json, compare  # noqa: PLC0415  --help loads no network's library
    from benchmarks.report.comparison_plots import write_beside  # noqa: PLC0415

    result_file.must_be_writable(json_out)
    made = compare([read(path) for path in result])
    told = as_json(made)
    if json_out is not None and json_out != result_file.STDOUT:
        told["drawings"] = write_beside(json_out, made)
    if json_out is not None:
        result_file.write(told, json_out)
    if json_out != result_file.STDOUT:
        _show(console(), made)


def _show(out: Console, made: "Comparison") -> None:
    from benchmarks.report.charts import shown  # noqa: PLC0415  --help loads no network's library

    differing = Table("differs", box=None, pad_edge=False)
    for name in made.names:
        differing.add_column(_cell(name))
    for what, told in made.differences.items():
        differing.add_row(*map(_cell, (what, *told)))
    out.print(differing if made.differences else "Nothing differs between their stamps.")
    out.print()
    table = Table(made.benchmark, "", box=None, pad_edge=False)
    for place, name in enumerate(made.names):
        table.add_column(_cell(name), justify="right")
        if place:
            table.add_column("times better", justify="right")
    for row in made.rows:
        cells = []
        for place, (value, ratio) in enumerate(zip(row.values, row.ratios(), strict=True)):
            cells.append("-" if value is None else shown(value, ""))
            cells += [] if not place else ["-" if ratio is None else f"{ratio:.2f}"]
        table.add_row(_cell(" ".join(row.name)), row.unit, *cells)
    out.print(table)


def _cell(told: str) -> Text:
    """What a file says: never markup."""
    return Text(plain(told))
