"""What the desk's commands have in common: their options, and errors in one line.

A command imports what it works with when it runs: `--help` loads no library of the desk.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.platform.errors import ApiError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from api.platform.database.database import Database
    from api.platform.settings import Settings

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


@contextmanager
def plain_errors() -> Iterator[None]:
    """An error of the desk as one line and exit status 2."""
    try:
        yield
    except ApiError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error


def load(config: Path | None, *, database: str | None) -> "Settings":
    """The settings, with what the command line says of them. Raises SettingsError."""
    from api.platform import settings

    return settings.load(config, database=database)


@contextmanager
def made(settings: "Settings") -> "Iterator[Database]":
    """The desk's database, made or brought up to date where it must be."""
    from api.platform.database.database import Database

    with closing(Database(settings.database, busy_timeout_s=settings.busy_timeout_s)) as store:
        store.migrate()
        yield store


def existing(settings: "Settings") -> "AbstractContextManager[Database]":
    """For commands that must not make a new database by a slip of the pen."""
    from api.platform.database.database import must_exist

    must_exist(settings.database)
    return made(settings)


@contextmanager
def reading(database: str | None, config: Path | None) -> "Iterator[Session]":
    """A transaction that reads a database that is there; errors in one line."""
    with plain_errors(), existing(load(config, database=database)) as store, store.read() as session:
        yield session


@contextmanager
def writing(database: str | None, config: Path | None) -> "Iterator[Session]":
    """A transaction that writes in a database that is there; errors in one line."""
    with plain_errors(), existing(load(config, database=database)) as store, store.write() as session:
        yield session


def report(result: dict[str, object], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(result) if as_json else text)


def ask_password() -> str:
    """A new password, typed twice, or one line of standard input."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise typer.BadParameter("no password: give it as one line of standard input, or --generate one")
        return line
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
