"""A lane as a site runs it: the shipped supervisor, and the shipped lane, which reports each passage.

`benchmarks.capacity.lane_processes` starts it, as `python -m benchmarks.capacity.lane_process SETTINGS GOOD`:
with GOOD above 0 a passage is decided on so many good frames at least, else as the rules say. It writes JSON,
a line at a time: the address of the traveller's screen with the camera's counts so far, {} whenever it waits
for a passenger, and what came of each as soon as that is decided. It ends on SIGTERM, and with the process
that started it.
"""

import ctypes
import json
import signal
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.harness.noted_camera import NotedCamera
from lane.cameras.health import CameraCounts, CameraHealth
from lane.cameras.port import FrameSource, StatusSource
from lane.capture.guidance import Guide
from lane.capture.measuring import Measurer
from lane.decision.decide import Refer
from lane.decision.evidence import DeskContact
from lane.decision.policy import Policy
from lane.document.travel_document import TravelDocument
from lane.kiosk.client import Kiosk
from lane.ledger.clock_check import Timekeeper
from lane.passage.judge import Judge, JudgedPassage
from lane.platform.clock import Clock
from lane.platform.errors import CameraError, LaneError
from lane.service.run import open_lane, while_down
from lane.service.settings import Settings
from lane.service.settings import read as read_settings
from lane.service.watchdog import lane_supervisor
from models.errors import ModelError

WAITS = "waits"
"""A file beside the documents: the lane drops what lies there before it looks for the next one, this too."""
OPENS_WITHIN_S = 60.0
BEAT = "--beat"
_PARENT_DEATH_SIGNAL = 1  # prctl(2)


class ReportingJudge(Judge):
    """Judges as `Judge` does, and reports of each passage when it was decided, and by which frames."""

    def __init__(
        self,
        camera: FrameSource,
        measurer: Measurer,
        policy: Policy,
        clock: Clock,
        timekeeper: Timekeeper,
        guide: Guide,
        *,
        good_frames: int,
    ) -> None:
        assert isinstance(camera, StatusSource)
        assert isinstance(guide, Kiosk)
        if good_frames:
            capture = policy.capture.model_copy(update={"good_frames": good_frames})
            policy = policy.model_copy(update={"capture": capture})
        self._status, self._noted = camera.status, NotedCamera(camera)
        super().__init__(self._noted, measurer, policy, clock, timekeeper, guide)
        self._await_frames()
        write_line({"page": guide.address(OPENS_WITHIN_S), "counts": self._counts()})

    def judge(self, document: TravelDocument, desk: DeskContact, **more: Any) -> JudgedPassage:
        """See `Judge.judge`."""
        judged = super().judge(document, desk, **more)
        decided_s, outcome = time.monotonic(), judged.outcome
        write_line(
            {
                "refer": [one.code for one in outcome.reasons] if isinstance(outcome, Refer) else [],
                "decided_s": decided_s,
                "noted": asdict(self._noted.noted),
                "counts": self._counts(),
            }
        )
        return judged

    def _await_frames(self) -> None:
        """Raises CameraError where the camera is lost, or gives none for too long."""
        until_s = time.monotonic() + OPENS_WITHIN_S
        while not self._counts()["frames"]:
            if self._status().health is CameraHealth.LOST or time.monotonic() > until_s:
                raise CameraError("the camera gives no frame")
            time.sleep(0.05)

    def _counts(self) -> dict[str, int]:
        return asdict(self._status().counts or CameraCounts())


def write_line(values: dict[str, Any]) -> None:
    """On standard output, for who measures."""
    print(json.dumps(values), flush=True)


def serve(settings: Settings, good_frames: int, beat: int) -> None:
    """As `python -m lane run` does under its supervisor."""
    signal.signal(signal.SIGTERM, _end)
    waits = Path(settings.document.address) / WAITS
    try:
        with open_lane(settings, judge=partial(ReportingJudge, good_frames=good_frames), beat=beat) as lane:
            waits.touch()
            write_line({})
            for _ in lane.reports():
                waits.touch()
                write_line({})
    except (LaneError, ModelError) as error:
        write_line({"error": str(error)})


def supervise(settings: Settings, arguments: list[str]) -> int:
    """As `python -m lane run` does; also where the process that started this one is killed, it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    command = [sys.executable, "-m", "benchmarks.capacity.lane_process", *arguments]
    return lane_supervisor(command, partial(while_down, settings)).run_until_signal()


def _end(*_: object) -> NoReturn:
    raise SystemExit(143)


def main() -> None:
    """Supervise a lane, or be the one that is supervised."""
    settings, good_frames = read_settings(Path(sys.argv[1])), int(sys.argv[2])
    if BEAT in sys.argv:
        serve(settings, good_frames, int(sys.argv[-1]))
    else:
        raise SystemExit(supervise(settings, sys.argv[1:]))


if __name__ == "__main__":
    main()
