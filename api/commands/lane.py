"""`python -m api lane …`: lanes that may deliver to this desk."""

import json
import re
from datetime import datetime, timedelta
from typing import Annotated

import typer

from api.commands.options import (
    ConfigOption,
    DatabaseOption,
    JsonOption,
    load,
    made,
    plain_errors,
    reading,
    writing,
)
from api.platform.clock import utc_now

app = typer.Typer(help="Lanes that may deliver to this desk.", no_args_is_help=True)

ExpiresOption = Annotated[
    int | None, typer.Option(help="After how many days the token ends. Without it: never.", min=1, max=3660)
]
Name = Annotated[str, typer.Argument(help="1 to 64 letters, digits, dots, dashes or underscores.")]


@app.command("add")
def add(
    name: Name,
    expires_days: ExpiresOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a lane and print its token, once: the desk keeps only its hash."""
    from api.lanes import tokens

    if name == "desk" or not re.fullmatch("[A-Za-z0-9._-]{1,64}", name):
        raise typer.BadParameter("a lane's name has 1 to 64 letters, digits, dots, dashes or underscores")
    with plain_errors(), made(load(config, database=database)) as store, store.write() as session:
        now = utc_now()
        token = tokens.add(session, name, at=now, expires_at=tokens.expiry(now, expires_days))
    _print_token(name, token, "is registered. Its", as_json=as_json)


@app.command("rotate")
def rotate(
    name: Name,
    overlap_s: Annotated[
        int, typer.Option(help="For how many seconds the token before still works.", min=0, max=30 * 86400)
    ] = 3600,
    expires_days: ExpiresOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a lane a new token and print it, once; the one before works until the overlap ends."""
    from api.lanes import tokens

    with writing(database, config) as session:
        now, overlap = utc_now(), timedelta(seconds=overlap_s)
        until = tokens.expiry(now, expires_days)
        token = tokens.rotate(session, name, at=now, overlap=overlap, expires_at=until)
    text = f"has a new token; the old one works for {overlap_s} seconds more. The new"
    _print_token(name, token, text, as_json=as_json)


@app.command("list")
def listed(database: DatabaseOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Which lanes may deliver, when each last came, and when its token ends."""
    from api.lanes import tokens

    with reading(database, config) as session:
        found = tokens.listed(session)
    if as_json:
        names = ("lane", "revoked", "added_at", "used_at", "expires_at")
        rows = [{name: getattr(one, name) for name in names} for one in found]
        typer.echo(json.dumps({"lanes": rows}, default=datetime.isoformat))
        return
    for one in found:
        state = "revoked" if one.revoked else f"last came {one.used_at or 'never'}"
        ends = f", token ends {one.expires_at}" if one.expires_at else ""
        typer.echo(f"{one.lane}  {state}{ends}")


@app.command("revoke")
def revoke(name: Name, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Refuse a lane's token from now on, for good. What the lane delivered stays."""
    from api.lanes import tokens

    with writing(database, config) as session:
        tokens.revoke(session, name, at=utc_now())
    typer.echo(f"lane {name} is revoked: its token is refused. Register a new lane to go on.")


def _print_token(lane: str, token: str, text: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"lane": lane, "token": token}))
    else:
        typer.echo(f"lane {lane} {text} token, which is shown only now:\n{token}")
