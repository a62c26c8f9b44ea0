"""The lane is killed, at every write or at random moments while passengers come, and starts again.

Nothing is lost, nothing applied twice, and the gate is shut: its diary, or the relay box's, is the judge.
`CRASH_KILLS=200` kills it at random as often; run it with `-s` to see the report.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import pytest

from lane.decision.referral import Answer, Ground
from lane.demo import desk_process
from lane.demo.scripted_officer import Script, ScriptedOfficer
from lane.gate.settings import GateSettings
from lane.ledger.entry import Entry, read
from lane.ledger.journal import SqliteJournal
from tests.support.desk_of_lane import desk_of_lane
from tests.support.lane.gate_witness import Witness
from tests.support.lane.relay_box import RelayBox
from tests.support.processes import meanwhile, until

ROOT = Path(__file__).parents[3]
KINDS = ("passage.started", "gate.opening", "passage.closed", "passage.evaluated")
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


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a lane with a real desk and an officer who decides."""
    with site(tmp_path_factory.mktemp("crash"), "lane-crash") as lane:
        yield lane


@contextmanager
def site(folder: Path, lane: str, **more: str) -> Iterator[dict[str, str]]:
    """A desk process with an officer who decides, and the settings of a lane of it, also as a file."""
    with pytest.MonkeyPatch.context() as environment, ExitStack() as running:
        environment.setenv("PASSENGER_LANE_DESK_CORRECTION_WINDOW_S", "0")
        desk = running.enter_context(desk_of_lane(folder, lane))
        settings = {
            "lane": lane,
            "journal": str(folder / "lane.sqlite"),
            "diary": str(folder / "gate.txt"),
            "desk": desk.address,
            "token": desk.token,
            "database": str(desk.database),
            **more,
        }
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        settings["file"] = str(folder / "settings.json")
        with ScriptedOfficer(
            desk.address, "officer", desk.password, on_failure=lambda: None, script=again_then_admit()
        ) as officer:
            yield settings
        assert officer.failure is None


def again_then_admit() -> Script:
    """Has every other case captured once more, and admits the rest."""
    answers = cycle([(Answer.REPEAT_CAPTURE, Ground.POOR_PICTURES), (Answer.ADMIT, Ground.CHECKED_BY_HAND)])
    return lambda _: next(answers)


class Runs:
    """Runs of the lane, each a process of its own, which `tests.support.lane` starts by this module."""

    def __init__(self, module: str, lane: dict[str, str]) -> None:
        command = [sys.executable, "-m", f"tests.support.lane.{module}", lane["file"]]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, *wanted: int) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{' '.join(map(str, wanted))}\n")
        self._process.stdin.flush()

    def said(self) -> list[int]:
        assert self._process.stdout
        return [int(word) for word in self._process.stdout.readline().split()]

    def crash(self, at: int, passengers: int) -> tuple[int, int]:
        """Exit status, and how many writes there were in a run that lived."""
        self.start(at, passengers)
        status, writes = self.said()
        return status, writes

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture
def runs(lane: dict[str, str]) -> Iterator[Runs]:
    with closing(Runs("crashing_lane", lane)) as all_runs:
        yield all_runs


def holds(lane: dict[str, str]) -> None:
    """What must be true of a lane that runs again."""
    passages = ledger_holds(lane)
    diary = Path(lane["diary"]).read_text(encoding="utf-8").splitlines()
    assert diary[-1] == "close"
    opened = Counter(line.removeprefix("open ") for line in diary if line.startswith("open "))
    assert all(count == 1 for count in opened.values()), "no passage opens a gate twice"
    assert set(opened) <= set(passages["gate.opening"]), "no gate moves without its entry"


def ledger_holds(lane: dict[str, str]) -> dict[str, Counter[str]]:
    """Nothing lost, nothing twice, at the lane and at its desk; returns the passages of each kind of fact."""
    with SqliteJournal(Path(lane["journal"]), lane["lane"]) as journal:  # verifies the chain
        payloads = list(journal.payloads())
        assert journal.pending(1) == []
        assert journal.unfinished() is None
    entries = [read(payload, hash_) for payload, hash_ in payloads]
    passages = {kind: Counter(e.body["passage"] for e in entries if e.kind == kind) for kind in KINDS}
    assert all(count == 1 for counts in passages.values() for count in counts.values())
    repeats: Counter[str] = Counter()
    judged = Counter(e.body["passage"] for e in entries if e.kind == "passage.judged")
    for entry in entries:
        if entry.kind == "passage.decided":
            repeats[entry.body["passage"]] += entry.body["decision"]["answer"] == Answer.REPEAT_CAPTURE
    assert all(count <= 1 + repeats[passage] for passage, count in judged.items()), "nobody is judged twice"
    assert passages["passage.started"] == passages["passage.closed"]
    assert said(lane) == payloads, "the desk has every entry, once, in order"
    return passages


def said(lane: dict[str, str]) -> list[tuple[str, str]]:
    """The lane's entries as they stand in the desk's own ledger."""
    with closing(sqlite3.connect(f"file:{lane['database']}?mode=ro", uri=True)) as desk:
        rows = desk.execute("SELECT payload, hash FROM ledger ORDER BY seq").fetchall()
    received = [read(payload, hash_).body for payload, hash_ in rows if '"entry.received"' in payload]
    return [(body["payload"], body["hash"]) for body in received if body["chain"] == lane["lane"]]


@pytest.mark.thorough
def test_kill_at_every_write_loses_nothing(lane: dict[str, str], runs: Runs) -> None:
    """At each write of a passage of two."""
    status, writes = runs.crash(0, 2)
    assert status == 0
    assert writes > 40
    for crash_at in range(1, writes + 1):
        assert was_killed(runs, crash_at), f"write {crash_at} of {writes}"
        status, _ = runs.crash(0, 0)
        assert status == 0, "the lane starts again"
        holds(lane)
    with SqliteJournal(Path(lane["journal"]), lane["lane"]) as journal:
        heads = [word for head in journal.desk_heads() for word in ("--head", str(head))]
    verdict = desk_process.ask(["ledger", "verify", "--database", lane["database"], *heads, "--json"])
    assert verdict["verified"] is True
    opened = [e.body["because"] for e in entries_delivered(lane) if e.kind == "gate.opening"]
    assert set(opened) == {"proof", "officer"}, "killed around both ways to open"
    answers = {e.body["decision"]["answer"] for e in entries_delivered(lane) if e.kind == "passage.decided"}
    assert answers == {"admit", "repeat_capture"}, "killed around both"
    evaluated = {e.body["own_match"] for e in entries_delivered(lane) if e.kind == "passage.evaluated"}
    assert True in evaluated, "killed around the evaluation, too"


def was_killed(runs: Runs, crash_at: int) -> bool:
    """Whether a run came as far as that write: one in which nobody is captured again has fewer."""
    for _ in range(4):
        status, writes = runs.crash(crash_at, 2)
        if status == -signal.SIGKILL:
            return True
        assert status == 0
        assert writes < crash_at
    return False


def entries_delivered(lane: dict[str, str]) -> list[Entry]:
    return [read(payload, hash_) for payload, hash_ in said(lane)]


# --- at random moments


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


def walking(box: RelayBox, rng: random.Random) -> Callable[[threading.Event], None]:
    """Whoever finds the door open walks through it, most of the time."""

    def walk(ended: threading.Event) -> None:
        while not ended.wait(0.01):
            if box.is_open() and rng.random() < 0.9:
                box.walk(("a", "ab", "b", ""))

    return walk


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
    until(lambda: not box.is_open(), 10)
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
        with site(tmp_path, "lane-kill", **more) as lane, meanwhile(walking(box, random.Random(SEED))):
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
    report: Report, passages: dict[str, Counter[str]], witness: Witness, box: RelayBox, lane: dict[str, str]
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
