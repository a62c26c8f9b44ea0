"""`python -m api hold …`: legal holds, which suspend the erasure of a passage's faces."""

import json
from datetime import datetime
from typing import Annotated

import typer

from api.commands.options import ConfigOption, DatabaseOption, JsonOption, load, plain_errors, writing
from api.platform.clock import utc_now

app = typer.Typer(
    help="Legal holds: while one is there, no face of the passage is erased.", no_args_is_help=True
)

Passage = Annotated[str, typer.Argument(help="The passage, as ledger and officers name it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why. Name a file, not a person.")]


@app.command("place")
def place(
    passage: Passage, reason: Reason, database: DatabaseOption = None, config: ConfigOption = None
) -> None:
    """Suspend the erasure of a passage's faces."""
    from api.faces import legal_holds
    from api.people.officers import COMMAND_LINE

    _check(reason)
    with writing(database, config) as session:
        legal_holds.place_hold(session, passage, COMMAND_LINE, reason, at=utc_now())
    typer.echo(f"passage {passage} is under a legal hold: its faces stay until the hold is lifted.")


@app.command("lift")
def lift(
    passage: Passage, reason: Reason, database: DatabaseOption = None, config: ConfigOption = None
) -> None:
    """Let the erasure go on: a running desk erases what is due within a second."""
    from api.faces import legal_holds
    from api.people.officers import COMMAND_LINE

    _check(reason)
    with writing(database, config) as session:
        legal_holds.lift_hold(session, passage, COMMAND_LINE, reason, at=utc_now())
    typer.echo(f"passage {passage} is under no legal hold any more.")


@app.command("list")
def show(database: DatabaseOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every hold that is not lifted, the oldest first."""
    from api.faces import legal_holds
    from api.platform.database.database import opened

    with plain_errors(), opened(load(config, database=database).database) as store, store.read() as session:
        found = legal_holds.open_holds(session)
    if as_json:
        names = ("passage", "placed_by", "placed_at", "reason")
        listed = [{name: getattr(hold, name) for name in names} for hold in found]
        typer.echo(json.dumps({"holds": listed}, ensure_ascii=False, default=datetime.isoformat))
        return
    for hold in found:
        typer.echo(f"{hold.passage}  since {hold.placed_at.isoformat()}  by {hold.placed_by}: {hold.reason}")


def _check(reason: str) -> None:
    if not 3 <= len(reason.strip()) <= 500:
        raise typer.BadParameter("a reason has 3 to 500 characters")
