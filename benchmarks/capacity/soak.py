"""A lane that looks at a real camera for minutes: does memory grow, are frames lost, how long does each take?

The camera is a film of the demo's holder, who walks up, at its own speed, again and again, read as any camera
is: by a process of its own, through shared memory. The lane judges one passenger after another. What it does
not do here: no gate, no ledger, no desk.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np

from benchmarks.capacity.memory_growth import Kept, sampled
from benchmarks.harness.drawn_frames import cast_as_holder
from benchmarks.harness.measurer import build_measurer, shipped_policy
from benchmarks.harness.result import Figure, Result, counts
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import times
from lane.cameras.frame import Frame
from lane.cameras.live_camera import RealCamera
from lane.cameras.settings import CameraSettings
from lane.cameras.shared_memory_feed import FeedReader
from lane.cameras.simulated import HEIGHT, WIDTH, Scene, render
from lane.cameras.source import AtEnd
from lane.decision.decide import Admit, Refer
from lane.decision.evidence import DeskContact
from lane.demo.passengers import Passenger
from lane.passage.judge import Judge
from lane.platform.clock import SystemClock
from lane.platform.garbage_collection import settled_garbage
from models.values.face import ImageBGR

FILM_S = 6.0
MOST_RATE = 120
SEED = 1

Say: TypeAlias = Callable[[str], None]


class Tally:
    """See `lane.cameras.port.FrameSource`: a camera's frames, with what each cost and which never came."""

    def __init__(self, camera: RealCamera, most: int) -> None:
        self._camera, self._beside = camera, FeedReader(camera.feed)
        self.work_ns = Kept(most)
        """From a frame to the next question for one."""
        self.ages_ns = Kept(most)
        """From a frame's capture until the lane had it."""
        self.passed_over = 0
        """While the lane was busy with another: the newest wins."""
        self.lost = 0
        """Though the lane waited for it."""

    def frames(self) -> Iterator[Frame]:
        """One capture's."""
        frames, last = self._camera.frames(), 0
        while True:
            waited = self._beside.sequence <= last
            frame = next(frames, None)
            if frame is None:
                return
            if last:
                between = frame.sequence - last - 1
                self.lost += between if waited else 0
                self.passed_over += 0 if waited else between
            last, had_ns = frame.sequence, time.monotonic_ns()
            self.ages_ns.add(had_ns - round(frame.captured_monotonic_s * 1e9))
            try:
                yield frame
            finally:  # the last one of a capture counts, too
                self.work_ns.add(time.monotonic_ns() - had_ns)

    def close(self) -> None:
        """Let go of the feed."""
        self._beside.close()


def measure(minutes: float, rate: int, threads: int | None, say: Say) -> Result:
    """Raises CameraError where nothing comes from the camera."""
    rules = shipped_policy()
    measurer = build_measurer(rules, threads=threads)
    rules.check(measurer.networks.embedder.identity)
    passenger = cast_as_holder(measurer)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        say(f"drawing {FILM_S:g} s of film at {rate} frames a second …")
        film = draw(_walking_up(passenger.scene, rate), Path(folder) / "film.mkv", rate)
        with _camera(film) as camera, settled_garbage():  # as in service
            judge_with = partial(Judge, measurer=measurer, policy=rules, clock=SystemClock())
            figures = tuple(_soaked(camera, judge_with, passenger, minutes * 60, say))
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
        },
        settings={"minutes": minutes},
        figures=figures,
    )


def _walking_up(scene: Scene, rate: int) -> Iterator[ImageBGR]:
    rng = np.random.default_rng(SEED)
    return (render(scene, number / rate, rng) for number in range(round(FILM_S * rate)))


def draw(pictures: Iterable[ImageBGR], path: Path, rate: int) -> Path:
    """A film of these pictures of 640×480, at so many a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        stream.bit_rate = 30_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


@contextmanager
def _camera(film: Path) -> Iterator[RealCamera]:
    settings = CameraSettings(source=str(film), at_end=AtEnd.LOOP, open_s=30.0)
    with RealCamera(settings, "soak") as camera:
        camera.describe_stream()  # raises CameraError where nothing comes
        yield camera


def _soaked(
    camera: RealCamera, judge_with: Callable[[Tally], Judge], passenger: Passenger, seconds: float, say: Say
) -> Iterator[Figure]:
    tally = Tally(camera, round(seconds * MOST_RATE) + 1000)
    judge = judge_with(tally)
    before, stalls = camera.counts, camera.stalls
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    outcomes: Counter[str] = Counter()
    with sampled({"lane": os.getpid, "reader": lambda: camera.reader_pid}, seconds) as samples:
        for _ in _until(began_s + seconds, say):
            outcomes[_word(judge.judge(passenger.document, DeskContact.REACHED).outcome)] += 1
    took_s, cpu_s, after = time.monotonic() - began_s, time.process_time() - began_cpu_s, camera.counts
    tally.close()
    yield from counts(("run",), {"seconds": round(took_s, 1), "lane cpu seconds": round(cpu_s, 1)})
    yield from counts(("passengers",), outcomes)
    came = {
        "came": after.frames - before.frames,
        "came per second": round((after.frames - before.frames) / took_s, 2),
        "looked at": len(tally.work_ns.values),
        "spoilt": after.spoilt - before.spoilt,
        "stalls": camera.stalls - stalls,
        "reconnects": after.reconnects - before.reconnects,
    }
    yield from counts(("frames",), came)
    for name, number in {"passed over": tally.passed_over, "lost": tally.lost}.items():
        yield Figure(name=("frames", name), value=number, better="lower")
    yield times(("frame", "work"), tally.work_ns.values.tolist())
    yield times(("frame", "age"), tally.ages_ns.values.tolist())
    for name, one in samples.items():
        yield from one.figures(("memory", name))


def _until(end_s: float, say: Say) -> Iterator[None]:
    """Again and again until then; says each minute how long it still takes."""
    said_s = time.monotonic()
    while (now_s := time.monotonic()) < end_s:
        if now_s - said_s > 60:
            said_s = now_s
            say(f"{(end_s - now_s) / 60:.0f} minutes to go")
        yield


def _word(outcome: Admit | Refer) -> str:
    if isinstance(outcome, Admit):
        return "admit"
    return " ".join(("refer", *(reason.code.value for reason in outcome.reasons)))
