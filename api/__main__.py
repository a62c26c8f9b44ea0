"""The desk's command line: `python -m api`."""

import json
import re
from typing import Annotated

import typer

from api import logs
from api.app import create_app
from api.commands import lane, officer
from api.commands.options import ConfigOption, DatabaseOption, JsonOption, plain_errors
from api.settings import ENV_PREFIX, Settings, load
from api.store import chain
from api.store.database import opened
from api.store.verify import verify_ledger
from api.workers import serve as run_server
from lane import keys
from lane.errors import LedgerBrokenError
from lane.ledger import Head
from models.ending import with_a_reader

app = typer.Typer(
    help="The officers' desk of Passenger Lane: referrals, decisions, and a ledger that proves them.\n\n"
    "To start: `lane add`, `officer add NAME --role administrator`, then `serve`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ledger_app = typer.Typer(
    help="The ledger: show its head, prove that nothing was changed.", no_args_is_help=True
)
app.add_typer(lane.app, name="lane")
app.add_typer(officer.app, name="officer")
app.add_typer(ledger_app, name="ledger")


@app.command()
def serve(
    database: DatabaseOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen at.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen at; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes answer; 1 unless set.")] = None,
    config: ConfigOption = None,
    exit_with_parent: Annotated[
        bool, typer.Option("--exit-with-parent", help="End when standard input ends.")
    ] = False,
) -> None:
    """Run the desk until Ctrl-C or SIGTERM.

    Prints `desk listening at http://…` once it accepts connections. Settings come from the command line,
    from PASSENGER_LANE_DESK_… in the environment, from --config, in this order.
    """
    with plain_errors():
        settings = load(config, database=database, host=host, port=port, workers=workers)
        logs.configure(settings.log_level, known=settings.secrets)
        run_server(settings, announce=_announce, exit_with_parent=exit_with_parent)


@ledger_app.command("verify")
def ledger_verify(
    database: DatabaseOption = None,
    head: Annotated[
        list[str] | None, typer.Option(help="SEQ:HASH noted elsewhere, e.g. by a lane. Repeatable.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that no entry was changed, removed, moved or cut off, and that the tables say the same.

    Exit status 1: something was, and it says what. Exit status 2: the database cannot be read.
    """
    with plain_errors():
        witnessed = [_head(text) for text in head or ()]
        path = load(config, database=database).database
        try:
            with opened(path) as store:
                found = verify_ledger(store, witnessed)
        except LedgerBrokenError as error:
            _report({"verified": False, "fault": str(error)}, f"NOT verified: {error}", as_json=as_json)
            raise typer.Exit(1) from error
    head_now, set_back = found.head, list(found.set_back)
    told = {"verified": True, "entries": head_now.seq, "head": str(head_now), "clock_set_back": set_back}
    warning = f"\nthe clock was set back before: {', '.join(map(str, set_back))}" if set_back else ""
    _report(told, f"verified: {head_now.seq} entries, head {head_now}{warning}", as_json=as_json)


@ledger_app.command("head")
def ledger_head(database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Print SEQ:HASH of the ledger's end. Keep it elsewhere: `verify --head` then finds any rewriting."""
    with (
        plain_errors(),
        opened(load(config, database=database).database) as store,
        store.read() as session,
    ):
        typer.echo(str(chain.head(session)))


@app.command("settings")
def show_settings(as_json: JsonOption = False) -> None:
    """Print every setting of the desk: its default, its variable in the environment, what it means."""
    found = list(keys.keys(Settings, ENV_PREFIX))
    typer.echo(json.dumps([key.plain() for key in found], indent=2) if as_json else keys.told(found))


@app.command()
def openapi() -> None:
    """Print the OpenAPI description of the desk as JSON."""
    typer.echo(json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False))


def _announce(address: str) -> None:
    print(f"desk listening at {address}", flush=True)


def _head(text: str) -> Head:
    seq, _, hash_ = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        raise typer.BadParameter(f"{text!r} is not SEQ:HASH as `ledger head` prints it")
    return Head(int(seq), hash_)


def _report(told: dict[str, object], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(told) if as_json else text)


def main() -> None:
    """Run the command line."""
    with with_a_reader():
        app()


if __name__ == "__main__":
    main()
