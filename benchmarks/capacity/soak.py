"""A lane as a site runs it, for minutes: does memory grow, are frames lost, what does it cost while it waits?

The camera sees the demo's holder walking up, again and again. One passenger after another presents a
document; a script decides at the desk on who is referred. Then nobody comes, and the screen stays open.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from benchmarks.capacity.lane_processes import LaneProcess, Lanes, Passage, cpu_s, running
from benchmarks.capacity.memory_growth import sampled
from benchmarks.errors import BenchmarkError
from benchmarks.harness import noted_camera
from benchmarks.harness.desk_site import Site, site
from benchmarks.harness.drawn_frames import cast_as_holder
from benchmarks.harness.film_file import write_film
from benchmarks.harness.measurer import admission_band, build_measurer, shipped_policy
from benchmarks.harness.result import SHARE, Figure, Result, counts
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import times
from lane.cameras.simulated import HEIGHT, WIDTH, Scene, render
from lane.demo.scripted_officer import ScriptedOfficer
from lane.document.travel_document import TravelDocument
from models.values.face import ImageBGR

FILM_S = 6.0
SEED = 1
RESTS_AFTER_S = 3.0
"""Beyond the longest capture: after that a camera rests, and what the last passenger left to do is done."""

MEANING = {
    "waiting": "nobody comes, and the traveller's screen is open; desk and browser are not counted",
    "tracker": "Python's own process, which removes the shared memory of a lane that was killed",
}

Say: TypeAlias = Callable[[str], None]


def measure(minutes: float, rate: int, threads: int | None, idle_s: float, say: Say) -> Result:
    """Raises BenchmarkError where the lane ends by itself."""
    rules = shipped_policy()
    measurer = build_measurer(rules, threads=threads)
    admission_band(rules, measurer)
    passenger = cast_as_holder(measurer)
    with (
        tempfile.TemporaryDirectory(prefix="passenger-lane-soak-") as folder,
        site(None, lanes=1, officers=1, workers=1) as desk,
    ):
        say(f"drawing {FILM_S:g} s of film at {rate} frames a second …")
        film = write_film(_walking_up(passenger.scene, rate), Path(folder) / "film.mkv", rate)
        with running(Lanes(Path(folder), film, desk, threads), 1) as (lane,):
            served = tuple(_served(lane, desk, passenger.document, minutes * 60, say))
            lane.rest(time.monotonic() + rules.capture.timeout_s + RESTS_AFTER_S)
            say(f"{idle_s:g} s in which nobody comes …")
            waited = tuple(waiting(lane, idle_s))
    about = stamp(rules, measurer.networks, threads=threads)
    film_of = f"{WIDTH}x{HEIGHT}, MJPEG, {FILM_S:g} s, seed {SEED}"
    return Result(
        benchmark="soak",
        stamp=about,
        conditions={
            **about.same_lane,
            "film": film_of,
            "frames_per_second": rate,
            "threads": about.threads,
            "lane": "supervisor, lane, reader, kiosk with its page open, journal, desk",
        },
        settings={"minutes": minutes, "idle_s": idle_s},
        figures=(*served, *waited),
        meaning=MEANING,
    )


def _walking_up(scene: Scene, rate: int) -> Iterator[ImageBGR]:
    rng = np.random.default_rng(SEED)
    return (render(scene, number / rate, rng) for number in range(round(FILM_S * rate)))


def _served(
    lane: LaneProcess, desk: Site, document: TravelDocument, seconds: float, say: Say
) -> Iterator[Figure]:
    """What came of one passenger after another, so many seconds from when the lane waits for the first."""
    passed: list[Passage] = []
    [(name, password)] = desk.passwords.items()
    with (
        ScriptedOfficer(desk.address, name, password, on_failure=lambda: None),
        sampled(lambda: {name: one.pid for name, one in lane.processes().items()}) as samples,
    ):
        lane.wait()
        began_s, worked_s = time.monotonic(), lane.cpu_s()
        for _ in _until(began_s + seconds, say):
            passed.append(lane.present(document))
            lane.wait()
    took_s, worked_s = time.monotonic() - began_s, lane.cpu_s() - worked_s
    yield from counts(("run",), {"seconds": round(took_s, 1), "lane cpu seconds": round(worked_s, 1)})
    yield from passages(passed, lane.counts)
    for name, one in samples.items():
        yield from one.figures(("memory", name))


def passages(passed: Sequence[Passage], before: Mapping[str, int]) -> Iterator[Figure]:
    """What passages came to, with the camera's counts `before` the first. BenchmarkError for no passage."""
    if not passed:
        raise BenchmarkError("no passenger came in that time: let the lane serve for longer")
    outcomes = Counter(" ".join(("refer", *one.refer)) if one.refer else "admit" for one in passed)
    yield from counts(("passengers",), outcomes)
    came = {
        "came": sum(one.came for one in passed),
        "came per second": round(noted_camera.rate(passed), 2),
        "looked at": sum(len(one.work_ns) for one in passed),
        **{name: passed[-1].counts[name] - before[name] for name in ("spoilt", "reconnects")},
    }
    yield from counts(("frames",), came)
    missed = {"passed over": sum(one.passed_over for one in passed), "lost": sum(one.lost for one in passed)}
    for name, number in missed.items():
        yield Figure(name=("frames", name), value=number, better="lower")
    yield times(("frame", "work"), [ns for one in passed for ns in one.work_ns])
    yield times(("frame", "age"), [ns for one in passed for ns in one.ages_ns])


def _until(end_s: float, say: Say) -> Iterator[None]:
    """Again and again until then; says each minute how long it still takes."""
    said_s = time.monotonic()
    while (now_s := time.monotonic()) < end_s:
        if now_s - said_s > 60:
            said_s = now_s
            say(f"{(end_s - now_s) / 60:.0f} minutes to go")
        yield


def waiting(lane: LaneProcess, seconds: float) -> Iterator[Figure]:
    """The share of a core that each process of a lane takes while nobody comes, and all of them together.

    BenchmarkError where one ends or begins meanwhile: its share would not be known.
    """
    processes, began_s = lane.processes(), time.monotonic()
    before_s = cpu_s(processes)
    lane.rest(began_s + seconds)
    after_s, took_s = cpu_s(processes), time.monotonic() - began_s
    if lane.processes() != processes:
        raise BenchmarkError("a process of the lane ended or began while nobody came")
    shares = {name: (after_s[name] - before_s[name]) / took_s for name in processes}
    yield Figure(
        name=("waiting", "all processes", "of a core"),
        value=round(sum(shares.values()), 4),
        unit=SHARE,
        better="lower",
    )
    for name, share in shares.items():
        yield Figure(name=("waiting", name, "of a core"), value=round(share, 4), unit=SHARE)
