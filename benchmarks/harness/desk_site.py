"""A desk as a process of its own, with lanes and officers, made by its command line as a site would."""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.errors import BenchmarkError
from lane.demo.desk_process import ask, listening_at
from lane.platform.process_supervisor import start_talking


@dataclass(frozen=True, slots=True)
class Site:
    address: str
    tokens: dict[str, str]
    """Lane → its token."""
    passwords: dict[str, str]
    """Officer → the password."""


@contextmanager
def site(database: str | None, *, lanes: int, officers: int, workers: int) -> Iterator[Site]:
    """Without a database: an SQLite file in a folder that is gone afterwards.

    Raises BenchmarkError where the desk refuses something, SettingsError where it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="passenger-lane-desk-") as folder:
        place = database or str(Path(folder) / "desk.sqlite")
        run = secrets.token_hex(3)  # a server's database may know others from an earlier run
        chief = f"chief-{run}"
        how = ("--role", "administrator", "--generate", "--json")
        password = ask(["officer", "add", chief, *how, "--database", place])["password"]
        with (
            _serving(place, Path(folder), workers) as address,
            _signed_in(address, chief, password) as administrator,
        ):
            tokens = {}
            for name in (f"lane-{run}-{number}" for number in range(1, lanes + 1)):
                made = _done(administrator.post("/lane-tokens", json={"lane": name}))
                tokens[name] = str(made.json()["token"])
            names = (f"o-{run}-{number}" for number in range(1, officers + 1))
            yield Site(address, tokens, {name: _officer(administrator, name) for name in names})


@contextmanager
def _signed_in(address: str, name: str, password: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api/v1", timeout=60, trust_env=False) as client:
        answer = _done(client.post("/session", json={"name": name, "password": password}))
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield client


def _officer(administrator: httpx.Client, name: str) -> str:
    """A new officer's password, which the officer has chosen in place of the first one."""
    first = _done(administrator.post("/officers", json={"name": name})).json()["password"]
    chosen = secrets.token_urlsafe(16)
    with _signed_in(str(administrator.base_url).partition("/api")[0], name, first) as own:
        _done(own.put("/password", json={"old": first, "new": chosen}))
    return chosen


def _done(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise BenchmarkError(f"the desk refuses {answer.request.url.path}: HTTP {answer.status_code}")
    return answer


@contextmanager
def _serving(place: str, folder: Path, workers: int) -> Iterator[str]:
    command = [sys.executable, "-m", "api", "serve", "--port", "0", "--workers", str(workers)]
    here = {
        "PASSENGER_LANE_DESK_DATABASE": place,  # not an argument: a server's address may hold a password
        "PASSENGER_LANE_DESK_KEYS": str(folder),
        "PASSENGER_LANE_DESK_LOG_LEVEL": "warning",
    }
    log = folder / "log"
    with log.open("wb") as errors:
        child = start_talking([*command, "--exit-with-parent"], os.environ | here, errors)
        try:
            yield listening_at(child, log)
        finally:
            child.process.terminate()
            child.end(10)
