"""`python -m api backup` and `restore`: the desk's database as one file, while the desk runs, and back."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from api.commands.options import ConfigOption, DatabaseOption, JsonOption, load, plain_errors, report
from api.platform.clock import utc_now
from lane.platform.errors import LedgerBrokenError


def back_up(
    to: Annotated[Path, typer.Option("--to", help="The file to write; it must not be there yet.")],
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything but sessions and keys into one SQLite file, of one moment, while the desk runs.

    It holds what officers decided and faces under keys that are not in it: keep it where only you can read.
    `python -m api ledger verify --database FILE` proves it.
    """
    from api.ledger import backup
    from api.platform.database.database import Database, must_exist

    with plain_errors():
        settings = load(config, database=database)
        must_exist(settings.database)
        with closing(Database(settings.database, busy_timeout_s=settings.busy_timeout_s)) as store:
            head = backup.back_up(store, to, _progress)
    result = {"backup": str(to), "entries": head.seq, "head": str(head)}
    report(result, f"{to}: {head.seq} entries, head {head}", as_json=as_json)


def restore(
    backup_file: Annotated[Path, typer.Option("--from", help="A file that `backup` wrote.")],
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup into an empty database, SQLite or PostgreSQL, and prove its ledger.

    Lanes that know of a later ledger refuse the desk until a person says at each of them
    `python -m lane accept-desk SEQ:HASH`, with the head that is printed here.

    Exit status 1: the ledger in the backup is not whole. 2: the file is no backup, or the database is not
    empty, not a desk's or in no folder that there is; then nothing was changed.
    """
    from api.audit.verify.ledger import verify_ledger
    from api.faces.keyring import opened_keyring
    from api.lanes.recovery import note_restored
    from api.ledger import backup
    from api.platform.database.database import Database

    with plain_errors():
        settings = load(config, database=database)
        with closing(Database(settings.database, busy_timeout_s=settings.busy_timeout_s)) as store:
            backup.restore(backup_file, store, _progress)
            try:
                with opened_keyring(settings) as keyring:
                    entries = verify_ledger(store, keyring=keyring).head.seq
            except LedgerBrokenError as error:
                typer.echo(f"NOT verified, do not use it: {error}", err=True)
                raise typer.Exit(1) from error
            head = note_restored(store, at=utc_now())
    result = {"verified": True, "entries": entries, "head": str(head)}
    text = f"restored and verified: {entries} entries. Head for lanes that refuse the desk:\n{head}"
    report(result, text, as_json=as_json)


def _progress(table: str, done: int, total: int) -> None:
    """On standard error, in place where somebody watches."""
    if sys.stderr.isatty():
        typer.echo(f"\r{table}: {done} of {total}", err=True, nl=done == total)
    elif done == total:
        typer.echo(f"{table}: {total}", err=True)
