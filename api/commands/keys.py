"""`python -m api keys …`: the key-encryption key, under which the keys of all faces are wrapped."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from api.commands.options import ConfigOption, DatabaseOption, load, plain_errors
from api.platform.errors import SettingsError

app = typer.Typer(help="The key under which the keys of all faces are wrapped.", no_args_is_help=True)


@app.command("rotate")
def rotate(
    to: Annotated[
        Path | None,
        typer.Option("--to", help="A file with the next key in base64, where the settings hold the key."),
    ] = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Wrap every key of a face anew under a new key-encryption key. A desk may run meanwhile.

    With a key file, a new key takes the old one's place. With the key in the settings, --to names the next
    one; give that to the desk then.
    """
    from api.faces.keyring import keyring_of
    from api.faces.sealing import KeyEncryption, KeyFile, LocalKey, decoded
    from api.platform.database.database import must_exist

    with plain_errors():
        settings = load(config, database=database)
        must_exist(settings.database)
        with closing(keyring_of(settings)) as keyring:
            keyring.prepare()
            kek: KeyEncryption
            if to is not None:
                kek = LocalKey(decoded(_text(to)))
            elif isinstance(keyring.source, KeyFile):
                kek = keyring.source.next()
            else:
                kek = keyring.source.current(keyring.identity)
            count = keyring.rewrap(kek)
            if to is None:
                keyring.source.current(kek.identity)
    typer.echo(f"{count} keys are wrapped by key {kek.identity} now.")


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{path} cannot be read as a key") from error
