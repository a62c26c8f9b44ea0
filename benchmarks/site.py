"""A desk as a process of its own, with lanes and officers, made by its command line as a site would."""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from lane.adapters.desk_process import ask

_READY = "desk listening at "


@dataclass(frozen=True, slots=True)
class Site:
    """A desk that runs, and whom it knows."""

    address: str
    tokens: dict[str, str]
    """Lane → its token."""
    passwords: dict[str, str]
    """Officer → the password."""


@contextmanager
def site(database: str | None, *, lanes: int, officers: int, workers: int) -> Iterator[Site]:
    """Without a database: an SQLite file in a folder that is gone afterwards. Raises BenchmarkError."""
    with tempfile.TemporaryDirectory(prefix="passenger-lane-desk-") as folder:
        place = database or str(Path(folder) / "desk.sqlite")
        run = secrets.token_hex(3)  # a server's database may know others from an earlier run
        at = ["--database", place, "--json"]
        tokens = {name: _added("lane", name, at)["token"] for name in _names("lane", run, lanes)}
        generated = [*at, "--generate"]
        people = {name: _added("officer", name, generated)["password"] for name in _names("o", run, officers)}
        with _serving(place, Path(folder), workers) as address:
            yield Site(address, tokens, people)


def _names(what: str, run: str, number: int) -> list[str]:
    return [f"{what}-{run}-{one}" for one in range(1, number + 1)]


def _added(what: str, name: str, options: list[str]) -> Any:
    return ask([what, "add", name, *options])


@contextmanager
def _serving(place: str, folder: Path, workers: int) -> Iterator[str]:
    command = [sys.executable, "-m", "api", "serve", "--port", "0", "--workers", str(workers)]
    here = {
        "PASSENGER_LANE_DESK_DATABASE": place,
        "PASSENGER_LANE_DESK_LOG_LEVEL": "warning",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    log = folder / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | here,
            start_new_session=True,
        ) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith(_READY):
                raise BenchmarkError(f"the desk did not start: {log.read_text(errors='replace')[-2000:]}")
            yield line.removeprefix(_READY).strip()
        finally:
            process.terminate()
            process.wait(30)
