"""How many lanes a machine carries: what a step comes to, when it is broken; and no lane is left behind."""

import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.capacity.lane_process import Lane, camera_of
from benchmarks.capacity.lane_processes import LaneProcess, lanes
from benchmarks.capacity.measure import Load, Step, carried, draw, steps_of, summed_up
from benchmarks.capacity.soak import draw as draw_film
from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import STANDING_FROM_S, cast_as_holder, holder
from benchmarks.harness.plots import svg
from benchmarks.harness.result import Figure
from benchmarks.harness.result_file import read
from lane.cameras.simulated import Scene, render
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.demo.passengers import demo_passengers
from models.values.face import ImageBGR
from tests.support.benchmarks.command_line import run, running
from tests.support.benchmarks.made_up_results import result
from tests.support.processes import children_of, command_of

LOAD = Load(frames_per_second=15, limit_ms=100, seconds=10, every_s=2)
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
    }
    return whole | more


def figures(step: Step) -> dict[str, Figure]:
    """By the first part of the name, those of the steps' table by the last."""
    return {one.name[-1] if one.name[0] == "steps" else one.name[0]: one for one in step.figures}


def test_carried_lanes_told_in_figures() -> None:
    step = summed_up(LOAD, [lane(), lane(decided_ns=[(80 * MS, 400 * MS)])])
    found = figures(step)
    assert (step.lanes, found["passages"].number, step.broken) == (2, 3, ())
    assert (found["decision"].number, found["decision"].tails["p99"]) == (60, 80)
    assert found["first frame to decision"].tails["max"] == 400
    assert (found["passed over"].number, found["passed over share"].number) == (6, 0.02)
    assert found["frames per second and lane"].number == 15
    assert 0 < (found["cpu share"].number or 0) <= 0.5


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"decided_ns": [(101 * MS, 300 * MS)]}, "decided later than 100 ms (p99)"),
        ({"referred": {"F03 S07": 1}}, "passengers were referred for lack of time"),
        ({"frames_looked_at": 100}, "more than a tenth of the frames were passed over"),
        ({"frames_came": 100, "frames_looked_at": 100}, "cameras gave less than nine frames of ten"),
        ({"decided_ns": []}, "no passage was decided"),
    ],
)
def test_what_breaks_is_named(more: dict[str, Any], why: str) -> None:
    assert summed_up(LOAD, [lane(**more)]).broken == (why,)


@pytest.mark.parametrize(("carries", "tried"), [(0, [1]), (1, [1, 2]), (5, [1, 2, 4, 8, 6, 5])])
def test_lanes_grow_until_late_then_bisect(carries: int, tried: list[int]) -> None:
    class Machine:
        def work(self, count: int, seconds: float) -> list[dict[str, Any]]:
            assert seconds == LOAD.seconds
            late = {"decided_ns": [(101 * MS, 300 * MS)]} if count > carries else {}
            return [lane(**late)] * count

    said: list[str] = []
    steps = list(steps_of(Machine(), LOAD, said.append))
    assert [step.lanes for step in steps] == tried
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
    assert photos.is_dir()
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


@pytest.mark.thorough
def test_ctrl_c_ends_lanes_and_readers(photos: Path, tmp_path: Path) -> None:
    assert photos.is_dir()
    with running("capacity", "--seconds", "60", "--every-s", "0", TMPDIR=str(tmp_path)) as process:
        assert process.stderr is not None
        assert any("1 lane for 60 s" in line for line in iter(process.stderr.readline, ""))
        started = _quiet_on_closed_pipe(process.pid)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, "stopped" in said, "Traceback" in said) == (130, True, False)
    assert [command_of(pid) for pid in started if "python" in command_of(pid)] == []
    assert list(tmp_path.glob("passenger-lane-*")) == [], "the film's folder is gone"
    assert list(Path("/dev/shm").glob(f"passenger-lane-capacity-{process.pid}-*")) == []


def _quiet_on_closed_pipe(pid: int) -> set[int]:
    """Lanes and readers, once there is one of each."""
    while True:
        lanes = children_of(pid, "benchmarks.capacity.lane_process")
        readers = {one for lane in lanes for one in children_of(lane, "cameras.reader")}
        if lanes and readers:
            return lanes | readers
        time.sleep(0.05)


@pytest.mark.thorough
def test_idle_lane_has_no_camera(photos: Path, measurer: Measurer, tmp_path: Path) -> None:
    assert photos.is_dir()
    film = draw_film(holder(measurer).frames, tmp_path / "film.mkv", 15)
    with lanes(film, every_s=60) as running:  # nobody comes in so short a time: faces are followed
        for count in (2, 1, 2):
            worked = running.work(count, 0.5)
            assert [one["frames_looked_at"] > 0 for one in worked] == [True] * count
            started = children_of(os.getpid(), "benchmarks.capacity.lane_process")
            readers = [one for lane_ in started for one in children_of(lane_, "cameras.reader")]
            assert (len(started), len(readers)) == (2, count)
    assert children_of(os.getpid(), "benchmarks.capacity.lane_process") == set()


def test_failing_lane_ends_run_with_message(photos: Path, tmp_path: Path) -> None:
    assert photos.is_dir()
    with (
        lanes(tmp_path / "no film", 0) as running,
        pytest.raises(BenchmarkError, match="lane 1: camera"),
    ):
        running.work(1, 1)


@pytest.mark.thorough
def test_referred_holder_ends_uncounted_search(photos: Path, measurer: Measurer, tmp_path: Path) -> None:
    assert photos.is_dir()
    (other,) = (one for one in demo_passengers(measurer, datetime.now(UTC).date()) if one.name == "impostor")
    film = draw_film(standing(other.scene), tmp_path / "film.mkv", 15)
    steps: list[Step] = []
    with (
        lanes(film, every_s=0) as running,
        pytest.raises(BenchmarkError, match=r"lane 1: the holder was referred \(F10\).*worth nothing"),
    ):
        steps += steps_of(running, replace(LOAD, seconds=3), lambda _: None)
    assert steps == []


@pytest.mark.parametrize("reckless", [False, True])
@pytest.mark.thorough
def test_wrongly_admitting_lane_is_not_timed(
    photos: Path, measurer: Measurer, tmp_path: Path, *, reckless: bool
) -> None:
    """One that admits a face by the document of somebody else."""
    assert photos.is_dir()
    film = draw_film(standing(cast_as_holder(measurer).scene), tmp_path / "film.mkv", 15)
    one = Lane(1, every_s=0)
    if reckless:
        one._policy = admits_all(one._policy)
    with camera_of(film, "capacity-test") as camera:
        if reckless:
            with pytest.raises(BenchmarkError, match=r"by another person's document.*worth nothing"):
                one.work(camera, 1)
        else:
            assert one.work(camera, 1)["decided_ns"]


def standing(scene: Scene) -> list[ImageBGR]:
    """Two seconds of somebody who stands there."""
    rng = np.random.default_rng(1)
    return [render(scene, STANDING_FROM_S + at / 15, rng) for at in range(30)]


def admits_all(policy: Policy) -> Policy:
    """Rules by which any two faces match."""
    calibrated = tuple(
        replace(one, band=replace(one.band, admit=-1.0, borderline=-1.0)) for one in policy.calibrated
    )
    return policy.model_copy(update={"calibrated": calibrated})


def test_killed_lane_is_told(tmp_path: Path) -> None:
    one = LaneProcess(tmp_path / "film", 7, 0)
    os.kill(one.pid, signal.SIGKILL)
    try:
        with pytest.raises(BenchmarkError, match=r"lane 7 ended by itself \(-9\)"):
            one.answer(time.monotonic() + 60)
    finally:
        one.end()
