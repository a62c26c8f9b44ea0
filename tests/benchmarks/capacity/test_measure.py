"""How many lanes a machine carries: what a step comes to, when it is broken; and no lane is left behind."""

import json
import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.accuracy.score_plots import draw_lanes
from benchmarks.capacity.lane_process import Lane, camera_of
from benchmarks.capacity.lane_processes import LaneProcess, lanes
from benchmarks.capacity.measure import Asked, steps_of, told
from benchmarks.capacity.soak import draw
from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import STANDING_FROM_S, cast_as_holder, holder
from lane.cameras.simulated import Scene, render
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.demo.passengers import demo_passengers
from models.values.face import ImageBGR
from tests.support.benchmarks.command_line import run, running
from tests.support.processes import children_of, command_of

ASKED = Asked(frames_per_second=15, limit_ms=100, seconds=10, every_s=2)
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


def test_lanes_that_are_carried_are_told_in_figures() -> None:
    step = told(ASKED, [lane(), lane(decided_ns=[(80 * MS, 400 * MS)])])
    assert (step["lanes"], step["passages"], step["broken"]) == (2, 3, [])
    assert (step["decision"]["p50_ms"], step["decision"]["p99_ms"]) == (60, 80)
    assert step["first_frame_to_decision"]["max_ms"] == 400
    assert (step["frames"]["passed_over"], step["frames"]["passed_over_share"]) == (6, 0.02)
    assert step["frames"]["per_second_and_lane"] == 15
    assert 0 < step["cpu_share"] <= 0.5


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
    assert told(ASKED, [lane(**more)])["broken"] == [why]


@pytest.mark.parametrize(("carries", "tried"), [(0, [1]), (1, [1, 2]), (5, [1, 2, 4, 8, 6, 5])])
def test_lanes_are_added_until_they_are_late_and_then_the_gap_is_halved(
    carries: int, tried: list[int]
) -> None:
    class Machine:
        def work(self, count: int, seconds: float) -> list[dict[str, Any]]:
            assert seconds == ASKED.seconds
            late = {"decided_ns": [(101 * MS, 300 * MS)]} if count > carries else {}
            return [lane(**late)] * count

    said: list[str] = []
    steps = list(steps_of(Machine(), ASKED, said.append))
    assert [step["lanes"] for step in steps] == tried
    assert max((step["lanes"] for step in steps if not step["broken"]), default=0) == carries
    assert said[0] == "1 lane for 10 s …"
    assert ("carried" in said[1]) is (carries > 0)


def test_the_steps_are_drawn_with_those_that_broke(tmp_path: Path) -> None:
    late = lane(decided_ns=[(150 * MS, 300 * MS)])
    steps = [told(ASKED, [lane()] * 2), told(ASKED, [late] * 4), told(ASKED, [lane()] * 3)]
    name = draw_lanes(
        tmp_path / "out.json", {"steps": steps, "lanes": 3, "limit_ms": 100, "frames_per_second": 15}
    )
    drawn = (tmp_path / name).read_text(encoding="utf-8")
    assert drawn.count('r="6"') == 3, "a ring on each line, at the step that broke"
    for part in ("<svg", "3 lanes are carried", "frames passed over", "cores", "p99"):
        assert part in drawn


def test_the_command_searches_and_tells_steps_and_a_drawing(photos: Path, tmp_path: Path) -> None:
    assert photos.is_dir()
    out = tmp_path / "capacity.json"
    # No machine decides in a millisecond: one lane is too much, and the search is over.
    done = run("capacity", "--limit-ms", "1", "--seconds", "3", "--every-s", "0", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "lanes that this machine carries" in done.stdout
    found = json.loads(out.read_text(encoding="utf-8"))
    (step,) = found["steps"]
    assert (found["benchmark"], found["lanes"], step["lanes"]) == ("capacity", 0, 1)
    assert "decided later than 1 ms (p99)" in step["broken"]
    assert step["decision"]["n"] == step["passages"] > 0
    assert step["decision"]["p50_ms"] < step["first_frame_to_decision"]["p50_ms"]
    assert step["frames"]["came"] > 0
    assert step["cpu_share"] > 0
    assert {"date_utc", "commit", "cpu", "clock"} <= found["stamp"].keys()
    assert (tmp_path / found["drawing"]).is_file()


def test_ctrl_c_ends_every_lane_and_every_reader(photos: Path, tmp_path: Path) -> None:
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


def test_a_lane_that_a_step_does_without_has_no_camera(
    photos: Path, measurer: Measurer, tmp_path: Path
) -> None:
    assert photos.is_dir()
    film = draw(holder(measurer).frames, tmp_path / "film.mkv", 15)
    with lanes(film, every_s=60) as running:  # nobody comes in so short a time: faces are followed
        for count in (2, 1, 2):
            worked = running.work(count, 0.5)
            assert [one["frames_looked_at"] > 0 for one in worked] == [True] * count
            started = children_of(os.getpid(), "benchmarks.capacity.lane_process")
            readers = [one for lane_ in started for one in children_of(lane_, "cameras.reader")]
            assert (len(started), len(readers)) == (2, count)
    assert children_of(os.getpid(), "benchmarks.capacity.lane_process") == set()


def test_a_lane_that_fails_ends_the_run_with_what_it_said(photos: Path, tmp_path: Path) -> None:
    assert photos.is_dir()
    with (
        lanes(tmp_path / "no film", 0) as running,
        pytest.raises(BenchmarkError, match="lane 1: camera"),
    ):
        running.work(1, 1)


def test_a_lane_that_refers_its_holder_ends_the_search_with_nothing_counted(
    photos: Path, measurer: Measurer, tmp_path: Path
) -> None:
    assert photos.is_dir()
    (other,) = (one for one in demo_passengers(measurer, datetime.now(UTC).date()) if one.name == "impostor")
    film = draw(standing(other.scene), tmp_path / "film.mkv", 15)
    steps: list[dict[str, Any]] = []
    with (
        lanes(film, every_s=0) as running,
        pytest.raises(BenchmarkError, match=r"lane 1: the holder was referred \(F10\).*worth nothing"),
    ):
        steps += steps_of(running, replace(ASKED, seconds=3), lambda _: None)
    assert steps == []


@pytest.mark.parametrize("reckless", [False, True])
def test_a_lane_that_admits_a_face_by_anothers_document_is_not_timed(
    photos: Path, measurer: Measurer, tmp_path: Path, *, reckless: bool
) -> None:
    assert photos.is_dir()
    film = draw(standing(cast_as_holder(measurer).scene), tmp_path / "film.mkv", 15)
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


def test_a_lane_that_is_killed_is_told_as_such(tmp_path: Path) -> None:
    one = LaneProcess(tmp_path / "film", 7, 0)
    os.kill(one.pid, signal.SIGKILL)
    try:
        with pytest.raises(BenchmarkError, match=r"lane 7 ended by itself \(-9\)"):
            one.answer(time.monotonic() + 60)
    finally:
        one.end()
