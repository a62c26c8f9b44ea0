"""Records the inputs of a decision, so that it can be replayed: document, frames, clock readings.

For the investigation of a fault, by order alone: a lane never records by itself, the ledger says which
passages were recorded, and recordings are encrypted. A recording that fails disturbs no passage.
"""

import json
import logging
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lane import __version__
from lane.cameras.frame import Frame
from lane.cameras.port import FrameSource
from lane.capture.guidance import Guide, no_guide
from lane.capture.measuring import Measurer
from lane.decision.decide import describe
from lane.decision.evidence import Check, DeskContact, to_plain
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.document.travel_document import TravelDocument
from lane.kiosk.traveller_requests import TravellerRequests, no_requests
from lane.ledger.clock_check import Timekeeper
from lane.passage.judge import Judge, JudgedPassage
from lane.platform.clock import Clock
from lane.platform.errors import CameraError, RecordingError
from lane.recording.sealed_file import KEY_BYTES, SUFFIX, SealedWriter

log = logging.getLogger(__name__)

KEY = "PASSENGER_LANE_RECORDING_KEY"
MOST_BYTES = 1 << 30
FORMAT = 1
HEAD = struct.Struct(">I")
"""The length of the JSON before an input's bytes."""
Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Recorder:
    """Where recordings go, under which key."""

    folder: Path
    key: bytes
    most_bytes: int = MOST_BYTES


def key_of_environment() -> bytes:
    """Raises RecordingError that says how to make one."""
    try:
        key = bytes.fromhex(os.environ.get(KEY, ""))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise RecordingError(
            f"{KEY}: give the recordings' key as 64 hexadecimal digits, "
            'such as from `python -c "import secrets; print(secrets.token_hex(32))"`, and keep it elsewhere'
        )
    return key


def folder_for_faces(folder: Path) -> Path:
    """The folder, made where it is not there. RecordingError where others here may look into it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as error:
        raise RecordingError(f"{folder}: {error.strerror}") from error
    if mode & 0o077:
        raise RecordingError(f"{folder}: faces will lie there; let nobody else look: chmod 700")
    return folder


class RecordingWriter:
    """Writes inputs in order. Once something fails, nothing more is written, and the file is removed."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._file: SealedWriter | None = None
        self._frames, self._fault, self._name = 0, "", ""

    def begin(self, given: Mapping[str, Any], photo: bytes) -> None:
        self._file, self._frames, self._fault = None, 0, ""
        self._name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}{SUFFIX}"
        path = self._recorder.folder / self._name
        with self._abandoned_on_fault():
            self._file = SealedWriter(path, self._recorder.key, self._recorder.most_bytes)
        self.write("heard", given, photo)

    def write(self, what: str, value: Any, payload: bytes = b"") -> None:
        if self._file is None:
            return
        head = json.dumps({"what": what, "value": value}).encode()
        with self._abandoned_on_fault():
            self._file.write(HEAD.pack(len(head)) + head + payload)

    def answer(self, what: str, answer: Given) -> Given:
        """Write as JSON what the lane asked for and was given; returns it."""
        self.write(what, to_plain(answer))
        return answer

    def frame(self, frame: Frame) -> None:
        about = {
            "camera": frame.camera,
            "sequence": frame.sequence,
            "captured_at": frame.captured_at.isoformat(),
            "captured_monotonic_s": frame.captured_monotonic_s,
            "shape": frame.image_bgr.shape,
        }
        self._frames += 1
        self.write("frame", about, np.ascontiguousarray(frame.image_bgr).tobytes())

    def finish(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """End the recording. Returns what the ledger says of it."""
        self.write("found", result)
        if self._file is not None:
            with self._abandoned_on_fault():
                sha256, size = self._file.finish(), self._file.size
                self._file = None
                return {"name": self._name, "sha256": sha256, "bytes": size, "frames": self._frames}
        return {"abandoned": self._fault}

    @contextmanager
    def _abandoned_on_fault(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RecordingError) as error:
            self._fault = type(error).__name__
            log.error("the recording is abandoned: %s", error)
            if self._file is not None:
                self._file.abandon()
            self._file = None


class RecordedClock:
    """See `lane.platform.clock.Clock`."""

    def __init__(self, clock: Clock, recording: RecordingWriter) -> None:
        self._clock, self._recording = clock, recording

    def now(self) -> datetime:
        return self._recording.answer("now", self._clock.now())

    def today(self) -> date:
        return self._recording.answer("today", self._clock.today())

    def monotonic_s(self) -> float:
        return self._recording.answer("monotonic_s", self._clock.monotonic_s())

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class RecordedCamera:
    """See `lane.cameras.port.FrameSource`."""

    def __init__(self, camera: FrameSource, recording: RecordingWriter) -> None:
        self._camera, self._recording = camera, recording

    def frames(self) -> Iterator[Frame]:
        """One capture's frames, and how it ended where it was not the lane that ended it."""
        try:
            for frame in self._camera.frames():
                self._recording.frame(frame)
                yield frame
        except CameraError:
            self._recording.write("camera", "lost")
            raise
        self._recording.write("camera", "ended")


class RecordedTimekeeper(Timekeeper):
    """Records the result of the clock check; what that rests on happened between passages."""

    def __init__(self, timekeeper: Timekeeper, recording: RecordingWriter) -> None:
        self._timekeeper, self._recording = timekeeper, recording

    def check(self) -> Check:
        return self._recording.answer("check", self._timekeeper.check())

    def note_desk(self, desk_time: datetime) -> None:
        self._timekeeper.note_desk(desk_time)


class RecordingJudge(Judge):
    """Judges as `Judge` does, and records each time its inputs and its result."""

    records = True

    def __init__(
        self,
        camera: FrameSource,
        measurer: Measurer,
        policy: Policy,
        clock: Clock,
        timekeeper: Timekeeper | None = None,
        guide: Guide = no_guide,
        *,
        recorder: Recorder,
    ) -> None:
        self._recording = RecordingWriter(recorder)
        recorded = RecordedTimekeeper(timekeeper or Timekeeper(clock), self._recording)
        camera, clock = RecordedCamera(camera, self._recording), RecordedClock(clock, self._recording)
        super().__init__(camera, measurer, policy, clock, recorded, guide)

    def judge(
        self,
        document: TravelDocument,
        desk: DeskContact,
        *,
        wishes: tuple[Code, ...] = (),
        meanwhile: TravellerRequests = no_requests,
        events: Callable[[], tuple[Code, ...]] = tuple,
    ) -> JudgedPassage:
        recording, said = self._recording, asdict(document)
        del said["photo"]
        given = {
            "format": FORMAT,
            "version": __version__,
            "policy": self.policy.identity(),
            "networks": self.measurer.networks.identities,
            "document": said,
            "desk": desk,
            "wishes": wishes,
        }
        recording.begin(to_plain(given), document.photo)
        judged = super().judge(
            document,
            desk,
            wishes=wishes,
            meanwhile=lambda: recording.answer("asked", meanwhile()),
            events=lambda: recording.answer("events", events()),
        )
        return replace(judged, recording=recording.finish(result_to_json(judged)))


def result_to_json(judged: JudgedPassage) -> dict[str, Any]:
    """What a replay must give again, as JSON values: the evidence and the decision."""
    return {"evidence": to_plain(judged.evidence), **describe(judged.outcome)}
