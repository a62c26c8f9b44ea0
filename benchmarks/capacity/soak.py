"""A lane as a site runs it, for minutes: does memory grow, are frames lost, what does it cost while it waits?

The camera sees the demo's holder walking up, again and again. One passenger after another presents a
document; a script decides at the desk on who is referred. Then nobody comes, and the screen stays open.
"""

import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import psutil
import typer
from numpy.typing import NDArray

from benchmarks.capacity.lane_processes import LaneProcess, Lanes, Passage, cpu_s, running
from benchmarks.errors import BenchmarkError
from benchmarks.harness import noted_camera
from benchmarks.harness.command_line import Json, Threads, deliver, say
from benchmarks.harness.desk_site import Site, site
from benchmarks.harness.drawn_frames import cast_as_holder, write_film
from benchmarks.harness.measurer import admission_band, build_measurer, shipped_policy
from benchmarks.harness.result import SHARE, Figure, Name, NotAvailable, Result, counts
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import times
from lane.cameras.simulated import HEIGHT, WIDTH, Scene, render
from lane.demo.scripted_officer import ScriptedOfficer
from lane.document.travel_document import TravelDocument
from models.values.face import ImageBGR

FILM_S, FILM_SEED = 6.0, 1
RESTS_AFTER_S = 3.0
"""Beyond the longest capture: after that a camera rests, and what the last passenger left to do is done."""

MEANING = {
    "waiting": "nobody comes, and the traveller's screen is open; desk and browser are not counted",
    "tracker": "Python's own process, which removes the shared memory of a lane that was killed",
}

SAMPLED_EVERY_S = 1.0
WINDOWS = 20
"""A slope is fitted through the means of so many equal parts: what a cache does within one is no growth."""
WARM_UP = 0.2
"""This part of the samples, from the start, is left out."""
DRAWS, SEED = 2000, 20260101

Series: TypeAlias = NDArray[np.float64]


def soak(
    minutes: Annotated[float, typer.Option(min=0.05, help="How long.")] = 30,
    json_out: Json = None,
    rate: Annotated[int, typer.Option(min=1, max=120, help="The camera's frames a second.")] = 30,
    threads: Threads = None,
    idle_s: Annotated[
        float, typer.Option(min=1, help="So many seconds nobody comes, after the last passenger.")
    ] = 30,
) -> None:
    """Let a lane serve for a while, then wait: does memory grow, are frames lost, what does waiting cost?

    The lane is one as a site runs it: its supervisor, its camera's reader, the traveller's screen with a page
    open, its journal on disk, a desk on this machine. Its gate is simulated. The camera is a film of the
    demo's holder walking up, 640×480, at its own speed, again and again. One passenger after another presents
    a document, in the folder for documents; a script decides at the desk on who is referred.

    Reported are the memory of each process with its slope (MB an hour, and a 95 % interval), frames that were
    passed over in captures while the lane was busy (the newest wins) and those that were lost though it
    waited, and the time that each frame took. Then nobody comes: "waiting" tells which share of one core all
    of the lane's processes take together, and each of them. Desk and browser are not the lane's, and are not
    counted.

    Example: python -m benchmarks soak --minutes 2 --threads 1
    """
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
            served = tuple(_served(lane, desk, passenger.document, minutes * 60))
            lane.rest(time.monotonic() + rules.capture.timeout_s + RESTS_AFTER_S)
            say(f"{idle_s:g} s in which nobody comes …")
            waited = tuple(waiting(lane, idle_s))
    about = stamp(rules, measurer.networks, threads=threads)
    result = Result(
        benchmark="soak",
        stamp=about,
        conditions={
            **about.same_lane,
            "film": f"{WIDTH}x{HEIGHT}, MJPEG, {FILM_S:g} s, seed {FILM_SEED}",
            "frames_per_second": rate,
            "threads": about.threads,
            "lane": "supervisor, lane, reader, kiosk with its page open, journal, desk",
        },
        settings={"minutes": minutes, "idle_s": idle_s},
        figures=(*served, *waited),
        meaning=MEANING,
    )
    deliver(result, json_out)


def _walking_up(scene: Scene, rate: int) -> Iterator[ImageBGR]:
    rng = np.random.default_rng(FILM_SEED)
    return (render(scene, number / rate, rng) for number in range(round(FILM_S * rate)))


def _served(lane: LaneProcess, desk: Site, document: TravelDocument, seconds: float) -> Iterator[Figure]:
    """What came of one passenger after another, so many seconds from when the lane waits for the first."""
    passed: list[Passage] = []
    [(name, password)] = desk.passwords.items()
    with (
        ScriptedOfficer(desk.address, name, password, on_failure=lambda: None),
        sampled(lambda: {name: one.pid for name, one in lane.processes().items()}) as samples,
    ):
        lane.wait()
        began_s, worked_s = time.monotonic(), lane.cpu_s()
        for _ in _until(began_s + seconds):
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
    captures = [one.noted for one in passed]
    yield from counts(("passengers",), outcomes)
    came = {
        "came": sum(one.came for one in captures),
        "came per second": round(noted_camera.rate(captures), 2),
        "looked at": sum(len(one.work_ns) for one in captures),
        **{name: passed[-1].counts[name] - before[name] for name in ("spoilt", "reconnects")},
    }
    yield from counts(("frames",), came)
    missed = {"passed over": [one.passed_over for one in captures], "lost": [one.lost for one in captures]}
    for name, numbers in missed.items():
        yield Figure(name=("frames", name), value=sum(numbers), better="lower")
    yield times(("frame", "work"), [ns for one in captures for ns in one.work_ns])
    yield times(("frame", "age"), [ns for one in captures for ns in one.ages_ns])


def _until(end_s: float) -> Iterator[None]:
    """Again and again until then; says each minute how long it still takes."""
    said_s = time.monotonic()
    while (now_s := time.monotonic()) < end_s:
        if now_s - said_s > 60:
            said_s = now_s
            say(f"{(end_s - now_s) / 60:.0f} minutes to go")
        yield


def waiting(lane: LaneProcess, seconds: float) -> Iterator[Figure]:
    """The share of a core that each takes while nobody comes; BenchmarkError where one ends or begins."""
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


class Samples:
    """When, in seconds since the start, and MB of its own memory."""

    def __init__(self) -> None:
        self.at_s: list[float] = []
        self.mb: list[float] = []

    def figures(self, row: Name) -> Iterator[Figure]:
        """First, last and most, and the slope of what is left after the warm-up."""
        at_s, mb = np.array(self.at_s), np.array(self.mb)
        yield Figure(name=(*row, "samples"), value=len(mb))
        if not len(mb):
            return
        for name, one in {"first mb": mb[0], "last mb": mb[-1], "most mb": mb.max()}.items():
            yield Figure(name=(*row, name), value=round(float(one), 2))
        yield slope_per_hour((*row, "slope"), at_s, mb)


def slope_per_hour(name: Name, at_s: Series, mb: Series) -> Figure:
    """Least squares through the means of the windows, and its 95 % interval by drawing them anew."""
    skipped = round(len(mb) * WARM_UP)
    kept_s, kept = at_s[skipped:], mb[skipped:]
    if len(kept) < 2 * WINDOWS:
        return Figure(name=name, value=NotAvailable(not_available="too few samples"))
    x = np.array([part.mean() for part in np.array_split(kept_s, WINDOWS)]) / 3600
    y = np.array([part.mean() for part in np.array_split(kept, WINDOWS)])
    drawn = np.random.default_rng(SEED).integers(0, WINDOWS, (DRAWS, WINDOWS))
    low, high = np.quantile([_slope(x[one], y[one]) for one in drawn], (0.025, 0.975))
    interval = (round(float(low), 3), round(float(high), 3))
    return Figure(name=name, value=round(_slope(x, y), 3), unit="MB/h", better="lower", interval=interval)


def _slope(x: Series, y: Series) -> float:
    off = x - x.mean()
    spread = float(off @ off)
    return float(off @ y) / spread if spread else 0.0


def own_kb(pid: int) -> int | None:
    """KB of memory that no file backs and nobody shares; None where the process has ended."""
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.NoSuchProcess:
        return None
    return (memory.rss - memory.shared) // 1024


@contextmanager
def sampled(pids: Callable[[], Mapping[str, int]]) -> Iterator[dict[str, Samples]]:
    """Samples of each process by its name, taken beside the block; BenchmarkError where this is not Linux."""
    if not psutil.LINUX:
        raise BenchmarkError("which memory is shared is known on Linux alone")
    samples: dict[str, Samples] = defaultdict(Samples)
    ended = threading.Event()

    def work() -> None:
        began_s = time.monotonic()
        while not ended.wait(SAMPLED_EVERY_S):
            for name, pid in pids().items():
                if (kb := own_kb(pid)) is not None:
                    samples[name].at_s.append(time.monotonic() - began_s)
                    samples[name].mb.append(kb / 1024)

    thread = threading.Thread(target=work, name="memory", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
