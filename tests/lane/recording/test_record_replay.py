"""What is recorded comes out again as the same evidence and decision; without the key it is nothing."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.cameras.simulated import SimulatedCamera
from lane.capture.measuring import Measurer
from lane.decision.evidence import DocumentKind, to_plain
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.demo.passengers import Passenger, demo_passengers
from lane.kiosk.traveller_requests import TravellerRequests, no_requests
from lane.passage.station import PassageReport
from lane.platform.errors import RecordingError
from lane.recording.record import Recorder, RecordingJudge, folder_for_faces, key_of_environment
from lane.recording.replay import Replayed, recording_files, replay_file
from lane.recording.sealed_file import SealedWriter, read_sealed
from tests.support import tiers
from tests.support.lane.simulated_lane import Hall, StandingClock, hall

KEY = bytes(range(32))
NAMES = ["holder", "impostor", "two-people", "nobody", "blurred", "expired", "no-face"]


@pytest.fixture(scope="module")
def people(photos: Path, measurer: Measurer) -> dict[str, Passenger]:
    assert photos.is_dir()
    return {one.name: one for one in demo_passengers(measurer, date.today())}  # noqa: DTZ011  the document's own day


@dataclass
class Presses:
    """A passenger who asks for an officer at the nth question."""

    at: int
    asked_: int = 0

    def __call__(self) -> tuple[Code, ...]:
        self.asked_ += 1
        return (Code.DECLINES_FACE,) if self.asked_ == self.at else ()


@dataclass
class RecordingLane:
    """A lane that records: one passenger's passage, and its replay."""

    folder: Path
    measurer: Measurer
    policy: Policy

    def walk(
        self, passenger: Passenger, most_bytes: int = 1 << 30, wishes: TravellerRequests = no_requests
    ) -> tuple[Hall, PassageReport]:
        clock = StandingClock()
        camera = SimulatedCamera(clock, clock.skip, passenger.scene, frames_per_second=12.5)
        recorder = Recorder(self.folder / "recordings", KEY, most_bytes)
        judge = RecordingJudge(camera, self.measurer, self.policy, clock, recorder=recorder)
        passengers = [(passenger.document, passenger.scene)]
        here = hall(
            self.folder, self.measurer, self.policy, passengers, clock=clock, judge=judge, requests=wishes
        )
        here.station.start()
        return here, here.walk()

    def file(self) -> Path:
        [file] = recording_files(self.folder / "recordings")
        return file

    def replay(self, policy: Policy | None = None, key: bytes = KEY) -> Replayed:
        return replay_file(self.file(), key, self.measurer, policy or self.policy)


@pytest.fixture
def lane(tmp_path: Path, measurer: Measurer, policy: Policy) -> RecordingLane:
    (tmp_path / "recordings").mkdir()
    return RecordingLane(tmp_path, measurer, policy)


def body_of(here: Hall, kind: str) -> Mapping[str, Any]:
    [body] = [one.body for one in here.desk.entries if one.kind == kind]
    return body


@tiers.parametrize("name", NAMES, quick=1)
def test_recorded_passage_replays_identically(
    name: str, lane: RecordingLane, people: dict[str, Passenger]
) -> None:
    _, report = lane.walk(people[name])
    assert lane.replay() == Replayed(lane.file().name, report.outcome, identical=True, differences=())


@pytest.mark.parametrize(
    ("change", "wishes", "code"),
    [
        ({}, Presses(4), Code.DECLINES_FACE),
        ({"kind": DocumentKind.DIPLOMATIC}, no_requests, Code.DIPLOMATIC),
    ],
)
def test_wished_and_uncaptured_passages_replay_identically(
    change: Any, wishes: TravellerRequests, code: Code, lane: RecordingLane, people: dict[str, Passenger]
) -> None:
    holder = people["holder"]
    passenger = replace(holder, document=replace(holder.document, **change))
    _, report = lane.walk(passenger, wishes=wishes)
    assert code in {reason.code for reason in report.reasons}
    assert lane.replay().identical


def test_ledger_marks_recorded_passages(lane: RecordingLane, people: dict[str, Passenger]) -> None:
    here, _ = lane.walk(people["holder"])
    assert body_of(here, "passage.started")["recorded"] is True
    recording = body_of(here, "passage.judged")["recording"]
    assert recording["bytes"] == lane.file().stat().st_size
    assert recording["frames"] >= 3
    assert lane.file().stat().st_mode & 0o777 == 0o600
    content = lane.file().read_bytes()
    assert people["holder"].document.photo[:64] not in content, "it is sealed"
    assert b"expires_on" not in content


def test_lane_records_only_on_order(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    here = hall(tmp_path, measurer, policy, [(people["holder"].document, people["holder"].scene)])
    here.station.start()
    here.walk()
    assert not any("record" in json.dumps(to_plain(one.body)) for one in here.desk.entries[1:])


def test_oversized_recording_is_abandoned(lane: RecordingLane, people: dict[str, Passenger]) -> None:
    here, report = lane.walk(people["holder"], most_bytes=3_000_000)
    assert report.gate_opened
    assert body_of(here, "passage.judged")["recording"] == {"abandoned": "RecordingError"}
    with pytest.raises(RecordingError, match="no recording"):
        lane.file()
    assert list((lane.folder / "recordings").iterdir()) == []


def test_unwritable_folder_stops_no_passage(lane: RecordingLane, people: dict[str, Passenger]) -> None:
    (lane.folder / "recordings").rmdir()
    _, report = lane.walk(people["holder"])
    assert report.gate_opened


def test_other_policy_replay_tells_differences(lane: RecordingLane, people: dict[str, Passenger]) -> None:
    lane.walk(people["holder"])
    liveness = lane.policy.liveness.model_copy(update={"when_not_assessed": "refer"})
    found = lane.replay(lane.policy.model_copy(update={"liveness": liveness}))
    assert not found.identical
    assert any(line.startswith("outcome: ") for line in found.differences)
    longer = lane.policy.capture.model_copy(update={"good_frames": 50})
    found = lane.replay(lane.policy.model_copy(update={"capture": longer}))
    assert not found.identical
    assert "the lane asks for" in found.differences[0]


def test_another_key_opens_nothing(lane: RecordingLane, people: dict[str, Passenger]) -> None:
    lane.walk(people["expired"])
    with pytest.raises(RecordingError, match="another key"):
        lane.replay(key=bytes(32))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "a.recording"
    file = SealedWriter(path, KEY, 10_000)
    for chunk in (b"one", b"", b"three" * 100):
        file.write(chunk)
    file.finish()
    return path


def test_what_is_sealed_is_opened(sealed: Path) -> None:
    assert list(read_sealed(sealed, KEY)) == [b"one", b"", b"three" * 100]


@given(st.data())
def test_changed_sealed_recording_is_found(sealed: Path, data: st.DataObject) -> None:
    content = bytearray(sealed.read_bytes())
    how = data.draw(st.sampled_from(["change", "cut", "add", "twice"]))
    at = data.draw(st.integers(0, len(content) - 1))
    match how:
        case "change":
            content[at] ^= data.draw(st.integers(1, 255))
        case "cut":
            del content[at:]
        case "add":
            content += data.draw(st.binary(min_size=1, max_size=40))
        case "twice":
            content[at:at] = content[at : at + data.draw(st.integers(1, 60))]
    changed = sealed.with_name("changed")
    changed.write_bytes(content)
    with pytest.raises(RecordingError):
        list(read_sealed(changed, KEY))


def test_key_comes_only_from_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PASSENGER_LANE_RECORDING_KEY", raising=False)
    with pytest.raises(RecordingError, match="token_hex"):
        key_of_environment()
    monkeypatch.setenv("PASSENGER_LANE_RECORDING_KEY", "5ec4e7" * 3)
    with pytest.raises(RecordingError) as caught:
        key_of_environment()
    assert "5ec4e7" not in str(caught.value)
    monkeypatch.setenv("PASSENGER_LANE_RECORDING_KEY", KEY.hex())
    assert key_of_environment() == KEY


def test_faces_need_a_private_folder(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)  # noqa: PTH101
    with pytest.raises(RecordingError, match="chmod 700"):
        folder_for_faces(tmp_path)
    assert folder_for_faces(tmp_path / "new").stat().st_mode & 0o777 == 0o700
