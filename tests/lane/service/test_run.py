"""`python -m lane check` and `run`, as an installer starts them: camera, folder for documents, real desk."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest

from lane.cameras.simulated import render
from lane.capture.measuring import Measurer
from lane.demo.passengers import Passenger, demo_passengers
from lane.demo.scripted_officer import ScriptedOfficer
from lane.ledger.entry import Entry, read
from tests.support.desk_of_lane import desk_of_lane
from tests.support.processes import children_of

ROOT = Path(__file__).parents[3]
LANE = "lane-1"
WITHIN_S = 120.0


@dataclass(frozen=True)
class Site:
    """A lane's settings, where its camera sees the holder of the document that is dropped."""

    folder: Path
    settings: Path
    documents: Path
    holder: Passenger

    def drop(self) -> None:
        said = self.holder.document
        assert said.expires_on
        assert said.born_on
        (self.documents / "one.jpg").write_bytes(said.photo)
        days = {"expires_on": str(said.expires_on), "born_on": str(said.born_on)}
        plain = {"code": "P", "issuer": "UTO", **days}
        (self.documents / "one.json.part").write_text(json.dumps(plain), encoding="utf-8")
        (self.documents / "one.json.part").rename(self.documents / "one.json")

    def entries(self) -> list[Entry]:
        path = self.folder / "lane.sqlite"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
            try:
                rows = ledger.execute("SELECT payload, hash FROM ledger ORDER BY seq").fetchall()
            except sqlite3.OperationalError:
                return []
        return [read(*row) for row in rows]

    def await_kinds(self, kind: str, count: int) -> None:
        until = time.monotonic() + WITHIN_S
        while sum(one.kind == kind for one in self.entries()) < count:
            assert time.monotonic() < until, [one.kind for one in self.entries()]
            time.sleep(0.2)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, photos: Path, measurer: Measurer) -> Iterator[Site]:
    assert photos.is_dir()
    holder = demo_passengers(measurer, date.today())[0]  # noqa: DTZ011  the document's own day
    folder = tmp_path_factory.mktemp("site")
    documents, pictures = folder / "documents", folder / "pictures"
    documents.mkdir(mode=0o700)
    pictures.mkdir()
    rng = np.random.default_rng(1)
    for number in range(40):
        image = render(holder.scene, 1.2 + number / 12.5, rng)
        cv2.imwrite(str(pictures / f"{number:03}.png"), image)
    with (
        desk_of_lane(folder, LANE) as desk,
        ScriptedOfficer(desk.address, "officer", desk.password, on_failure=lambda: None),
    ):
        settings = folder / "lane.toml"
        settings.write_text(
            f"""
journal = "{folder}/lane.sqlite"

[camera]
source = "{pictures}"
frames_per_second = 12.5
at_end = "loop"

[document]
source = "folder:{documents}"

[kiosk]
port = 0

[engine]
threads = 1

[desk]
address = "{desk.address}"
token = "{desk.token}"
""",
            encoding="utf-8",
        )
        yield Site(folder, settings, documents, holder)


def lane(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-m", "lane", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN_S, check=False)


@contextmanager
def running(site: Site) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "lane", "run", "--settings", str(site.settings)]
    with (
        (site.folder / "lane.log").open("ab") as log,
        subprocess.Popen(command, cwd=ROOT, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)


@pytest.mark.thorough
def test_check_tells_what_is_wrong(site: Site) -> None:
    done = lane("check", "--settings", site.settings, "--json")
    found = {one["device"]: one for one in json.loads(done.stdout)}
    assert {name for name, one in found.items() if not one["ok"]} <= {"disk"}, done.stdout
    devices = "camera document gate kiosk journal retention networks policy desk clock"
    assert set(devices.split()) <= set(found)
    wrong = site.folder / "wrong.toml"
    text = site.settings.read_text(encoding="utf-8")
    wrong.write_text(text.replace("/pictures", "/none").replace('token = "', 'token = "x'), encoding="utf-8")
    done = lane("check", "--settings", wrong)
    assert done.returncode == 1
    faults = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAULT")}
    assert {"camera", "desk"} <= faults
    assert "token" not in done.stdout.split("desk", 1)[0]


@pytest.mark.thorough
def test_lane_runs_from_settings_until_told(site: Site) -> None:
    with running(site) as supervisor:
        site.await_kinds("lane.started", 1)
        time.sleep(1)
        site.drop()
        site.await_kinds("passage.closed", 1)
        assert list(site.documents.iterdir()) == []
        [child] = children_of(supervisor.pid, "lane run")
        os.kill(child, signal.SIGKILL)
        site.await_kinds("lane.started", 2)
        [again] = children_of(supervisor.pid, "lane run")
        supervisor.terminate()
        assert supervisor.wait(30) == 143
        assert not Path(f"/proc/{again}").exists()
    kinds = [one.kind for one in site.entries()]
    assert kinds.count("passage.started") == kinds.count("passage.closed") == 1
    assert "Traceback" not in (site.folder / "lane.log").read_text(encoding="utf-8")


@pytest.mark.thorough
def test_ordered_recording_replays_same_decision(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, before = site.folder / "recordings", len(site.entries())
    done = lane("record", folder, "--settings", site.settings)
    assert done.returncode == 2
    assert "PASSENGER_LANE_RECORDING_KEY" in done.stderr
    monkeypatch.setenv("PASSENGER_LANE_RECORDING_KEY", "5e" * 32)
    command = [sys.executable, "-m", "lane", "record", str(folder), "--settings", str(site.settings)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        started = sum(one.kind == "lane.started" for one in site.entries()[:before])
        site.await_kinds("lane.started", started + 1)
        time.sleep(1)
        site.drop()
        _, said = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, said
    [judged] = [one for one in site.entries()[before:] if one.kind == "passage.judged"]
    assert judged.body["recording"]["frames"] > 0
    done = lane("replay", folder, "--settings", site.settings, "--json")
    assert done.returncode == 0, done.stdout
    [replayed] = json.loads(done.stdout)
    assert replayed["identical"] is True
    assert replayed["outcome"] == judged.body["outcome"]
