"""The lane is killed at random moments while passengers come; the relay box's diary is the judge.

`CRASH_KILLS=200` kills it as often; run it with `-s` to see the report.
"""

import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lane.gate.settings import GateSettings
from tests.lane.service.test_crash import Runs, entries_delivered, ledger_holds, site
from tests.support.lane.gate_witness import Witness
from tests.support.lane.relay_box import RelayBox

LANE = "lane-kill"
KILLS = int(os.environ.get("CRASH_KILLS", "5"))
SEED = int(os.environ.get("CRASH_SEED", "5"))
LONGEST_S = 2.0
"""A run is killed after no more."""
MANY = 1000
WIRED = GateSettings(
    kind="modbus", exit_shut=2, poll_s=0.02, watchdog_s=0.6, shuts_within_s=2.0, gap_s=0.05, timeout_s=0.5
)
BUSY_S = 0.4
"""By so much may a timer be late on a machine that does other things, too."""


@dataclass
class Report:
    """What is printed."""

    kills: int = 0
    ended_before: int = 0
    where: Counter[str] = field(default_factory=Counter)
    """Where the passage under way stood when the lane was killed."""
    shut_after_s: list[float] = field(default_factory=list)
    """Where a door was open: how long after the kill it was shut, by the box's own timer."""
    at_work_s: float = 0.0


@contextmanager
def walking(box: RelayBox, rng: random.Random) -> Iterator[None]:
    """Whoever finds the door open walks through it, most of the time."""
    ended = threading.Event()

    def walk() -> None:
        while not ended.wait(0.01):
            if box.is_open() and rng.random() < 0.9:
                for beams in ("a", "ab", "b", ""):
                    box.set("entry_beam", on="a" in beams)
                    box.set("exit_beam", on="b" in beams)
                    ended.wait(0.08)

    thread = threading.Thread(target=walk)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def state_of(lane: dict[str, str]) -> str:
    """Where the passage under way stands, as the disk has it."""
    path = Path(lane["journal"])
    if not path.exists():
        return "not begun"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        try:
            row = journal.execute("SELECT state FROM standing").fetchone()
        except sqlite3.OperationalError:  # killed before the tables were made
            return "not begun"
    return str(row[0]) if row else "not begun"


def kill_once(lane: dict[str, str], runs: Runs, box: RelayBox, after_s: float, report: Report) -> None:
    runs.start(MANY)
    [process] = runs.said()
    time.sleep(after_s)
    os.kill(process, signal.SIGKILL)  # a process that has ended is not waited for before its status is read
    killed_s = time.monotonic()
    was_open = box.is_open()
    [status] = runs.said()
    assert status in (-signal.SIGKILL, 0), "a lane ends by being killed, or closes itself"
    report.kills += status == -signal.SIGKILL
    report.ended_before += status == 0
    report.where[state_of(lane)] += 1
    while box.is_open():
        assert time.monotonic() - killed_s < 10, "the door of a dead lane stays open"
        time.sleep(0.005)
    if was_open and box.diary[-1].by == "watchdog":
        report.shut_after_s.append(box.diary[-1].at_s - killed_s)


@pytest.mark.thorough
def test_random_kills_lose_nothing(tmp_path: Path) -> None:
    """No door opens without a decision either."""
    rng, report = random.Random(SEED), Report()
    passages: dict[str, Counter[str]] = {}
    witness = Witness(tmp_path / "lane.sqlite")
    with RelayBox(WIRED, watch=witness) as box:
        more = {"gate": box.settings.model_dump_json()}
        with site(tmp_path, LANE, **more) as lane, walking(box, random.Random(SEED)):
            runs, begun_s = Runs("lane_to_kill", lane), time.monotonic()
            for number in range(1, KILLS + 1):
                kill_once(lane, runs, box, rng.uniform(0, LONGEST_S), report)
                assert witness.breaches == []
                if number % 20 == 0 or number == KILLS:
                    runs.start(0)
                    assert len(runs.said()) == 1
                    assert runs.said() == [0], "the lane starts again"
                    passages = ledger_holds(lane)
            runs.close()
            report.at_work_s = time.monotonic() - begun_s
            tell(report, passages, witness, box, lane)
            assert set(witness.opened) <= set(passages["gate.opening"])
    assert max(report.shut_after_s, default=0.0) <= WIRED.watchdog_s + BUSY_S


def tell(
    report: Report,
    passages: dict[str, Counter[str]],
    witness: Witness,
    box: RelayBox,
    lane: dict[str, str],
) -> None:
    entries = entries_delivered(lane)
    because = Counter(e.body["because"] for e in entries if e.kind == "gate.opening")
    ended = Counter(e.body["how"] for e in entries if e.kind == "passage.closed")
    latest = max(report.shut_after_s, default=0.0)
    print()
    load = f"load {os.getloadavg()[1]:.0f} on {len(os.sched_getaffinity(0))} cores"
    print(f"killed {report.kills} times within {report.at_work_s:.0f} s ({load}), at {dict(report.where)}")
    print(f"ended by itself before it could be killed: {report.ended_before}")
    lost = sum((passages["passage.started"] - passages["passage.closed"]).values())
    double = sum(count - 1 for kind in passages.values() for count in kind.values())
    breaches = len(witness.breaches)
    print(f"passages {len(passages['passage.started'])}, ended {dict(ended)}; lost {lost}, double {double}")
    print(f"openings announced {dict(because)}, done {len(box.openings())}, without an entry {breaches}")
    print(
        f"killed with the door open {len(report.shut_after_s)} times: shut by the box within {latest:.2f} s"
    )
    assert len(box.openings()) == sum(witness.opened.values())
    assert KILLS < 100 or set(because) == {"proof", "officer"}, "killed around both ways to open"
