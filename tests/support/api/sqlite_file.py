"""A SQLite file as the desk's database at the newest revision: made once, then copied."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from api.platform.database.database import Database


def fresh_file(path: Path) -> Path:
    """A desk's database in which nobody has written, at this path."""
    path.write_bytes(_template())
    path.chmod(0o600)
    return path


def copied(source: Path, to: Path) -> Path:
    """A database as it is now, whole, in one file."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(to)) as written:
        read.backup(written)
    return to


@cache
def _template() -> bytes:
    with TemporaryDirectory(prefix="passenger-lane-sqlite-") as folder:
        path = Path(folder) / "desk.sqlite3"
        made = Database(path)
        made.migrate()
        made.close()
        assert [found.name for found in path.parent.iterdir()] == [path.name], "a part lies beside it"
        return path.read_bytes()
