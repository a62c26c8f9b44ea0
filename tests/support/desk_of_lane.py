"""A desk in a process of its own, with one lane and one officer, as its commands make them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lane.demo import desk_process


@dataclass(frozen=True, slots=True)
class DeskOfLane:
    address: str
    database: Path
    token: str
    """The lane's."""
    password: str
    """Of the account `officer`."""


@contextmanager
def desk_of_lane(folder: Path, lane: str) -> Iterator[DeskOfLane]:
    database = folder / "desk.sqlite"
    at = ["--database", str(database), "--json"]
    token = desk_process.ask(["lane", "add", lane, *at])["token"]
    password = desk_process.ask(["officer", "add", "officer", "--generate", *at])["password"]
    with desk_process.desk_process(database, folder / "desk.log") as address:
        yield DeskOfLane(address, database, token, password)
