"""The whole thing: two processes, real networks, real photographs, a ledger that proves it."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from lane.demo.desk_process import ask
from tests.lane.passage.test_station import EXPECTED
from tests.support.processes import heeds_ctrl_c

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "lane", "demo"]

JFIF = b"\xff\xd8\xff\xe0\x00\x10JFIF"
"""How a picture of the lane begins; three bytes of it turn up in sealed data by chance."""


def run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def demo(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo") / "data"
    done = run([*COMMAND, "--headless", "--json", "--data", str(folder)])
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary | {"folder": folder, "shown": done.stderr}


def test_demo_writes_no_face(demo: dict[str, Any], photos: Path) -> None:
    """Ledger, queue, keys, journal and log, as they lie on the disk, with what SQLite left in free pages."""
    written = [path for path in Path(demo["folder"]).rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {".sqlite", ".log", ".keys"}
    pictures = [path.read_bytes() for path in photos.iterdir() if path.suffix == ".jpg"]
    pieces = [picture[place : place + 48] for picture in pictures for place in range(2000, 4000, 400)]
    assert pieces
    for path in written:
        content = path.read_bytes()
        assert JFIF not in content, path.name
        assert not any(piece in content for piece in pieces), path.name
        assert path.suffix != ".log" or b"Bearer" not in content


def test_every_passenger_gets_the_rules_outcome(demo: dict[str, Any]) -> None:
    found = {line["passenger"]: line for line in demo["passages"]}
    assert set(found) == set(EXPECTED)
    for name, reasons in EXPECTED.items():
        assert found[name]["outcome"] == ("refer" if reasons else "admit"), name
        assert reasons <= set(found[name]["reasons"]), name
        assert bool(found[name]["reasons"]) is bool(reasons), name
    assert found["blurred"]["components"]["F04"] == ["sharpness"]
    assert found["dark"]["components"]["F04"][0] == "brightness"


def test_gate_opens_only_for_the_admitted(demo: dict[str, Any]) -> None:
    for line in demo["passages"]:
        assert (line["officer"] is None) is (line["outcome"] == "admit")
        assert line["gate_opened"] is (line["outcome"] == "admit" or line["officer"] == "admit")
    assert {line["officer"] for line in demo["passages"]} == {None, "admit", "second_line"}


def test_ledger_verifies_and_finds_changed_entry(demo: dict[str, Any]) -> None:
    assert demo["ledger"]["verified"] is True
    database = demo["folder"] / "desk.sqlite"
    verify = [sys.executable, "-m", "api", "ledger", "verify", "--database", str(database)]
    assert run(verify).returncode == 0
    changed = demo["folder"] / "changed.sqlite"
    changed.write_bytes(database.read_bytes())
    with closing(sqlite3.connect(changed)) as ledger, ledger:
        for (trigger,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            ledger.execute(f'DROP TRIGGER "{trigger}"')
        ledger.execute("UPDATE ledger SET payload = replace(payload, 'second_line', 'admit') WHERE seq > 3")
    assert run([*verify[:-1], str(changed)]).returncode == 1


def test_demo_shows_passages_as_they_go(demo: dict[str, Any]) -> None:
    stages = {"detect", "quality", "align", "embed", "compare", "decide", "total"}
    for line in demo["passages"]:
        assert line["passenger"] in demo["shown"]
        assert stages <= set(line["timings_ms"])
    assert "ledger:" in demo["shown"]


def test_non_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    done = run([*COMMAND, "--headless", "--data", str(tmp_path)])
    assert done.returncode == 2
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "precious"


def started(command: Sequence[str], terminal: int) -> "subprocess.Popen[str]":
    """A demo with this for its standard input."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=terminal,
        preexec_fn=heeds_ctrl_c,  # noqa: PLW1509  no thread runs between fork and exec that it could disturb
    )


def test_ctrl_c_ends_demo_cleanly(photos: Path, tmp_path: Path) -> None:
    assert photos.is_dir()
    command = [*COMMAND, "--headless", "--data", str(tmp_path / "data")]
    with started(command, subprocess.DEVNULL) as demo:
        assert demo.stdout
        address = next(line.split()[-1] for line in demo.stdout if "Officer's desk" in line)
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert errors.rstrip().endswith("stopped")
    assert "Traceback" not in errors
    assert not answers(address), "no desk is left behind"


ONE_PASSENGER = """
from lane.demo import run as demo
from lane.__main__ import main
demo_passengers = demo.demo_passengers
demo.demo_passengers = lambda *given: demo_passengers(*given)[:1]
main()
"""
ROLES = ("officer", "supervisor", "auditor", "administrator")


@pytest.fixture
def watched(photos: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A demo of one passenger, with a person at its terminal."""
    assert photos.is_dir()
    person, terminal = os.openpty()
    command = [sys.executable, "-c", ONE_PASSENGER, "demo", "--data", str(tmp_path / "data")]
    with started(command, terminal) as demo:
        yield demo
        demo.kill()
    os.close(person)
    os.close(terminal)


def test_the_demo_stays_until_control_c(watched: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Desk and screen go on after the last passenger, and each role can sign in as it was told."""
    assert watched.stdout
    lines = []
    for line in watched.stdout:
        lines.append(line.split())
        if "Everybody is through" in line:
            break
    assert lines, watched.stderr and watched.stderr.read()
    desk, screen = (next(words[-1] for words in lines if what in words) for what in ("desk", "screen"))
    passwords = {words[0]: words[1] for words in lines if words and words[0] in ROLES}
    assert any({"frames:", "detect", "ms"} <= set(words) for words in lines)
    time.sleep(1)
    for role in ROLES:
        given = {"name": role, "password": passwords[role]}
        signed_in = httpx.post(f"{desk}/api/v1/session", json=given, timeout=60)
        assert signed_in.json()["officer"]["role"] == role
    assert httpx.get(f"{screen}state", timeout=60).json()["instruction"] == "welcome"
    watched.send_signal(signal.SIGINT)
    rest, errors = watched.communicate(timeout=120)
    assert watched.returncode == 0, errors
    assert "Traceback" not in errors
    assert re.search(r"ledger: \d+ entries, verified", rest)
    cases = ask(["case", "list", "--database", str(tmp_path / "data" / "desk.sqlite"), "--json"])
    assert [(one["truth"], one["training"]) for one in cases] == [("same", True), ("different", True)]
    assert list((tmp_path / "data").glob("case-*")) == []
    assert not answers(desk), "no desk is left behind"


def answers(address: str) -> bool:
    for _ in range(50):
        try:
            httpx.get(f"{address}/health", timeout=1)
        except httpx.HTTPError:
            return False
        time.sleep(0.1)
    return True
