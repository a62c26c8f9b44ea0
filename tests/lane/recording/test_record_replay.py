"""What is recorded comes out again as the same evidence and decision; without the key it is nothing."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.cameras.simulated import SimulatedCamera
from lane.decision.evidence import DocumentKind, to_plain
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.demo.passengers import Passenger
from lane.kiosk.traveller_requests import TravellerRequests, no_requests
from lane.passage.station import PassageReport
from lane.platform.errors import RecordingError
from lane.recording.record import Recorder, RecordingJudge, folder_for_faces, key_of_environment
from lane.recording.replay import Replayed, recording_files, replay_file
from lane.recording.sealed_file import SealedWriter, read_sealed
from tests.support import tiers
from tests.support.lane.simulated_lane import Hall, LaneMaker, People, StandingClock

KEY = bytes(range(32))
NAMES = ["holder", "impostor", "two-people", "nobody", "blurred", "expired", "no-face"]


def asks_at(question: int) -> TravellerRequests:
    """A passenger who asks for an officer at this question."""
    asked = count(1)
    return lambda: (Code.DECLINES_FACE,) if next(asked) == question else ()


@dataclass
class RecordingLane:
    """A lane that records: one passenger's passage, and its replay."""

    lane_with: LaneMaker

    @property
    def folder(self) -> Path:
        return self.lane_with.folder / "recordings"

    def walk(
        self, passenger: str | Passenger, most_bytes: int = 1 << 30, requests: TravellerRequests = no_requests
    ) -> tuple[Hall, PassageReport]:
        clock, recorder = StandingClock(), Recorder(self.folder, KEY, most_bytes)
        scene = (self.lane_with.people[passenger] if isinstance(passenger, str) else passenger).scene
        camera = SimulatedCamera(clock, clock.skip, scene, frames_per_second=12.5)
        measurer, policy = self.lane_with.measurer, self.lane_with.policy
        judge = RecordingJudge(camera, measurer, policy, clock, recorder=recorder)
        here = self.lane_with(passenger, clock=clock, judge=judge, requests=requests)
        return here, here.walk()

    def file(self) -> Path:
        [file] = recording_files(self.folder)
        return file

    def replay(self, policy: Policy | None = None, key: bytes = KEY) -> Replayed:
        return replay_file(self.file(), key, self.lane_with.measurer, policy or self.lane_with.policy)


@pytest.fixture
def lane(lane_with: LaneMaker) -> RecordingLane:
    made = RecordingLane(lane_with)
    made.folder.mkdir()
    return made


def body_of(here: Hall, kind: str) -> Mapping[str, Any]:
    [body] = [one.body for one in here.desk.entries if one.kind == kind]
    return body


@tiers.parametrize("name", NAMES, quick=1)
def test_recorded_passage_replays_identically(name: str, lane: RecordingLane) -> None:
    _, report = lane.walk(name)
    assert lane.replay() == Replayed(lane.file().name, report.outcome, identical=True, differences=())


@pytest.mark.parametrize(
    ("change", "wishes", "code"),
    [
        ({}, asks_at(4), Code.DECLINES_FACE),
        ({"kind": DocumentKind.DIPLOMATIC}, no_requests, Code.DIPLOMATIC),
    ],
)
def test_wished_and_uncaptured_passages_replay_identically(
    change: Any, wishes: TravellerRequests, code: Code, lane: RecordingLane, people: People
) -> None:
    holder = people["holder"]
    passenger = replace(holder, document=replace(holder.document, **change))
    _, report = lane.walk(passenger, requests=wishes)
    assert code in {reason.code for reason in report.reasons}
    assert lane.replay().identical


def test_ledger_marks_recorded_passages(lane: RecordingLane, people: People) -> None:
    here, _ = lane.walk("holder")
    assert body_of(here, "passage.started")["recorded"] is True
    recording = body_of(here, "passage.judged")["recording"]
    assert recording["bytes"] == lane.file().stat().st_size
    assert recording["frames"] >= 3
    assert lane.file().stat().st_mode & 0o777 == 0o600
    content = lane.file().read_bytes()
    assert people["holder"].document.photo[:64] not in content, "it is sealed"
    assert b"expires_on" not in content


def test_lane_records_only_on_order(lane_with: LaneMaker) -> None:
    here = lane_with("holder")
    here.walk()
    assert not any("record" in json.dumps(to_plain(one.body)) for one in here.desk.entries[1:])


def test_oversized_recording_is_abandoned(lane: RecordingLane) -> None:
    here, report = lane.walk("holder", most_bytes=3_000_000)
    assert report.gate_opened
    assert body_of(here, "passage.judged")["recording"] == {"abandoned": "RecordingError"}
    with pytest.raises(RecordingError, match="no recording"):
        lane.file()
    assert list(lane.folder.iterdir()) == []


def test_unwritable_folder_stops_no_passage(lane: RecordingLane) -> None:
    lane.folder.rmdir()
    _, report = lane.walk("holder")
    assert report.gate_opened


def test_other_policy_or_key_replays_otherwise_or_not(lane: RecordingLane, policy: Policy) -> None:
    lane.walk("holder")
    liveness = policy.liveness.model_copy(update={"when_not_assessed": "refer"})
    found = lane.replay(policy.model_copy(update={"liveness": liveness}))
    assert not found.identical
    assert any(line.startswith("outcome: ") for line in found.differences)
    longer = policy.capture.model_copy(update={"good_frames": 50})
    found = lane.replay(policy.model_copy(update={"capture": longer}))
    assert not found.identical
    assert "the lane asks for" in found.differences[0]
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


@given(st.data())
def test_changed_sealed_recording_is_found(sealed: Path, data: st.DataObject) -> None:
    assert list(read_sealed(sealed, KEY)) == [b"one", b"", b"three" * 100]
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
