"""Records what a decision rested on, so that it can be made once more: document, frames, looks at clocks.

For whoever investigates a fault, by their order alone: a lane never does this by itself, the ledger says
which passages were recorded, and what is recorded lies encrypted. One that fails disturbs no passage.
"""

import json
import logging
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Mapping
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
from lane.decision.decide import Admit, Refer
from lane.decision.evidence import Check, DeskContact, to_plain
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.document.travel_document import TravelDocument
from lane.ledger.clock_check import Timekeeper
from lane.passage.judge import Judge, Judged, nobody_asks
from lane.platform.clock import Clock
from lane.platform.errors import CameraError, RecordingError
from lane.recording.sealed_file import KEY_BYTES, SUFFIX, SealedWriter

log = logging.getLogger(__name__)

KEY = "PASSENGER_LANE_RECORDING_KEY"
MOST_BYTES = 1 << 30
FORMAT = 1
_HEAD = struct.Struct(">I")
Answered = TypeVar("Answered")


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


class Tape:
    """What was heard, in order. Once something fails, nothing more is written, and nothing of it stays."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._file: SealedWriter | None = None
        self._frames, self._fault, self._name = 0, "", ""

    def begin(self, heard: Mapping[str, Any], photo: bytes) -> None:
        """A new one."""
        self._file, self._frames, self._fault = None, 0, ""
        self._name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}{SUFFIX}"
        path = self._recorder.folder / self._name
        try:
            self._file = SealedWriter(path, self._recorder.key, self._recorder.most_bytes)
        except (OSError, RecordingError) as error:
            self._fail(error)
        self.write("heard", heard, photo)

    def write(self, what: str, value: Any, payload: bytes = b"") -> None:
        """One thing that was heard."""
        if self._file is None:
            return
        head = json.dumps({"what": what, "value": value}).encode()
        try:
            self._file.write(_HEAD.pack(len(head)) + head + payload)
        except (OSError, RecordingError) as error:
            self._fail(error)

    def answering(self, what: str, ask: Callable[[], Answered]) -> Callable[[], Answered]:
        """The same question, whose answers are written down as JSON has them."""

        def asked() -> Answered:
            answer = ask()
            self.write(what, to_plain(answer))
            return answer

        return asked

    def frame(self, frame: Frame) -> None:
        """One that the lane looked at."""
        about = {
            "camera": frame.camera,
            "sequence": frame.sequence,
            "captured_at": frame.captured_at.isoformat(),
            "captured_monotonic_s": frame.captured_monotonic_s,
            "shape": frame.image_bgr.shape,
        }
        self._frames += 1
        self.write("frame", about, np.ascontiguousarray(frame.image_bgr).tobytes())

    def finish(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the ledger says of the recording."""
        self.write("found", found)
        if self._file is not None:
            try:
                sha256, size = self._file.finish(), self._file.size
            except (OSError, RecordingError) as error:
                self._fail(error)
            else:
                self._file = None
                return {"name": self._name, "sha256": sha256, "bytes": size, "frames": self._frames}
        return {"abandoned": self._fault}

    def _fail(self, error: Exception) -> None:
        self._fault = type(error).__name__
        log.error("the recording is abandoned: %s", error)
        if self._file is not None:
            self._file.abandon()
        self._file = None


class TapedClock:
    """See `lane.platform.clock.Clock`."""

    def __init__(self, clock: Clock, tape: Tape) -> None:
        self._clock, self._tape = clock, tape

    def now(self) -> datetime:
        """Aware, UTC."""
        now = self._clock.now()
        self._tape.write("now", now.isoformat())
        return now

    def today(self) -> date:
        """The calendar day where the lane stands."""
        today = self._clock.today()
        self._tape.write("today", today.isoformat())
        return today

    def monotonic_s(self) -> float:
        """Seconds since any fixed moment."""
        monotonic_s = self._clock.monotonic_s()
        self._tape.write("monotonic_s", monotonic_s)
        return monotonic_s

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._clock.sleep(seconds)


class TapedCamera:
    """See `lane.cameras.port.FrameSource`."""

    def __init__(self, camera: FrameSource, tape: Tape) -> None:
        self._camera, self._tape = camera, tape

    def frames(self) -> Iterator[Frame]:
        """One capture's frames, and how it ended where it was not the lane that ended it."""
        try:
            for frame in self._camera.frames():
                self._tape.frame(frame)
                yield frame
        except CameraError:
            self._tape.write("camera", "lost")
            raise
        self._tape.write("camera", "ended")


class TapedTimekeeper(Timekeeper):
    """Writes down whether the clock was set; what it saw for that happened between passages."""

    def __init__(self, timekeeper: Timekeeper, tape: Tape) -> None:
        self._timekeeper, self._tape = timekeeper, tape

    def check(self) -> Check:
        """See `Timekeeper.check`."""
        check = self._timekeeper.check()
        self._tape.write("check", check.value)
        return check

    def note_desk(self, told: datetime) -> None:
        """See `Timekeeper.note_desk`."""
        self._timekeeper.note_desk(told)


class RecordingJudge(Judge):
    """Judges as another one does, and records each time what it heard and found."""

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
        self._tape = Tape(recorder)
        taped = TapedTimekeeper(timekeeper or Timekeeper(clock), self._tape)
        super().__init__(
            TapedCamera(camera, self._tape), measurer, policy, TapedClock(clock, self._tape), taped, guide
        )

    def judge(
        self,
        document: TravelDocument,
        desk: DeskContact,
        *,
        wishes: tuple[Code, ...] = (),
        meanwhile: Callable[[], tuple[Code, ...]] = nobody_asks,
        events: Callable[[], tuple[Code, ...]] = tuple,
    ) -> Judged:
        """See `Judge.judge`."""
        tape = self._tape
        tape.begin(self._heard(document, desk, wishes), document.photo)
        judged = super().judge(
            document,
            desk,
            wishes=wishes,
            meanwhile=tape.answering("asked", meanwhile),
            events=tape.answering("events", events),
        )
        return replace(judged, recording=tape.finish(found(judged)))

    def _heard(
        self, document: TravelDocument, desk: DeskContact, wishes: tuple[Code, ...]
    ) -> Mapping[str, Any]:
        said = asdict(document)
        del said["photo"]
        return {
            "format": FORMAT,
            "version": __version__,
            "policy": self.policy.identity(),
            "networks": to_plain(self.measurer.networks.identities),
            "document": {name: to_plain(value) for name, value in said.items()},
            "desk": desk.value,
            "wishes": to_plain(wishes),
        }


def found(judged: Judged) -> dict[str, Any]:
    """What must come out again, as JSON values: the evidence, and what was decided."""
    return {"evidence": to_plain(judged.evidence), **_outcome(judged.outcome)}


def _outcome(outcome: Admit | Refer) -> dict[str, Any]:
    reasons = outcome.reasons if isinstance(outcome, Refer) else ()
    name = "admit" if isinstance(outcome, Admit) else "refer"
    return {"outcome": name, "reasons": to_plain(reasons), "remarks": to_plain(outcome.remarks)}
