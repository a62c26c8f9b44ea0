"""Makes a recorded decision once more: networks and rules hear what the lane heard, and nothing else."""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lane.cameras.frame import Frame
from lane.capture.measuring import Measurer
from lane.decision.evidence import Check, DeskContact, DocumentKind
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.document.travel_document import TravelDocument
from lane.ledger.clock_check import Timekeeper
from lane.passage.judge import Judge
from lane.platform.errors import CameraError, RecordingError
from lane.recording.record import FORMAT, found
from lane.recording.sealed_file import SUFFIX, unsealed

_HEAD = struct.Struct(">I")
MOST_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a replay came out."""

    file: str
    outcome: str
    identical: bool
    differences: tuple[str, ...]
    """The parts of evidence and decision that came out otherwise, or why it could not be made once more."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """One thing on a tape."""

    what: str
    value: Any
    payload: bytes


class Playback:
    """A tape from its beginning. It is asked as the lane was, in the same order, or says that it was not."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._heard = (_heard(chunk) for chunk in unsealed(path, key))

    def next(self, *expected: str) -> Heard:
        """Raises RecordingError where the lane asks for something else than it did."""
        heard = next(self._heard, None)
        if heard is None:
            raise RecordingError("the lane asks for more than it did when this was recorded")
        if heard.what not in expected:
            wanted = " or ".join(expected)
            raise RecordingError(f"the lane asks for {wanted} where it asked for {heard.what} then")
        return heard

    def end(self) -> None:
        """Raises RecordingError where something is left, or the file is not whole."""
        if next(self._heard, None) is not None:
            raise RecordingError("the lane asks for less than it did when this was recorded")


class PlayedClock:
    """See `lane.platform.clock.Clock`: what the clocks said then."""

    def __init__(self, tape: Playback) -> None:
        self._tape = tape

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.fromisoformat(self._tape.next("now").value)

    def today(self) -> date:
        """The calendar day where the lane stood."""
        return date.fromisoformat(self._tape.next("today").value)

    def monotonic_s(self) -> float:
        """Seconds since any fixed moment."""
        return float(self._tape.next("monotonic_s").value)

    def sleep(self, seconds: float) -> None:
        """No time passes in a replay."""


class PlayedCamera:
    """See `lane.cameras.port.FrameSource`."""

    def __init__(self, tape: Playback) -> None:
        self._tape = tape

    def frames(self) -> Iterator[Frame]:
        """The frames that the lane looked at then."""
        while (heard := self._tape.next("frame", "camera")).what == "frame":
            yield _frame(heard)
        if heard.value == "lost":
            raise CameraError("it was lost when this was recorded")


class PlayedTimekeeper(Timekeeper):
    """What it found then."""

    def __init__(self, tape: Playback) -> None:
        self._tape = tape

    def check(self) -> Check:
        """See `Timekeeper.check`."""
        return Check(self._tape.next("check").value)


def recordings(path: Path) -> list[Path]:
    """One, or all in a folder, the oldest first. RecordingError where there is none."""
    files = [path] if path.is_file() else sorted(path.glob(f"*{SUFFIX}"))
    if not files:
        raise RecordingError(f"{path}: no recording there")
    return files


def replay(path: Path, key: bytes, measurer: Measurer, policy: Policy) -> Replayed:
    """Raises RecordingError for a file that is none, of another key, or not whole."""
    tape = Playback(path, key)
    heard = tape.next("heard")
    if heard.value.get("format") != FORMAT:
        raise RecordingError(f"{path}: a recording of another release")
    try:
        then, now = _again(tape, heard, measurer, policy)
    except RecordingError as error:
        return Replayed(path.name, "", identical=False, differences=(str(error),))
    differences = tuple(_differences(then, now, ""))[:MOST_DIFFERENCES]
    return Replayed(path.name, now["outcome"], not differences, differences)


def _again(tape: Playback, heard: Heard, measurer: Measurer, policy: Policy) -> tuple[Any, Any]:
    """What was found then and what is found now. RecordingError where the lane goes another way."""
    judge = Judge(PlayedCamera(tape), measurer, policy, PlayedClock(tape), PlayedTimekeeper(tape))
    judged = judge.judge(
        _document(heard),
        DeskContact(heard.value["desk"]),
        wishes=_codes(heard.value["wishes"]),
        meanwhile=lambda: _codes(tape.next("asked").value),
        events=lambda: _codes(tape.next("events").value),
    )
    then = tape.next("found").value
    tape.end()
    return then, json.loads(json.dumps(found(judged)))


def _differences(then: Any, now: Any, where: str) -> Iterator[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in sorted(then.keys() | now.keys()):
            yield from _differences(then.get(name), now.get(name), f"{where}.{name}" if where else name)
    elif then != now:
        yield f"{where}: {json.dumps(then)} when it was recorded, {json.dumps(now)} now"


def _heard(chunk: bytes) -> Heard:
    (length,) = _HEAD.unpack_from(chunk)
    head = json.loads(chunk[_HEAD.size : _HEAD.size + length])
    return Heard(head["what"], head["value"], chunk[_HEAD.size + length :])


def _document(heard: Heard) -> TravelDocument:
    said = heard.value["document"]
    return TravelDocument(
        photo=heard.payload,
        expires_on=_day(said["expires_on"]),
        nationality=said["nationality"],
        born_on=_day(said["born_on"]),
        kind=said["kind"] and DocumentKind(said["kind"]),
        checks={name: Check(result) for name, result in said["checks"].items()},
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _codes(values: list[str]) -> tuple[Code, ...]:
    return tuple(map(Code, values))


def _frame(heard: Heard) -> Frame:
    about = heard.value
    image_bgr = np.frombuffer(heard.payload, np.uint8).reshape(about["shape"]).copy()
    return Frame(
        about["camera"],
        about["sequence"],
        datetime.fromisoformat(about["captured_at"]),
        about["captured_monotonic_s"],
        image_bgr,
    )
