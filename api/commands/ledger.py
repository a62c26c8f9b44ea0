"""`python -m api ledger`: is it whole, and how can a stranger see that it is?"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.options import (
    ConfigOption,
    DatabaseOption,
    JsonOption,
    existing,
    load,
    plain_errors,
    report,
)
from api.platform.clock import utc_now
from api.platform.errors import SettingsError, StoreError, WitnessError
from lane.ledger.entry import Head
from lane.platform.errors import LedgerBrokenError

if TYPE_CHECKING:
    from api.platform.settings import Settings

app = typer.Typer(help="The ledger: show its head, prove that nothing was changed.", no_args_is_help=True)

OutOption = Annotated[Path, typer.Option("--out", help="The file to write.")]


@app.command("verify")
def verify(
    database: DatabaseOption = None,
    head: Annotated[
        list[str] | None, typer.Option(help="SEQ:HASH noted elsewhere, e.g. by a lane. Repeatable.")
    ] = None,
    witness_file: Annotated[
        list[Path] | None, typer.Option("--witness", help="A file of signed heads that a witness kept.")
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

    Not proven even then: who is signed in, how far a claim was renewed, which duty a case needs, figures of
    hall and evaluation, the content of prepared cases, and that no signed head was taken away: keep heads
    elsewhere (`ledger witness`, --head, --witness). Without them nobody finds a ledger that was made anew.

    Exit status 1: something was, and it says what. Exit status 2: the database cannot be read.
    """
    from api.audit import witness
    from api.audit.verify.ledger import verify_ledger
    from api.faces.keyring import opened_keyring
    from api.platform.database.database import opened

    with plain_errors():
        witnessed = [_head(text) for text in head or ()]
        signed = [kept for file in witness_file or () for kept in witness.read(_there(file))]
        settings = load(config, database=database)
        try:
            with opened(settings.database) as store, opened_keyring(settings) as keyring:
                found = verify_ledger(store, witnessed, signed, whole=not quick, keyring=keyring)
        except LedgerBrokenError as error:
            report({"verified": False, "fault": str(error)}, f"NOT verified: {error}", as_json=as_json)
            raise typer.Exit(1) from error
    head_now, set_back = found.head, list(found.set_back)
    result: dict[str, object] = {
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
    report(result, text + warning, as_json=as_json)


@app.command("head")
def show_head(database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Print SEQ:HASH of the ledger's end. Keep it elsewhere: `verify --head` then finds any rewriting."""
    from api.ledger import chain
    from api.platform.database.database import opened

    with plain_errors(), opened(load(config, database=database).database) as store, store.read() as session:
        typer.echo(str(chain.head(session)))


@app.command("export")
def export_ledger(
    out: OutOption, database: DatabaseOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Write the whole ledger and its signed heads into a file that the stand-alone verifier checks.

    The verifier is one file that needs no desk: copy `api/audit/verifier.py`, and run
    `python verifier.py FILE`.
    The file holds what the ledger holds: no face, no name, no document number, but all that officers did.
    """
    from api.audit.export import export
    from api.ledger import proofs
    from api.platform.database.database import opened

    with plain_errors():
        settings = load(config, database=database)
        _sign(settings)
        with opened(settings.database) as store, store.read() as session:
            _write(out, export(session))
            head = proofs.newest(session)
    report({"file": str(out), "head": head and head.to_json()}, f"exported to {out}", as_json=as_json)


@app.command("prove")
def prove(
    out: OutOption,
    seqs: Annotated[list[int] | None, typer.Argument(metavar="[SEQ]...", help="Numbers of entries.")] = None,
    passage: Annotated[str | None, typer.Option(help="All entries about this passage.")] = None,
    since: Annotated[
        list[int] | None, typer.Option(help="Prove also that it only grew since this size. Repeatable.")
    ] = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write entries, and the proof that they are in the signed ledger, into a file for the verifier.

    Whoever has the file sees these entries and no other, and needs no desk to check them.
    """
    from api.audit.export import of_passage, proof
    from api.platform.database.database import opened

    with plain_errors():
        if not seqs and not passage:
            raise typer.BadParameter("say which entries: their numbers, or --passage")
        settings = load(config, database=database)
        _sign(settings)
        with opened(settings.database) as store, store.read() as session:
            wanted = [*(seqs or ()), *(of_passage(session, passage) if passage else ())]
            if not wanted:
                raise StoreError(f"the ledger has no entry about a passage {passage}: check its name")
            _write(out, proof(session, wanted, since or ()))
    text = f"proof of {len(wanted)} entries written to {out}"
    report({"file": str(out), "entries": sorted(set(wanted))}, text, as_json=as_json)


@app.command("witness")
def keep_watch(
    desk: Annotated[str, typer.Option(help="The desk's address, https://…")],
    store: Annotated[Path, typer.Option(help="The file that keeps the heads; made where there is none.")],
    accept_key: Annotated[
        list[str] | None, typer.Option(help="A key that the site told you it changed to. Repeatable.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Keep the desk's newest signed head, and find out whether the ledger only grew since the last one.

    Run it again and again, on a machine that the desk's people do not run. It keeps heads, no entry. The
    token is in PASSENGER_LANE_WITNESS_TOKEN: the desk's metrics token, or a lane's.

    Exit status 1: the ledger was rewritten or cut off; both heads are kept in STORE.contradiction.
    Exit status 2: the desk could not be asked.
    """
    from api.audit import witness

    with plain_errors():
        token = os.environ.get("PASSENGER_LANE_WITNESS_TOKEN", "")
        if not token:
            raise WitnessError("set PASSENGER_LANE_WITNESS_TOKEN: the desk's metrics token, or a lane's")
        try:
            with witness.at(desk, store, token) as asking:
                head = asking.look(accept_key or ())
        except witness.ContradictionError as found:
            report({"grew": False, "fault": str(found)}, f"NOT the same ledger: {found}", as_json=as_json)
            raise typer.Exit(1) from found
    text = f"the ledger only grew: {head.size} entries, root {head.root}"
    report({"grew": True, "head": head.to_json()}, text, as_json=as_json)


def _sign(settings: "Settings") -> None:
    """Sign what is there now, where this is the desk's own machine; elsewhere the newest head is enough."""
    from api.ledger import proofs
    from api.platform.database.database import must_exist

    must_exist(settings.database)
    with suppress(SettingsError):  # nothing says where the key lies: it is on another machine
        key = proofs.key_file(settings)
        if key.is_file():
            with existing(settings) as store:
                proofs.Proofs(store, key, utc_now).head()


def _write(out: Path, lines: Iterable[str]) -> None:
    """The whole file or none, and none in place of another. Raises StoreError."""
    if out.exists():
        raise StoreError(f"{out}: there is such a file already, which may be a proof: name another one")
    beside = out.with_name(f"{out.name}.part")
    try:
        with beside.open("w", encoding="ascii") as file:
            file.writelines(lines)
        beside.replace(out)
    except OSError as error:
        raise StoreError(f"{out}: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)


def _there(file: Path) -> Path:
    if not file.is_file():
        raise WitnessError(f"{file}: there is no such file")
    return file


def _head(text: str) -> Head:
    seq, _, hash_ = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        raise typer.BadParameter(f"{text!r} is not SEQ:HASH as `ledger head` prints it")
    return Head(int(seq), hash_)
