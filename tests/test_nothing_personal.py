"""A whole demo, and everything that it writes: nothing personal is anywhere but where it must be.

Each place where something may be found is named in `ALLOWED`, one by one.
"""

import base64
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from lane.capture.measuring import Measurer
from lane.decision.evidence import Check
from lane.demo import desk_process, photos, run
from lane.demo.passengers import Passenger, demo_passengers
from lane.demo.terminal import Terminal
from lane.document.travel_document import check_expiry
from lane.passage.station import PassageReport

pytestmark = pytest.mark.thorough

NAME = "Ouyang-Sentinel"
METRICS_TOKEN = "a token that only the monitoring system knows"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
ALLOWED = {
    ("the officer's name", "desk.sqlite"): "SELECT name FROM officers",
    (
        "the day a document expires",
        "desk.sqlite",
    ): "SELECT payload FROM ledger UNION SELECT judged FROM referrals",
    ("the day a document expires", "lane.sqlite"): "SELECT payload FROM ledger",
}
"""What may be where: the query that gives each place of it in that database."""
VALID, EXPIRED, BORN = date(2987, 6, 5), date(1987, 6, 5), date(1946, 5, 4)
"""Days that nothing else is dated with, whatever day it is, here and in UTC."""


def dated(measurer: Measurer, today: date) -> tuple[Passenger, ...]:
    """The demo's passengers, with these days in their documents."""
    return tuple(
        replace(
            one,
            document=replace(
                one.document,
                expires_on=VALID if check_expiry(one.document, today) is Check.SUCCESSFUL else EXPIRED,
                born_on=BORN,
            ),
        )
        for one in demo_passengers(measurer, today)
    )


class Watcher(Terminal):
    """Looks at everything after each passenger, as a thief would."""

    def __init__(self, folder: Path) -> None:
        self.said = StringIO()
        super().__init__(Console(file=self.said), headless=True)
        self.folder, self.address = folder, ""
        self.secrets: dict[str, list[bytes]] = {}
        self.seen: dict[str, bytes] = {}

    def ready(self, address: str, sign_ins: Mapping[str, str]) -> None:
        self.address = address
        ((officer, password),) = sign_ins.items()
        self.secrets["the officer's name"] = [officer.encode()]
        self.secrets["the password"] = [password.encode()]

    def enters(self, number: int, passenger: Passenger) -> None:
        document = passenger.document
        for what, day in (
            ("the day a document expires", document.expires_on),
            ("a birthday", document.born_on),
        ):
            if day is not None:
                self.secrets.setdefault(what, []).append(day.isoformat().encode())

    def asking(self, ask: Callable[[Sequence[str]], Any]) -> Callable[[Sequence[str]], Any]:
        """The desk's commands; what one of them tells once is a secret."""

        def listening(arguments: Sequence[str]) -> Any:
            told = ask(arguments)
            if "token" in told:
                self.secrets["the lane's token"] = [told["token"].encode()]
            return told

        return listening

    def passed(self, report: PassageReport) -> None:
        for path in self.folder.iterdir():
            # As the disk has it after each passenger, not only at the end.
            self.seen[path.name] = self.seen.get(path.name, b"") + path.read_bytes()
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        answer = httpx.get(f"{self.address}/api/v1/metrics", headers=headers, trust_env=False)
        assert answer.status_code == 200
        self.said.write(answer.text)


@pytest.fixture(scope="module")
def watched(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Watcher:
    folder = tmp_path_factory.mktemp("watched")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "OFFICER", NAME)
        patched.setattr(run, "demo_passengers", dated)
        patched.setenv("PASSENGER_LANE_DESK_METRICS_TOKEN", METRICS_TOKEN)
        patched.setenv("PASSENGER_LANE_DESK_LOG_LEVEL", "debug")
        watcher = Watcher(folder)
        patched.setattr(desk_process, "ask", watcher.asking(desk_process.ask))
        with redirect_stdout(watcher.said), redirect_stderr(watcher.said):
            summary = run.run(watcher, headless=True, data=folder)
    assert summary["ledger"]["verified"]
    for path in folder.iterdir():
        watcher.seen[path.name] = watcher.seen.get(path.name, b"") + path.read_bytes()
    return watcher


def test_no_face_is_written_in_clear(watched: Watcher) -> None:
    markers = [JPEG, JPEG.hex().encode(), base64.b64encode(JPEG)[:12]]
    for name in ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg"):
        content = photos.load(name)
        markers += [content[at : at + 24] for at in range(1000, len(content) - 24, len(content) // 8)]
    for file, content in watched.seen.items():
        assert not [marker for marker in markers if marker in content], file


def test_personal_data_stays_where_allowed(watched: Watcher) -> None:
    assert len(watched.secrets) == 5
    secrets = watched.secrets | {"the metrics token": [METRICS_TOKEN.encode()]}
    for what, values in secrets.items():
        for file, content in watched.seen.items():
            allowed = ALLOWED.get((what, file.removesuffix("-wal")))
            for value in set(values):
                assert allowed or value not in content, f"{what} is in {file}"


def test_allowed_data_stays_in_its_tables(watched: Watcher) -> None:
    for (what, file), query in ALLOWED.items():
        with closing(sqlite3.connect(watched.folder / file)) as raw:
            there = {text for (text,) in raw.execute(query)}
            for table, columns in columns_of(raw).items():
                for column in columns:
                    found = [
                        text
                        for (text,) in raw.execute(f'SELECT CAST("{column}" AS BLOB) FROM "{table}"')
                        if text and any(value in bytes(text) for value in watched.secrets[what])
                    ]
                    assert {bytes(text).decode() for text in found} <= there, f"{what}: {table}.{column}"


def columns_of(raw: sqlite3.Connection) -> dict[str, list[str]]:
    tables = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {table: [row[1] for row in raw.execute(f'PRAGMA table_info("{table}")')] for (table,) in tables}


def test_nothing_personal_is_said(watched: Watcher) -> None:
    said = watched.said.getvalue()
    assert "referrals_waiting" in said
    for values in watched.secrets.values():
        for value in values:
            assert value.decode() not in said
    logs = [content for name, content in watched.seen.items() if name.endswith(".log")]
    assert logs
    assert all(b"referral.opened" in content for content in logs)


def test_passed_people_are_gone_others_sealed(watched: Watcher) -> None:
    with closing(sqlite3.connect(watched.folder / "desk.sqlite")) as raw:
        erased = dict(raw.execute("SELECT passage, because FROM faces WHERE erased_at IS NOT NULL"))
        held = {passage for (passage,) in raw.execute("SELECT DISTINCT passage FROM images")}
        through = {
            passage
            for (passage,) in raw.execute("SELECT passage FROM referrals WHERE ended = 'passed_through'")
        }
    with closing(sqlite3.connect(watched.folder / "desk.sqlite.keys")) as raw:
        keys = {passage for (passage,) in raw.execute("SELECT passage FROM keys")}
    assert through
    assert through <= set(erased)
    assert not held & set(erased)
    assert keys == held
