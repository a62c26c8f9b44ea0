"""What is recorded comes out again as the same evidence and decision; without the key it is nothing."""

import json
import os
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

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


def recorded(
    folder: Path,
    measurer: Measurer,
    policy: Policy,
    passenger: Passenger,
    most_bytes: int = 1 << 30,
    wishes: TravellerRequests = no_requests,
) -> tuple[Hall, PassageReport]:
    clock = StandingClock()
    camera = SimulatedCamera(clock, clock.skip, passenger.scene, frames_per_second=12.5)
    recorder = Recorder(folder, KEY, most_bytes)
    judge = RecordingJudge(camera, measurer, policy, clock, recorder=recorder)
    passengers = [(passenger.document, passenger.scene)]
    here = hall(folder, measurer, policy, passengers, clock=clock, judge=judge, requests=wishes)
    here.station.start()
    return here, here.walk()


def again(folder: Path, measurer: Measurer, policy: Policy, key: bytes = KEY) -> Replayed:
    [file] = recording_files(folder)
    return replay_file(file, key, measurer, policy)


@pytest.mark.parametrize("name", NAMES)
def test_recorded_passage_replays_identically(
    name: str, tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    _, report = recorded(tmp_path, measurer, policy, people[name])
    assert again(tmp_path, measurer, policy) == Replayed(
        recording_files(tmp_path)[0].name, report.outcome, identical=True, differences=()
    )


def test_wished_and_uncaptured_passages_replay_identically(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    """Of who asks for an officer, and of who is never captured."""
    diplomat = replace(people["holder"].document, kind=DocumentKind.DIPLOMATIC)
    cases: dict[str, tuple[Passenger, TravellerRequests, Code]] = {
        "asks": (people["holder"], Presses(4), Code.DECLINES_FACE),
        "diplomat": (replace(people["holder"], document=diplomat), no_requests, Code.DIPLOMATIC),
    }
    for name, (passenger, wishes, code) in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        _, report = recorded(folder, measurer, policy, passenger, wishes=wishes)
        assert code in {reason.code for reason in report.reasons}
        assert again(folder, measurer, policy).identical


def test_ledger_marks_recorded_passages(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    """It says so beforehand and afterwards."""
    here, _ = recorded(tmp_path, measurer, policy, people["holder"])
    [started] = [one.body for one in here.desk.entries if one.kind == "passage.started"]
    [judged] = [one.body for one in here.desk.entries if one.kind == "passage.judged"]
    [file] = recording_files(tmp_path)
    assert started["recorded"] is True
    assert judged["recording"]["bytes"] == file.stat().st_size
    assert judged["recording"]["frames"] >= 3
    assert file.stat().st_mode & 0o777 == 0o600


def test_lane_records_only_on_order(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    """A lane that nobody told to records nothing."""
    here = hall(tmp_path, measurer, policy, [(people["holder"].document, people["holder"].scene)])
    here.station.start()
    here.walk()
    assert not any("record" in json.dumps(to_plain(one.body)) for one in here.desk.entries[1:])


def test_recording_is_sealed(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    """Nothing of document or frames lies open."""
    recorded(tmp_path, measurer, policy, people["holder"])
    content = recording_files(tmp_path)[0].read_bytes()
    assert people["holder"].document.photo[:64] not in content
    assert b"expires_on" not in content


def test_oversized_recording_is_abandoned(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    """The passage goes on."""
    here, report = recorded(tmp_path, measurer, policy, people["holder"], most_bytes=3_000_000)
    assert report.gate_opened
    [judged] = [one.body for one in here.desk.entries if one.kind == "passage.judged"]
    assert judged["recording"] == {"abandoned": "RecordingError"}
    with pytest.raises(RecordingError, match="no recording"):
        recording_files(tmp_path)
    assert [one.name for one in tmp_path.iterdir() if "recording" in one.name] == []


def test_unwritable_folder_stops_no_passage(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    clock = StandingClock()
    passenger = people["holder"]
    camera = SimulatedCamera(clock, clock.skip, passenger.scene, frames_per_second=12.5)
    make = partial(RecordingJudge, recorder=Recorder(tmp_path / "none", KEY))
    judge = make(camera, measurer, policy, clock)
    passengers = [(passenger.document, passenger.scene)]
    here = hall(tmp_path, measurer, policy, passengers, clock=clock, judge=judge)
    here.station.start()
    assert here.walk().gate_opened


def test_other_policy_replay_tells_differences(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    """It comes out otherwise, and says where."""
    recorded(tmp_path, measurer, policy, people["holder"])
    strict = policy.model_copy(
        update={"liveness": policy.liveness.model_copy(update={"when_not_assessed": "refer"})}
    )
    found = again(tmp_path, measurer, strict)
    assert not found.identical
    assert any(line.startswith("outcome: ") for line in found.differences)
    longer = policy.model_copy(update={"capture": policy.capture.model_copy(update={"good_frames": 50})})
    found = again(tmp_path, measurer, longer)
    assert not found.identical
    assert "the lane asks for" in found.differences[0]


def test_another_key_opens_nothing(
    tmp_path: Path, measurer: Measurer, policy: Policy, people: dict[str, Passenger]
) -> None:
    recorded(tmp_path, measurer, policy, people["expired"])
    with pytest.raises(RecordingError, match="another key"):
        again(tmp_path, measurer, policy, key=bytes(32))


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
    """Whatever is changed, cut or added."""
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


def test_key_comes_only_from_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told nowhere."""
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
    """They go into no folder that others may look into."""
    os.chmod(tmp_path, 0o755)  # noqa: PTH101
    with pytest.raises(RecordingError, match="chmod 700"):
        folder_for_faces(tmp_path)
    assert folder_for_faces(tmp_path / "new").stat().st_mode & 0o777 == 0o700
