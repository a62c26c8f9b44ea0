"""The lane is killed at every write. After its restart: nothing lost, nothing applied twice, gate closed."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle
from pathlib import Path

import pytest

from lane.decision.referral import Answer, Ground
from lane.demo import desk_process
from lane.demo.scripted_officer import Script, ScriptedOfficer
from lane.ledger.entry import Entry, read
from lane.ledger.journal import SqliteJournal
from tests.support import tiers
from tests.support.desk_of_lane import desk_of_lane

LANE = "lane-crash"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a lane with a real desk and an officer who decides."""
    with site(tmp_path_factory.mktemp("crash"), LANE) as lane:
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


KINDS = (
    "passage.started",
    "gate.opening",
    "passage.closed",
    "passage.evaluated",
)


def said(lane: dict[str, str]) -> list[tuple[str, str]]:
    """The lane's entries as they stand in the desk's own ledger."""
    with closing(sqlite3.connect(f"file:{lane['database']}?mode=ro", uri=True)) as desk:
        rows = desk.execute("SELECT payload, hash FROM ledger ORDER BY seq").fetchall()
    received = [read(payload, hash_).body for payload, hash_ in rows if '"entry.received"' in payload]
    return [(body["payload"], body["hash"]) for body in received if body["chain"] == lane["lane"]]


@pytest.mark.thorough
@tiers.parametrize("apart", [16, 1], quick=1)
def test_kill_at_every_write_loses_nothing(lane: dict[str, str], runs: Runs, apart: int) -> None:
    """At each write of a passage of two, or at each sixteenth."""
    status, writes = runs.crash(0, 2)
    assert status == 0
    assert writes > 40
    for crash_at in range(1, writes + 1, apart):
        assert was_killed(runs, crash_at), f"write {crash_at} of {writes}"
        status, _ = runs.crash(0, 0)
        assert status == 0, "the lane starts again"
        holds(lane)
    with SqliteJournal(Path(lane["journal"]), LANE) as journal:
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
