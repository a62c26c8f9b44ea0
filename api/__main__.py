"""The desk's command line: `python -m api`."""

import json
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api import logs
from api.app import create_app, utc_now
from api.errors import ApiError
from api.passwords import Passwords
from api.process import serve as run_server
from api.settings import ENV_PREFIX, Settings, load
from api.store import chain, lanes, officers
from api.store.database import Database, must_exist, opened
from api.store.verify import verify_ledger
from lane import keys
from lane.errors import LedgerBrokenError
from lane.ledger import Head
from models.ending import with_a_reader

app = typer.Typer(
    help="The officers' desk of Passenger Lane: referrals, decisions, and a ledger that proves them.\n\n"
    "To start: `lane add`, `officer add`, then `serve`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
lane_app = typer.Typer(help="Lanes that may deliver to this desk.", no_args_is_help=True)
officer_app = typer.Typer(help="Officers who may sign in.", no_args_is_help=True)
ledger_app = typer.Typer(
    help="The ledger: show its head, prove that nothing was changed.", no_args_is_help=True
)
app.add_typer(lane_app, name="lane")
app.add_typer(officer_app, name="officer")
app.add_typer(ledger_app, name="ledger")

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="PATH|URL",
        help="The desk's SQLite file, or postgresql://… Without it: from the settings.",
    ),
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A TOML file with settings.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Name = Annotated[str, typer.Argument(help="1 to 64 letters, digits, dots, dashes or underscores.")]


@app.command()
def serve(
    database: DatabaseOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen at.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen at; 0 takes a free one.")] = None,
    config: ConfigOption = None,
    exit_with_parent: Annotated[
        bool, typer.Option("--exit-with-parent", help="End when standard input ends.")
    ] = False,
) -> None:
    """Run the desk until Ctrl-C or SIGTERM.

    Prints `desk listening at http://…` once it accepts connections. Settings come from the command line,
    from PASSENGER_LANE_DESK_… in the environment, from --config, in this order.
    """
    with _plain_errors():
        settings = load(config, database=database, host=host, port=port)
        logs.configure(settings.log_level, known=settings.secrets)
        run_server(settings, announce=_announce, exit_with_parent=exit_with_parent)


@lane_app.command("add")
def lane_add(
    name: Name, database: DatabaseOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Register a lane and print its token, once: the desk keeps only its hash."""
    _check_lane_name(name)
    with _plain_errors(), _store(load(config, database=database)) as store, store.write() as session:
        token = lanes.add(session, name, at=utc_now())
    if as_json:
        typer.echo(json.dumps({"lane": name, "token": token}))
    else:
        typer.echo(f"lane {name} is registered. Its token, which is shown only now:\n{token}")


@lane_app.command("revoke")
def lane_revoke(name: Name, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Refuse a lane's token from now on, for good. What the lane delivered stays."""
    with _plain_errors(), _existing(load(config, database=database)) as store, store.write() as session:
        lanes.revoke(session, name, at=utc_now())
    typer.echo(f"lane {name} is revoked: its token is refused. Register a new lane to go on.")


@officer_app.command("add")
def officer_add(
    name: Annotated[str, typer.Argument(help="The name to sign in with; only the desk's database has it.")],
    generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it, once.")] = False,
    supervisor: Annotated[
        bool, typer.Option("--supervisor", help="May also see how lanes, matcher and officers do.")
    ] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register an officer. The password is asked for, or read as one line from standard input."""
    _check_officer_name(name)
    with _plain_errors():
        settings = load(config, database=database)
        password = secrets.token_urlsafe(15) if generate else _ask_password()
        hashed = Passwords(settings.argon2).hash(password)
        with _store(settings) as store, store.write() as session:
            role = officers.Role.SUPERVISOR if supervisor else officers.Role.OFFICER
            pseudonym = officers.add(session, name, hashed, at=utc_now(), role=role)
    shown = {"password": password} if generate else {}
    if as_json:
        typer.echo(json.dumps({"officer": name, "pseudonym": pseudonym, **shown}, ensure_ascii=False))
        return
    typer.echo(f"{role.value} {name} is registered; the ledger knows this officer as {pseudonym}.")
    if generate:
        typer.echo(f"The password, which is shown only now:\n{password}")


@officer_app.command("disable")
def officer_disable(
    name: Annotated[str, typer.Argument(help="The name that the officer signs in with.")],
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """End an officer's sessions and refuse new ones, for good. What the officer decided stays."""
    with _plain_errors(), _existing(load(config, database=database)) as store, store.write() as session:
        pseudonym = officers.disable(session, name, at=utc_now())
    typer.echo(f"officer {name} ({pseudonym}) is signed out and cannot sign in again.")


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
    with _plain_errors():
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
        _plain_errors(),
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


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error


@contextmanager
def _store(settings: Settings) -> Iterator[Database]:
    store = Database(settings.database, busy_timeout_s=settings.busy_timeout_s)
    store.migrate()
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _existing(settings: Settings) -> Iterator[Database]:
    """For commands that must not make a new database by a slip of the pen."""
    must_exist(settings.database)
    with _store(settings) as store:
        yield store


def _ask_password() -> str:
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not 12 <= len(password) <= 256:
        raise typer.BadParameter("a password has 12 to 256 characters")
    return password


def _check_lane_name(name: str) -> None:
    if (
        not (0 < len(name) <= 64 and all(c.isascii() and (c.isalnum() or c in "._-") for c in name))
        or name == "desk"
    ):
        raise typer.BadParameter("a lane's name has 1 to 64 letters, digits, dots, dashes or underscores")


def _check_officer_name(name: str) -> None:
    if not (0 < len(name) <= 64 and name.isprintable() and name.strip() == name):
        raise typer.BadParameter("an officer's name has 1 to 64 printable characters")


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
