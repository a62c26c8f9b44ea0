"""`python -m api lane …`: lanes that may deliver to this desk."""

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.options import ConfigOption, DatabaseOption, JsonOption, existing, load, made, plain_errors
from api.platform.clock import utc_now

if TYPE_CHECKING:
    from api.lanes.tokens import RegisteredLane

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
    from api.lanes import intake

    _check_name(name)
    with plain_errors(), made(load(config, database=database)) as store, store.write() as session:
        now = utc_now()
        token = intake.add(session, name, at=now, expires_at=_end(now, expires_days))
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

    with plain_errors(), existing(load(config, database=database)) as store, store.write() as session:
        now, overlap = utc_now(), timedelta(seconds=overlap_s)
        until = _end(now, expires_days)
        token = tokens.rotate(session, name, at=now, overlap=overlap, expires_at=until)
    text = f"has a new token; the old one works for {overlap_s} seconds more. The new"
    _print_token(name, token, text, as_json=as_json)


@app.command("list")
def listed(database: DatabaseOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Which lanes may deliver, when each last came, and when its token ends."""
    from api.lanes import tokens

    with plain_errors(), existing(load(config, database=database)) as store, store.read() as session:
        found = tokens.listed(session)
    if as_json:
        typer.echo(json.dumps({"lanes": [_to_json(one) for one in found]}))
        return
    for one in found:
        state = "revoked" if one.revoked else f"last came {one.used_at or 'never'}"
        ends = f", token ends {one.expires_at}" if one.expires_at else ""
        typer.echo(f"{one.lane}  {state}{ends}")


@app.command("revoke")
def revoke(name: Name, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Refuse a lane's token from now on, for good. What the lane delivered stays."""
    from api.lanes import intake

    with plain_errors(), existing(load(config, database=database)) as store, store.write() as session:
        intake.revoke(session, name, at=utc_now())
    typer.echo(f"lane {name} is revoked: its token is refused. Register a new lane to go on.")


def _end(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)


def _print_token(lane: str, token: str, text: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"lane": lane, "token": token}))
    else:
        typer.echo(f"lane {lane} {text} token, which is shown only now:\n{token}")


def _to_json(one: "RegisteredLane") -> dict[str, object]:
    moments = {"added_at": one.added_at, "used_at": one.used_at, "expires_at": one.expires_at}
    return {"lane": one.lane, "revoked": one.revoked} | {
        name: at and at.isoformat() for name, at in moments.items()
    }


def _check_name(name: str) -> None:
    if name == "desk" or not re.fullmatch("[A-Za-z0-9._-]{1,64}", name):
        raise typer.BadParameter("a lane's name has 1 to 64 letters, digits, dots, dashes or underscores")
