"""Replays a recorded decision: networks and rules get the recorded inputs, and nothing else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lane.cameras.frame import Frame
from lane.capture.measuring import Measurer
from lane.decision.evidence import Check, DeskContact, read_plain
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.document.travel_document import TravelDocument
from lane.ledger.clock_check import Timekeeper
from lane.passage.judge import Judge
from lane.platform.errors import CameraError, RecordingError
from lane.recording.record import FORMAT, HEAD, result_to_json
from lane.recording.sealed_file import SUFFIX, read_sealed

MOST_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Replayed:
    file: str
    outcome: str
    identical: bool
    differences: tuple[str, ...]
    """The parts of evidence and decision that differ, or why the replay failed."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordedInput:
    what: str
    value: Any
    payload: bytes


class RecordingReader:
    """A recording from its beginning; its inputs must be asked for in the same order."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._inputs = (_read_input(chunk) for chunk in read_sealed(path, key))

    def next(self, *expected: str) -> RecordedInput:
        """The next input. Raises RecordingError where the lane asks for something else than it did."""
        given = next(self._inputs, None)
        if given is None:
            raise RecordingError("the lane asks for more than it did when this was recorded")
        if given.what not in expected:
            wanted = " or ".join(expected)
            raise RecordingError(f"the lane asks for {wanted} where it asked for {given.what} then")
        return given

    def end(self) -> None:
        """Raises RecordingError where something is left, or the file is not whole."""
        if next(self._inputs, None) is not None:
            raise RecordingError("the lane asks for less than it did when this was recorded")


class ReplayedClock:
    """See `lane.platform.clock.Clock`: the recorded readings."""

    def __init__(self, recording: RecordingReader) -> None:
        self._recording = recording

    def now(self) -> datetime:
        return datetime.fromisoformat(self._recording.next("now").value)

    def today(self) -> date:
        return date.fromisoformat(self._recording.next("today").value)

    def monotonic_s(self) -> float:
        return float(self._recording.next("monotonic_s").value)

    def sleep(self, seconds: float) -> None:
        """No time passes in a replay."""


class ReplayedCamera:
    """See `lane.cameras.port.FrameSource`."""

    def __init__(self, recording: RecordingReader) -> None:
        self._recording = recording

    def frames(self) -> Iterator[Frame]:
        """The frames that the lane looked at then."""
        while (given := self._recording.next("frame", "camera")).what == "frame":
            yield _frame(given)
        if given.value == "lost":
            raise CameraError("it was lost when this was recorded")


class ReplayedTimekeeper(Timekeeper):
    """The recorded results of the clock check."""

    def __init__(self, recording: RecordingReader) -> None:
        self._recording = recording

    def check(self) -> Check:
        return Check(self._recording.next("check").value)


def recording_files(path: Path) -> list[Path]:
    """One, or all in a folder, the oldest first. RecordingError where there is none."""
    files = [path] if path.is_file() else sorted(path.glob(f"*{SUFFIX}"))
    if not files:
        raise RecordingError(f"{path}: no recording there")
    return files


def replay_file(path: Path, key: bytes, measurer: Measurer, policy: Policy) -> Replayed:
    """Raises RecordingError for a file that is none, of another key, or not whole."""
    recording = RecordingReader(path, key)
    given = recording.next("heard")
    if given.value.get("format") != FORMAT:
        raise RecordingError(f"{path}: a recording of another release")
    try:
        then, now = _repeat(recording, given, measurer, policy)
    except RecordingError as error:
        return Replayed(path.name, "", identical=False, differences=(str(error),))
    differences = tuple(_differences(then, now, ""))[:MOST_DIFFERENCES]
    return Replayed(path.name, now["outcome"], not differences, differences)


def _repeat(
    recording: RecordingReader, given: RecordedInput, measurer: Measurer, policy: Policy
) -> tuple[Any, Any]:
    """The result then and now. Raises RecordingError where the lane goes another way."""
    judge = Judge(
        ReplayedCamera(recording), measurer, policy, ReplayedClock(recording), ReplayedTimekeeper(recording)
    )
    judged = judge.judge(
        read_plain(TravelDocument, given.value["document"] | {"photo": given.payload}),
        DeskContact(given.value["desk"]),
        wishes=_codes(given.value["wishes"]),
        meanwhile=lambda: _codes(recording.next("asked").value),
        events=lambda: _codes(recording.next("events").value),
    )
    then = recording.next("found").value
    recording.end()
    return then, json.loads(json.dumps(result_to_json(judged)))


def _differences(then: Any, now: Any, where: str) -> Iterator[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in sorted(then.keys() | now.keys()):
            yield from _differences(then.get(name), now.get(name), f"{where}.{name}" if where else name)
    elif then != now:
        yield f"{where}: {json.dumps(then)} when it was recorded, {json.dumps(now)} now"


def _read_input(chunk: bytes) -> RecordedInput:
    (length,) = HEAD.unpack_from(chunk)
    head = json.loads(chunk[HEAD.size : HEAD.size + length])
    return RecordedInput(head["what"], head["value"], chunk[HEAD.size + length :])


def _codes(values: list[str]) -> tuple[Code, ...]:
    return tuple(map(Code, values))


def _frame(given: RecordedInput) -> Frame:
    about = given.value
    image_bgr = np.frombuffer(given.payload, np.uint8).reshape(about["shape"]).copy()
    return Frame(
        about["camera"],
        about["sequence"],
        datetime.fromisoformat(about["captured_at"]),
        about["captured_monotonic_s"],
        image_bgr,
    )
