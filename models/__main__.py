"""The networks' command line: make the files ready, and say what is there."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models import catalogue, weights
from models.catalogue import NetworkSpec
from models.errors import ModelError

app = typer.Typer(
    help="Make the face networks ready and say what is there.\n\n"
    "The networks come inside installed Python packages; nothing is downloaded. `prepare` turns them, once, "
    "into plain files that run, in the folder PASSENGER_LANE_CACHE or the user's cache. Every file is known "
    "by its SHA-256, before and after; a changed one is refused.",
    epilog="Start here: python -m models prepare",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


@app.command()
def prepare(
    again: Annotated[bool, typer.Option("--again", help="Make files anew that are there already.")] = False,
) -> None:
    """Make every network's file ready; a second run only checks hashes."""
    cache = weights.cache_dir()
    done = weights.prepare(
        catalogue.load(), cache, again=again, starting=lambda spec: err.print(f"Preparing {spec.name}")
    )
    for prepared in done:
        how = "made" if prepared.made_now else "ready"
        out.print(f"{how}  {prepared.spec.role:<8}  {prepared.path}", markup=False)


@app.command("list")
def list_networks(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show which networks exist, under which licence, and whether they are ready."""
    rows = [_row(spec) for spec in catalogue.load().networks]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(
        "role", "network", "licence", "state", "SHA-256 of the prepared file", box=None, pad_edge=False
    )
    for row in rows:
        table.add_row(row["role"], row["name"], row["licence"], row["state"], row["sha256"][:16] + "…")
    out.print(table)
    if any(row["state"] != "ready" for row in rows):
        err.print("Not everything is ready: python -m models prepare")


def _row(spec: NetworkSpec) -> dict[str, str]:
    cache = weights.cache_dir()
    return {
        "role": spec.role,
        "name": spec.name,
        "licence": spec.licence,
        "permitted_use": spec.permitted_use,
        "origin": spec.origin,
        "package": f"{spec.source.package}=={spec.source.version}",
        "sha256": spec.sha256,
        "file": str(weights.prepared_path(spec, cache)),
        "state": weights.state(spec, cache),
    }


def main() -> None:
    """Run a command; an error is one clear line on stderr and exit code 2, Ctrl-C is exit code 130."""
    try:
        app()
    except (ModelError, OSError) as error:
        err.print(f"error: {error}", markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
