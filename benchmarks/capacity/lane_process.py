"""A lane as a process of its own, with a film as its camera: one passenger after another, one thread.

`benchmarks.capacity.lane_processes` starts it and asks it on standard input, a line at a time; each line is
answered by one of JSON. `open` has a reader read the film, as any camera is read; `work 20` serves
passengers for 20 seconds; `close` ends the reader. It ends with its input, on SIGTERM, and with the process
that started it.

Each passenger is captured as the shipped rules say, but for three good frames at least. Between two of them
faces are followed, frame by frame. At the end of each `work` the same face comes with another person's
document, and must not be admitted. What it does not do here: no gate, no ledger, no desk, no screen.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import cast_as_holder
from benchmarks.harness.measurer import admission_band, build_measurer, shipped_policy
from lane.cameras.frame import Frame
from lane.cameras.live_camera import RealCamera
from lane.cameras.port import FrameSource
from lane.cameras.settings import CameraSettings
from lane.cameras.simulated import HEIGHT, WIDTH
from lane.cameras.source import AtEnd
from lane.capture.measuring import Stopwatch
from lane.capture.tracking import Tracker
from lane.decision.decide import Admit
from lane.decision.evidence import DeskContact
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.demo import photos
from lane.passage.judge import Judge
from lane.platform.clock import SystemClock
from lane.platform.errors import LaneError
from lane.platform.garbage_collection import settled_garbage
from models.errors import ModelError

GOOD_FRAMES = 3
"""On so many a passage is decided at least."""
ANOTHER = "biden.jpg"
"""On the document of somebody whom the film does not show."""
FOR_LACK_OF_TIME = frozenset({Code.TIMEOUT, Code.CAMERA_DRIFT, Code.OVERLOAD, Code.STREAM_INJECTED})
"""For these a passenger is referred where frames come too late, or by jerks."""
_PARENT_DEATH_SIGNAL = 1  # prctl(2)


class Noted:
    """See `lane.cameras.port.FrameSource`: a camera's frames, and when a capture's first and last were
    taken."""

    def __init__(self, camera: FrameSource) -> None:
        self._camera = camera
        self.looked_at = 0
        self.first_s = self.last_s = 0.0

    def frames(self) -> Iterator[Frame]:
        """One capture's."""
        before = self.looked_at
        for frame in self._camera.frames():
            self.last_s = frame.captured_monotonic_s
            if self.looked_at == before:
                self.first_s = self.last_s
            self.looked_at += 1
            yield frame


class Lane:
    """Networks, rules and a passenger, who comes again and again."""

    def __init__(self, number: int, every_s: float, *, bf16: bool = False) -> None:
        shipped = shipped_policy()
        rule = shipped.capture.model_copy(update={"good_frames": GOOD_FRAMES})
        self._policy: Policy = shipped.model_copy(update={"capture": rule})
        self._measurer = build_measurer(self._policy, threads=1, bf16=bf16)
        admission_band(self._policy, self._measurer)
        self._passenger = cast_as_holder(self._measurer)
        self._another = replace(self._passenger.document, photo=photos.load(ANOTHER))
        self._every_s, self._chance = every_s, np.random.default_rng(number)

    def work(self, camera: RealCamera, seconds: float) -> dict[str, Any]:
        """What so many seconds came to; BenchmarkError for a wrong answer."""
        noted = Noted(camera)
        judge = Judge(noted, self._measurer, self._policy, SystemClock())
        cpu_s, frames, began_s = _cpu_s(camera.reader_pid), camera.counts.frames, time.monotonic()
        next_s = began_s + self._chance.uniform(0, self._every_s)  # no two lanes in step
        decided, referred = [], Counter[str]()
        while (now_s := time.monotonic()) < began_s + seconds:
            if now_s < next_s:
                self._follow(noted, min(next_s, began_s + seconds))
                continue
            next_s = max(next_s + self._every_s, now_s)
            outcome = judge.judge(self._passenger.document, DeskContact.REACHED).outcome
            at_s = time.monotonic()
            if isinstance(outcome, Admit):
                decided.append((round((at_s - noted.last_s) * 1e9), round((at_s - noted.first_s) * 1e9)))
            else:
                referred[self._only_for_lack_of_time({one.code for one in outcome.reasons})] += 1
        told = {
            "seconds": time.monotonic() - began_s,
            "cpu_s": _cpu_s(camera.reader_pid) - cpu_s,
            "decided_ns": decided,
            "referred": dict(referred),
            "frames_came": camera.counts.frames - frames,
            "frames_looked_at": noted.looked_at,
        }
        self._must_stop_another(judge)
        return told

    def _must_stop_another(self, judge: Judge) -> None:
        """A lane that admits everybody is quick. Asked under the load that is timed, and not timed itself."""
        if isinstance(judge.judge(self._another, DeskContact.REACHED).outcome, Admit):
            raise BenchmarkError(
                "somebody was admitted by another person's document: timing wrong answers is worth nothing"
            )

    def _follow(self, noted: Noted, until_s: float) -> None:
        """The faces of each frame, and no more of it."""
        tracker = Tracker(self._policy.zone, self._policy.capture.second_face_ratio)
        watch = Stopwatch()
        for frame in noted.frames():
            found = self._measurer.find(frame.image_bgr, watch)
            tracker.update(found, frame.captured_monotonic_s, (WIDTH, HEIGHT))
            if time.monotonic() >= until_s:
                return

    @staticmethod
    def _only_for_lack_of_time(codes: set[Code]) -> str:
        told = " ".join(sorted(code.value for code in codes))
        if not codes <= FOR_LACK_OF_TIME:
            raise BenchmarkError(f"the holder was referred ({told}): timing wrong answers is worth nothing")
        return told


def _cpu_s(reader: int | None) -> float:
    """Of this process and its camera's reader, so far."""
    return time.process_time() + (_cpu_s_of(reader) if reader is not None else 0.0)


def _cpu_s_of(pid: int) -> float:
    try:
        spent = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(spent.user + spent.system)


def main() -> None:
    """`python -m benchmarks.capacity.lane_process FILM NUMBER EVERY_S fp32|bf16`."""
    _end_with_the_parent()
    signal.signal(signal.SIGTERM, _ended)
    film, number, every_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    try:
        lane = Lane(number, every_s, bf16=sys.argv[4] == "bf16")
        with settled_garbage(), ExitStack() as cameras:
            _answer({})
            _serve(lane, film, number, cameras)
    except (BenchmarkError, LaneError, ModelError) as error:
        _answer({"error": str(error)})


def _serve(lane: Lane, film: Path, number: int, cameras: ExitStack) -> None:
    camera: RealCamera | None = None
    for line in sys.stdin:
        match line.split():
            case ["open"]:
                camera = cameras.enter_context(camera_of(film, f"capacity-{os.getppid()}-{number}"))
                camera.wait()
                _answer({})
            case ["close"]:
                cameras.close()
                _answer({})
            case ["work", seconds] if camera is not None:
                _answer(lane.work(camera, float(seconds)))
            case _:
                raise BenchmarkError(f"a lane was asked for {line.strip()!r}")


def camera_of(film: Path, name: str) -> RealCamera:
    """One that sees this film again and again."""
    settings = CameraSettings(source=str(film), at_end=AtEnd.LOOP, open_s=30.0, max_pixels=WIDTH * HEIGHT)
    return RealCamera(settings, name)


def _answer(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


def _end_with_the_parent() -> None:
    """Also where that is killed. It is a session of its own, so that Ctrl-C is for the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _ended(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
