"""`python -m api case …`: prepared cases, of which the truth is known."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
    reading,
    report,
)
from api.platform.clock import utc_now
from api.platform.errors import CaseRefusedError
from api.review.officer_accuracy import Truth

if TYPE_CHECKING:
    from api.faces.keyring import Keyring
    from api.platform.database.database import Database
    from api.platform.settings import Settings

app = typer.Typer(
    help="Prepared cases: they show how sure an officer's eye is, and train it.", no_args_is_help=True
)


@app.command("add")
def add(
    file: Annotated[
        Path | None, typer.Argument(help="A file that `python -m lane prepare-case` wrote.")
    ] = None,
    document: Annotated[Path | None, typer.Option(help="Without a file: the document photo, a JPEG.")] = None,
    live: Annotated[
        list[Path] | None, typer.Option(help="A live picture, a JPEG; give it again for more.")
    ] = None,
    truth: Annotated[Truth | None, typer.Option(help="Who is on them.")] = None,
    training: Annotated[
        bool, typer.Option("--training", help="For training alone, never before somebody who works.")
    ] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a case, its faces sealed, and print its name."""
    from api.review.prepared import case_file, stored_cases

    with plain_errors():
        settings = load(config, database=database)
        if file is not None:
            given = case_file.read(_bytes(file, case_file.MOST_FILE_BYTES), _check)
        elif document is None or not live or truth is None:
            raise CaseRefusedError("give a file, or --document, --live and --truth")
        else:
            most = case_file.MOST_IMAGE_BYTES
            pictures = [_bytes(one, most) for one in live]
            given = case_file.of_pictures(_bytes(document, most), pictures, truth, _check, training=training)
        with _opened(settings) as (store, keyring):
            case = stored_cases.add(store, keyring, given, clock=utc_now)
    result = {"case": case, "training": given.training, "images": len(given.images)}
    report(result, f"{case} is kept, with {len(given.images)} images.", as_json=as_json)


@app.command("list")
def show(database: DatabaseOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the cases in use. Whoever reads this knows the truth: it is no list for officers."""
    from api.review.prepared import stored_cases

    with reading(database, config) as session:
        found = stored_cases.listed(session)
    if as_json:
        names = ("case", "truth", "training")
        rows = [{name: getattr(one.row, name) for name in names} | {"seen": one.seen} for one in found]
        typer.echo(json.dumps(rows))
        return
    for one in found:
        row, use = one.row, "training" if one.row.training else "seeded"
        typer.echo(f"{row.case}  {row.truth:9}  {use:8}  {one.images} images  seen {one.seen} times")


@app.command("retire")
def retire(case: str, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Show a case to nobody any more, and erase its faces."""
    from api.review.prepared import stored_cases

    with (
        plain_errors(),
        _opened(load(config, database=database)) as (store, keyring),
        store.write() as session,
    ):
        stored_cases.retire(session, keyring, case, at=utc_now())
    typer.echo(f"{case} is retired, and its faces are erased.")


@contextmanager
def _opened(settings: "Settings") -> "Iterator[tuple[Database, Keyring]]":
    from api.faces.keyring import keyring_of

    with existing(settings) as store, closing(keyring_of(settings)) as keyring:
        keyring.prepare()
        yield store, keyring


def _bytes(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(most + 1)
    except OSError as error:
        raise CaseRefusedError(f"{path}: {error.strerror}") from error


def _check(body: bytes) -> None:
    """Decode within the lane's own bounds."""
    from models.errors import ImageError
    from models.image import decode

    try:
        decode(body)
    except ImageError as error:
        raise ValueError(str(error)) from error
