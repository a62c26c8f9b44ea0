"""How many lanes a machine carries: what a step comes to, when it is broken; and no lane is left behind."""

import os
import signal
import time
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.capacity import lane_processes
from benchmarks.capacity.capacity import Load, carried, draw, steps_of, summed_up, work, worked
from benchmarks.capacity.lane_processes import LaneProcess, Lanes, Passage
from benchmarks.capacity.lane_processes import running as lanes
from benchmarks.errors import BenchmarkError
from benchmarks.harness.desk_site import Site, site
from benchmarks.harness.drawn_frames import cast_as_holder, holder, write_film
from benchmarks.harness.noted_camera import Noted
from benchmarks.harness.plots import svg
from benchmarks.harness.result import read
from lane.capture.measuring import Measurer
from lane.document.travel_document import TravelDocument
from tests.support.benchmarks.command_line import run, running
from tests.support.benchmarks.made_up_results import of_step, result
from tests.support.processes import children_of, command_of, until

LOAD = Load(frames_per_second=15, limit_ms=100, seconds=10)
MS = 1_000_000


def lane(**more: Any) -> dict[str, Any]:
    """What one lane came to that is carried."""
    whole = {
        "seconds": 10.0,
        "cpu_s": 2.5,
        "decided_ns": [(50 * MS, 250 * MS), (60 * MS, 300 * MS)],
        "referred": {},
        "frames_came": 150,
        "frames_looked_at": 147,
        "frames_per_second": 15.0,
    }
    return whole | more


def test_carried_lanes_told_in_figures() -> None:
    step = summed_up(LOAD, [lane(), lane(decided_ns=[(80 * MS, 400 * MS)])])
    found = of_step(step)
    assert (step.load, found["passages"].number, step.broken) == (2, 3, ())
    assert (found["decision"].number, found["decision"].tails["p99"]) == (60, 80)
    assert found["first frame to decision"].tails["max"] == 400
    assert (found["passed over"].number, found["passed over share"].number) == (6, 0.02)
    assert found["frames per second of the slowest lane"].number == 15
    assert 0 < (found["cpu share"].number or 0) <= 0.5


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"decided_ns": [(101 * MS, 300 * MS)]}, "decided later than 100 ms (p99)"),
        ({"referred": {"F03 S07": 1}}, "passengers were referred for lack of time"),
        ({"frames_looked_at": 100}, "more than a tenth of the frames were passed over"),
        ({"frames_per_second": 10.0}, "a camera gave less than nine frames of ten"),
        ({"frames_per_second": 0.0}, "a camera gave less than nine frames of ten"),
        ({"decided_ns": []}, "no passage was decided"),
    ],
)
def test_what_breaks_is_named(more: dict[str, Any], why: str) -> None:
    """The slowest of several cameras is enough."""
    one = lane(**more)
    step = summed_up(LOAD, [lane()] * 9 + [one] if "frames_per_second" in more else [one])
    assert step.broken == (why,)
    assert of_step(step)["frames per second of the slowest lane"].number == one["frames_per_second"]


@pytest.mark.parametrize(("carries", "tried"), [(0, [1]), (1, [1, 2]), (5, [1, 2, 4, 8, 6, 5])])
def test_lanes_grow_until_late_then_bisect(carries: int, tried: list[int]) -> None:
    def machine(count: int, seconds: float) -> list[dict[str, Any]]:
        assert seconds == LOAD.seconds
        late = {"decided_ns": [(101 * MS, 300 * MS)]} if count > carries else {}
        return [lane(**late)] * count

    said: list[str] = []
    steps = list(steps_of(machine, LOAD, said.append))
    assert [step.load for step in steps] == tried
    assert carried(steps).number == carries
    assert said[0] == "1 lane for 10 s …"
    assert ("carried" in said[1]) is (carries > 0)


def test_steps_and_broken_steps_are_drawn() -> None:
    late = lane(decided_ns=[(150 * MS, 300 * MS)])
    steps = [summed_up(LOAD, some) for some in ([lane()] * 2, [late] * 4, [lane()] * 3)]
    made = result(
        "capacity",
        carried(steps),
        *(figure for step in steps for figure in step.figures),
        conditions={"limit_ms": 100, "frames_per_second": 15},
    )
    drawn = svg(draw(made))
    assert drawn.count('id="ring"') == 3, "a ring on each line, at the step that broke"
    for part in ("<svg", "3 lanes are carried", "frames passed over", "cores", "p99"):
        assert part in drawn


@pytest.mark.thorough
def test_command_searches_tells_and_draws(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "capacity.json"
    # No machine decides in a millisecond: one lane is too much, and the search is over.
    done = run("capacity", "--limit-ms", "1", "--seconds", "3", "--every-s", "0", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "decided later than 1 ms (p99)" in done.stdout
    found = read(out)
    assert (found.benchmark, found["lanes",].number) == ("capacity", 0)
    step, one = ("steps", "lanes", "1"), ("lanes", "1")
    assert "decided later than 1 ms (p99)" in found[*step, "carried"].note
    assert found["decision", *one].n == found[*step, "passages"].number
    assert found["decision", *one].quantiles["p50"] < found["first frame to decision", *one].quantiles["p50"]
    for name in ("passages", "frames", "cpu share"):
        assert (found[*step, name].number or 0) > 0
    assert found.stamp.clock is not None
    assert [(tmp_path / name).is_file() for name in found.drawings] == [True]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
@pytest.mark.thorough
def test_all_processes_end_with_the_run(photos: Path, tmp_path: Path, number: int, code: int) -> None:
    """By Ctrl-C, as a service is ended, and where the run itself is killed."""
    with running("capacity", "--seconds", "60", "--every-s", "0", TMPDIR=str(tmp_path)) as process:
        assert process.stderr is not None
        assert any("1 lane for 60 s" in line for line in iter(process.stderr.readline, ""))
        started = _until_picture(process.pid)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in said) == (code, False)
    if number == signal.SIGINT:
        assert "stopped" in said
    until(lambda: not [pid for pid in started if "python" in command_of(pid)])
    if number != signal.SIGKILL:
        assert list(tmp_path.glob("passenger-lane-*")) == [], "film and journals are gone"
    until(lambda: not list(Path("/dev/shm").glob("passenger-lane-lane-*")))


def _until_picture(pid: int) -> set[int]:
    """The desk, the page and the lane's processes, once there is one of each."""
    wanted = ("-m api", "kiosk_page", "capacity.lane_process", "cameras.reader", "-m lane.kiosk")
    while True:
        with suppress(psutil.NoSuchProcess):
            found = {one.pid for one in psutil.Process(pid).children(recursive=True)}
            commands = " ".join(command_of(one) for one in found)
            if all(word in commands for word in wanted):
                return found
        time.sleep(0.05)


@pytest.mark.thorough
def test_lanes_start_again_for_each_step(photos: Path, measurer: Measurer, tmp_path: Path) -> None:
    """Though the last passenger of the step before still waits for an officer."""
    film = write_film(holder(measurer).frames, tmp_path / "film.mkv", 15)
    with site(None, lanes=2, officers=0, workers=1) as desk:
        for count in (2, 1):
            found = work(Lanes(tmp_path, film, desk), cast_as_holder(measurer).document, 0, count, 1)
            assert len(found) == count
            assert all(one["decided_ns"] and one["cpu_s"] > 0 for one in found)
            assert children_of(os.getpid(), "capacity.lane_process") == set()


class Scripted(LaneProcess):
    """A lane that refers by photo with these codes, one passenger after another, then admits."""

    def __init__(self, refers: dict[bytes, list[list[str]]]) -> None:
        self.number, self._refers, self._waits = 1, refers, False
        self.presented: list[bytes] = []

    def wait(self) -> None:
        self._waits = True

    def present(self, document: TravelDocument) -> Passage:
        assert self._waits, "a document would be dropped"
        self._waits = False
        self.presented.append(document.photo)
        codes = self._refers.get(document.photo) or [[]]
        at_s = float(len(self.presented))
        noted = Noted([at_s, at_s + 0.1, at_s + 0.2], [1] * 3, [1] * 3, passed_over=1)
        return Passage(codes.pop(0), at_s + 0.3, noted, {})

    def rest(self, until_s: float) -> None:
        time.sleep(max(0.0, until_s - time.monotonic()))

    def cpu_s(self) -> float:
        return float(len(self.presented))


HOLDER = TravelDocument(b"holder", date(2030, 1, 1), born_on=date(1980, 1, 1))


@pytest.fixture
def another(photos: Path) -> bytes:
    return (photos / "biden.jpg").read_bytes()


def test_passengers_come_and_another_is_stopped(another: bytes) -> None:
    lane = Scripted({another: [["F10"]]})
    found = worked(lane, HOLDER, seconds=0.5, every_s=0.2)
    assert lane.presented == [b"holder"] * len(found["decided_ns"]) + [another]
    assert {(round(last / MS), round(first / MS)) for last, first in found["decided_ns"]} == {(100, 300)}
    assert (found["cpu_s"], found["referred"]) == (len(found["decided_ns"]), {})
    assert 3 * found["frames_came"] == 4 * found["frames_looked_at"] > 0
    assert found["frames_per_second"] == pytest.approx(15)


def test_late_lane_is_counted_and_left_alone(another: bytes) -> None:
    lane = Scripted({b"holder": [[], ["S07", "F03"]], another: [["F10"]]})
    found = worked(lane, HOLDER, seconds=0.2, every_s=0)
    assert found["referred"] == {"F03 S07": 1}
    assert lane.presented == [b"holder"] * 2, "it waits for an officer, and would drop a document"


@pytest.mark.parametrize(
    ("codes", "referred"),
    [(["S07", "F03"], {"F03 S07": 1}), (["S07", "F10"], {}), (["F09"], {})],
    ids=["no face compared", "compared late", "borderline"],
)
def test_another_referred_without_comparison_breaks_step(
    another: bytes, codes: list[str], referred: dict[str, int]
) -> None:
    found = worked(Scripted({another: [codes]}), HOLDER, seconds=0.1, every_s=0)
    assert found["decided_ns"]
    assert found["referred"] == referred
    late = "passengers were referred for lack of time"
    assert (late in summed_up(LOAD, [found]).broken) is bool(referred)


@pytest.mark.parametrize(
    ("refers", "why"),
    [
        ({b"holder": [["F10"]]}, r"lane 1: the holder was referred \(F10\): .*worth nothing"),
        ({}, r"lane 1: .* by another person's document: .*worth nothing"),
    ],
)
def test_wrong_answer_is_not_timed(photos: Path, refers: dict[bytes, list[list[str]]], why: str) -> None:
    with pytest.raises(BenchmarkError, match=why):
        worked(Scripted(refers), HOLDER, seconds=0.1, every_s=0)


def test_another_referred_for_a_wrong_set_up_is_no_lack_of_time(another: bytes) -> None:
    with pytest.raises(BenchmarkError, match=r"lane 1: somebody .* was referred \(D16\): .*worth nothing"):
        worked(Scripted({another: [["D16"]]}), HOLDER, seconds=0.1, every_s=0)


@pytest.fixture
def shared(tmp_path: Path) -> Lanes:
    """At a desk that nobody hears of, with a film that is none."""
    desk = Site("http://127.0.0.1:9", {"lane-1": "t" * 32}, {})
    return Lanes(tmp_path, tmp_path / "no film", desk)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("t", "lane 1: the lane's token is missing or garbled"),
        pytest.param("t" * 32, "lane 1: the camera gives no frame", marks=pytest.mark.thorough),
    ],
)
def test_failing_lane_ends_run_with_message(shared: Lanes, token: str, why: str) -> None:
    shared.desk.tokens["lane-1"] = token
    with pytest.raises(BenchmarkError, match=why), lanes(shared, 1):
        raise AssertionError("it serves")
    assert children_of(os.getpid(), "capacity.lane_process") == set()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGSTOP, None)])
def test_lane_that_ends_or_lives_on_silently_is_told(
    shared: Lanes, monkeypatch: pytest.MonkeyPatch, number: int, code: int | None
) -> None:
    if code is None:
        monkeypatch.setattr(lane_processes, "ENDS_WITHIN_S", 0.1)
    one = LaneProcess(shared, 1)
    os.kill(one.pid, number)
    try:
        if code is None:
            assert "lane 1 shut its output and lives on: " in str(one._ended())
        else:
            with pytest.raises(BenchmarkError, match=rf"lane 1 ended by itself \({code}\)"):
                one.page()
    finally:
        one.end()
