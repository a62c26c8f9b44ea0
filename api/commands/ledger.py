"""`python -m api ledger`: is it whole, and how can a stranger see that it is?"""

import json
import re
from typing import Annotated

import typer

from api.commands.options import ConfigOption, DatabaseOption, JsonOption, plain_errors
from api.settings import load
from api.store import chain
from api.store.database import opened
from api.store.keyring import opened_keyring
from api.store.verify import verify_ledger
from lane.errors import LedgerBrokenError
from lane.ledger import Head

app = typer.Typer(help="The ledger: show its head, prove that nothing was changed.", no_args_is_help=True)


@app.command("verify")
def verify(
    database: DatabaseOption = None,
    head: Annotated[
        list[str] | None, typer.Option(help="SEQ:HASH noted elsewhere, e.g. by a lane. Repeatable.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="By hashes and signatures alone, about ten times as fast.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that no entry was changed, removed, moved or cut off, and that the tables say the same.

    With --quick: hashes, chain, tree, and signed heads; not what entries say, not the lanes' own chains,
    not the other tables. A million entries take seconds. Without it, each entry is read and must be one that
    an honest desk writes at its place: a million take minutes.

    Exit status 1: something was, and it says what. Exit status 2: the database cannot be read.
    """
    with plain_errors():
        witnessed = [_head(text) for text in head or ()]
        settings = load(config, database=database)
        try:
            with opened(settings.database) as store, opened_keyring(settings) as keyring:
                found = verify_ledger(store, witnessed, whole=not quick, keyring=keyring)
        except LedgerBrokenError as error:
            _report({"verified": False, "fault": str(error)}, f"NOT verified: {error}", as_json=as_json)
            raise typer.Exit(1) from error
    head_now, set_back = found.head, list(found.set_back)
    told: dict[str, object] = {
        "verified": True,
        "mode": "quick" if quick else "whole",
        "entries": head_now.seq,
        "head": str(head_now),
        "root": found.root.hex(),
        "signed_heads": found.heads,
        "clock_set_back": set_back,
        "not_checked": list(found.not_checked),
    }
    warning = f"\nthe clock was set back before: {', '.join(map(str, set_back))}" if set_back else ""
    warning += "".join(f"\nnot checked: {what}" for what in found.not_checked)
    text = f"verified: {head_now.seq} entries, head {head_now}, {found.heads} signed heads"
    if quick:
        text += "\nby hashes and signatures alone: what entries and tables say was not looked at"
    _report(told, text + warning, as_json=as_json)


@app.command("head")
def show_head(database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Print SEQ:HASH of the ledger's end. Keep it elsewhere: `verify --head` then finds any rewriting."""
    with (
        plain_errors(),
        opened(load(config, database=database).database) as store,
        store.read() as session,
    ):
        typer.echo(str(chain.head(session)))


def _head(text: str) -> Head:
    seq, _, hash_ = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        raise typer.BadParameter(f"{text!r} is not SEQ:HASH as `ledger head` prints it")
    return Head(int(seq), hash_)


def _report(told: dict[str, object], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(told) if as_json else text)
