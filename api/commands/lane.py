"""`python -m api lane …`: lanes that may deliver to this desk."""

import json
from typing import Annotated

import typer

from api.app import utc_now
from api.commands.options import ConfigOption, DatabaseOption, JsonOption, existing, made, plain_errors
from api.settings import load
from api.store import lanes

app = typer.Typer(help="Lanes that may deliver to this desk.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="1 to 64 letters, digits, dots, dashes or underscores.")]


@app.command("add")
def add(
    name: Name, database: DatabaseOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Register a lane and print its token, once: the desk keeps only its hash."""
    _check_name(name)
    with plain_errors(), made(load(config, database=database)) as store, store.write() as session:
        token = lanes.add(session, name, at=utc_now())
    if as_json:
        typer.echo(json.dumps({"lane": name, "token": token}))
    else:
        typer.echo(f"lane {name} is registered. Its token, which is shown only now:\n{token}")


@app.command("revoke")
def revoke(name: Name, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Refuse a lane's token from now on, for good. What the lane delivered stays."""
    with plain_errors(), existing(load(config, database=database)) as store, store.write() as session:
        lanes.revoke(session, name, at=utc_now())
    typer.echo(f"lane {name} is revoked: its token is refused. Register a new lane to go on.")


def _check_name(name: str) -> None:
    if (
        not (0 < len(name) <= 64 and all(c.isascii() and (c.isalnum() or c in "._-") for c in name))
        or name == "desk"
    ):
        raise typer.BadParameter("a lane's name has 1 to 64 letters, digits, dots, dashes or underscores")
