import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.harness.options import Json
from benchmarks.harness.output import console, write_drawings
from benchmarks.harness.result_file import STDOUT, printable, read, write
from benchmarks.harness.tables import shown, words
from benchmarks.report import comparison_plots
from benchmarks.report.comparison import Comparison, Stored, as_json
from benchmarks.report.comparison import compare as hold_against


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
    made = hold_against([Stored(printable(path.stem), read(path)) for path in result])
    values = as_json(made)
    if json_out is not None and json_out != STDOUT:
        values["drawings"] = write_drawings(json_out, lambda: comparison_plots.draw(made))
    if json_out is not None:
        write(json.dumps(values, indent=2, allow_nan=False) + "\n", json_out)
    if json_out != STDOUT:
        _show(console(), made)


def _show(out: Console, made: Comparison) -> None:
    differing = Table("differs", box=None, pad_edge=False)
    for name in made.names:
        differing.add_column(Text(name))
    for what, each in made.differences.items():
        differing.add_row(*map(Text, (words(what), *each)))
    out.print(differing if made.differences else "Nothing differs between their stamps.")
    out.print()
    table = Table(made.benchmark, box=None, pad_edge=False)
    for place, name in enumerate(made.names):
        table.add_column(Text(name), justify="right")
        if place:
            table.add_column("times better", justify="right")
    for row in made.rows:
        cells = []
        for place, (value, ratio) in enumerate(zip(row.values, row.ratios(), strict=True)):
            cells.append("-" if value is None else shown(value, row.unit))
            cells += [] if not place else ["-" if ratio is None else f"{ratio:.2f}"]
        table.add_row(Text(" ".join(row.name)), *map(Text, cells))
    out.print(table)
