"""The desk's command line: `python -m api`."""

import json
from typing import Annotated

import typer

from api.commands import backup, case, hold, keys, lane, ledger, officer
from api.commands.options import ConfigOption, DatabaseOption, JsonOption, made, plain_errors
from api.platform.clock import utc_now
from models.command_line import quiet_on_closed_pipe

app = typer.Typer(
    help="The officers' desk of Passenger Lane: referrals, decisions, and a ledger that proves them.\n\n"
    "To start: `lane add`, `officer add NAME --role administrator`, then `serve`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(lane.app, name="lane")
app.add_typer(officer.app, name="officer")
app.add_typer(ledger.app, name="ledger")
app.add_typer(case.app, name="case")
app.add_typer(hold.app, name="hold")
app.add_typer(keys.app, name="keys")
app.command("backup")(backup.back_up)
app.command("restore")(backup.restore)


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

    Exit status 0: it was told to end. 2: it could not start, and it says why.
    """
    from api.ledger.proofs import Proofs, key_file  # noqa: PLC0415  --help loads no library of the desk
    from api.platform.settings import load  # noqa: PLC0415
    from api.serving import logs  # noqa: PLC0415
    from api.serving.workers import serve as run_server  # noqa: PLC0415

    with plain_errors():
        settings = load(config, database=database, host=host, port=port, workers=workers)
        logs.configure(settings.log_level, known=settings.secrets)
        signing = key_file(settings)  # a missing setting is reported before the database is opened
        with made(settings) as store:  # what a start cannot do is one line here, and nothing is served
            Proofs(store, signing, utc_now).announce()
        run_server(settings, announce=_announce, exit_with_parent=exit_with_parent)


@app.command("settings")
def show_settings(as_json: JsonOption = False) -> None:
    """Print every setting of the desk: its default, its variable in the environment, what it means."""
    from api.platform.settings import ENV_PREFIX, Settings  # noqa: PLC0415
    from lane.platform.settings import listing  # noqa: PLC0415

    typer.echo(listing(Settings, ENV_PREFIX, as_json=as_json))


@app.command()
def openapi() -> None:
    """Print the OpenAPI description of the desk as JSON."""
    from api.platform.settings import Settings  # noqa: PLC0415
    from api.web.app import create_app  # noqa: PLC0415

    typer.echo(json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False))


def _announce(address: str) -> None:
    print(f"desk listening at {address}", flush=True)


def main() -> None:
    """Run the command line."""
    with quiet_on_closed_pipe():
        app()


if __name__ == "__main__":
    main()
