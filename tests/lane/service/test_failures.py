"""Whatever of a lane fails, its gate is shut; the table of `.deploy/README.md` says what it does then."""

import itertools
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from lane.cameras.frame import Frame
from lane.capture.measuring import Measurer
from lane.decision.reason_codes import Code
from lane.decision.referral import Answer, PassageId
from lane.gate.modbus import ModbusGate
from lane.gate.port import GateEvent
from lane.gate.sensors import FIRE
from lane.gate.settings import GateSettings
from lane.gate.simulated import SimulatedGate
from lane.ledger.clock_check import Timekeeper
from lane.ledger.entry import Draft
from lane.passage.judge import Judge
from lane.passage.station import PassageReport
from lane.platform.clock import SystemClock
from lane.platform.errors import CameraError, DeskError, DeskLostError, GateFaultError, NetworkLostError
from lane.service.run import while_down
from lane.service.settings import read as read_settings
from models.detect.detector import FaceDetector
from models.errors import GoldenVectorError, InferenceError, WeightsChangedError
from models.networks.build import Networks
from models.runtime.session import Session, Tensor
from tests.lane.gate.test_modbus import WIRED
from tests.support.http_service import answering
from tests.support.lane.failure_table import README, Seen, degraded, section, table
from tests.support.lane.relay_box import RelayBox
from tests.support.lane.simulated_lane import (
    LANE,
    BusyGate,
    ChangedCamera,
    Hall,
    LaneMaker,
    SetClock,
    SimulatedDesk,
    StandingClock,
    codes,
    openings,
)
from tests.support.processes import until

ROOT = Path(__file__).parents[3]


HOLDERS = ("holder", "holder")


def walked(report: PassageReport) -> Seen:
    return Seen(codes(report), int(report.gate_opened))


@dataclass(slots=True)
class Lossy:
    """A session of a runtime whose accelerator goes away for so many runs."""

    real: Session
    faults: float = 0

    @property
    def provider(self) -> str:
        return "CUDAExecutionProvider"

    def run(self, tensor: Tensor) -> Any:
        if self.faults > 0:
            self.faults -= 1
            raise InferenceError("the accelerator has fallen off the bus")
        return self.real.run(tensor)


@dataclass(slots=True)
class Accelerated:
    """A lane whose detector runs on an accelerator that can be lost, and what stands ready on the CPU."""

    here: Hall
    lossy: Lossy
    asked: list[None]

    def lose(self) -> Seen:
        assert self.here.walk().outcome == "admit"
        opened = openings(self.here.gate.diary)
        self.lossy.faults = float("inf")
        seen = walked(self.here.walk())
        assert openings(self.here.gate.diary) == opened
        return seen


def accelerated(
    lane_with: LaneMaker, networks: Networks, when_lost: str, fails: Exception | None = None
) -> Accelerated:
    lossy = Lossy(networks.detector._session)
    spec = networks.catalogue.for_role("detector")
    there = Measurer(replace(networks, detector=FaceDetector(spec, lossy)), second_face_ratio=0.5)
    rule = lane_with.policy.engine.model_copy(update={"when_lost": when_lost})
    lane_with = replace(lane_with, policy=lane_with.policy.model_copy(update={"engine": rule}))
    clock = StandingClock()
    judge = Judge(lane_with.camera("holder", clock), there, lane_with.policy, clock)
    asked: list[None] = []

    def stand_in() -> Measurer:
        asked.append(None)
        if fails is not None:
            raise fails
        return Measurer(networks, second_face_ratio=0.5)

    here = lane_with("holder", *HOLDERS, measurer=there, clock=clock, judge=judge, networks_on_cpu=stand_in)
    return Accelerated(here, lossy, asked)


@degraded(
    'the accelerator, `when_lost = "cpu"`',
    Code.ENGINE_LOST,
    Code.TIMEOUT,
    does="an officer decides; the networks run on the CPU once they know the known face there",
    until="restarted",
)
def test_policy_replaces_lost_accelerator_by_cpu(lane_with: LaneMaker, networks: Networks) -> Seen:
    site = accelerated(lane_with, networks, "cpu")
    seen = site.lose()
    assert len(site.asked) == 1
    assert site.here.kinds()[-1] == "lane.engine"
    providers = {one["provider"] for one in site.here.desk.entries[-1].body["networks"]}
    assert providers == {"CPUExecutionProvider"}
    assert site.here.walk().outcome == "admit", "the networks on the CPU decide"
    return seen


@degraded(
    'the accelerator, `when_lost = "close"`',
    Code.ENGINE_LOST,
    Code.TIMEOUT,
    does="an officer decides, then the lane closes",
    until="restarted",
)
def test_policy_closes_lane_without_accelerator(lane_with: LaneMaker, networks: Networks) -> Seen:
    site = accelerated(lane_with, networks, "close")
    seen = site.lose()
    assert site.asked == []
    assert site.here.kinds()[-1] == "lane.closed"
    assert site.here.station.serve() is None
    return seen


@degraded(
    "the accelerator, and on the CPU the known face is not known",
    Code.ENGINE_LOST,
    Code.TIMEOUT,
    does="an officer decides, then the lane closes",
    until="restarted",
)
def test_failed_cpu_check_decides_nothing(lane_with: LaneMaker, networks: Networks) -> Seen:
    site = accelerated(lane_with, networks, "cpu", fails=GoldenVectorError("moved"))
    seen = site.lose()
    assert site.here.kinds()[-1] == "lane.closed"
    assert site.here.station.serve() is None
    return seen


def test_one_pictures_fault_moves_no_network(lane_with: LaneMaker, networks: Networks) -> None:
    site = accelerated(lane_with, networks, "close")
    site.lossy.faults = 1
    assert Code.ENGINE_LOST in set(walked(site.here.walk()).codes)
    assert site.here.walk().outcome == "admit"


@degraded(
    "a file of the networks is another one than at the start",
    Code.MODEL_CHANGED,
    does="an officer decides, then the lane closes",
    until="restarted with the right files",
)
def test_changed_networks_file_closes_lane(lane_with: LaneMaker, monkeypatch: pytest.MonkeyPatch) -> Seen:
    here = lane_with(*HOLDERS)

    def changed(_: Networks) -> None:
        raise WeightsChangedError(Path("sface.onnx"), "a" * 64, "b" * 64)

    monkeypatch.setattr(Networks, "check_files", changed)
    seen = walked(here.walk())
    assert here.kinds()[-1] == "lane.closed"
    assert here.station.serve() is None
    return seen


def lost_desk(lane_with: LaneMaker, fault: DeskError) -> Seen:
    """The holder waits while the desk is away; back again, it hears of all that, and an officer admits."""
    here = lane_with(*HOLDERS, desk=SimulatedDesk(LANE, lambda _: Answer.ADMIT, fault))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        assert openings(here.gate.diary) == 0
        here.desk.fault = None if len(waited) >= 3 else fault

    here.clock.sleep = wait  # type: ignore[method-assign]  # the wait is where the desk comes back
    report = here.walk()
    assert len(waited) >= 3
    assert (report.officer, report.gate_opened) == (Answer.ADMIT, True)
    assert here.kinds()[-1] == "passage.closed"
    assert here.journal.pending(1) == []
    opened = openings(here.gate.diary) - 1  # the officer's
    assert here.walk().outcome == "admit"
    return Seen(codes(report), opened)


@degraded(
    "the network to the desk",
    Code.NETWORK_LOST,
    does='nobody is admitted by machine (`when_lost = "refer"`); who is referred waits; the ledger keeps all',
    until="it is back",
)
def test_lost_network_admits_nobody(lane_with: LaneMaker) -> Seen:
    return lost_desk(lane_with, NetworkLostError("cable"))


@degraded("the desk", Code.DESK_LOST, does="the same", until="it is back")
def test_lost_desk_admits_nobody(lane_with: LaneMaker) -> Seen:
    return lost_desk(lane_with, DeskLostError("down"))


@degraded(
    "the camera",
    Code.CAMERA_DRIFT,
    Code.TIMEOUT,
    does="an officer decides; that nobody was seen does not count against the passenger",
    until="its frames come again",
)
def test_lost_camera_refers_until_frames_return(lane_with: LaneMaker) -> Seen:
    clock = StandingClock()
    faults = [CameraError("no frame within a second")]

    def cut(frame: Frame) -> Frame:
        if faults:
            raise faults.pop()
        return frame

    camera = ChangedCamera(lane_with.camera("holder", clock), cut)
    here = lane_with(*HOLDERS, camera=camera, clock=clock)
    seen = walked(here.walk())
    assert here.walk().outcome == "admit"
    return seen


@degraded(
    "the machine is too slow: most frames are too old to decide",
    Code.OVERLOAD,
    Code.TIMEOUT,
    does="an officer decides; the passenger is not at fault",
    until="frames come in time",
)
def test_overloaded_lane_tells_and_refers(lane_with: LaneMaker) -> Seen:
    clock = StandingClock()
    late_s = lane_with.policy.capture.max_frame_age_s * 1.5

    def late(frame: Frame) -> Frame:
        clock.skip(late_s)
        return frame

    camera = ChangedCamera(lane_with.camera("holder", clock), late)
    here = lane_with(*HOLDERS, camera=camera, clock=clock)
    seen = walked(here.walk())
    late_s = 0.0
    assert here.walk().outcome == "admit"
    return seen


@degraded(
    "the clock was set, or is another than the desk's",
    Code.CLOCK_WRONG,
    does="an officer decides",
    until="the desk's clock agrees, or a person says that it is right; also over a restart",
)
def test_changed_clock_refers_until_desk_agrees(lane_with: LaneMaker) -> Seen:
    clock = SetClock()
    camera = lane_with.camera("holder", clock)
    keeper = Timekeeper(clock)
    judge = Judge(camera, lane_with.measurer, lane_with.policy, clock, keeper)
    here = lane_with(*HOLDERS, *HOLDERS, clock=clock, judge=judge)
    assert here.walk().outcome == "admit"
    opened, right = openings(here.gate.diary), clock.now()
    clock.set_by = timedelta(hours=-2)
    seen = walked(here.walk())
    assert walked(here.walk()).openings == 0, "time alone mends nothing"
    assert openings(here.gate.diary) == opened
    clock.set_by = timedelta()
    assert clock.now() >= right
    keeper.note_desk(clock.now())
    assert here.walk().outcome == "admit"
    return seen


def fill(here: Hall) -> None:
    """As a disk that takes nothing more; see also the test with a real one below."""
    here.journal._db.set_authorizer(
        lambda what, *_: sqlite3.SQLITE_DENY if what == sqlite3.SQLITE_INSERT else sqlite3.SQLITE_OK
    )


def make_room(here: Hall) -> None:
    here.journal._db.set_authorizer(None)


def stuck(here: Hall, monkeypatch: pytest.MonkeyPatch, looks: int) -> list[bool]:
    """Room comes back at the given look; whether the gate was open at each."""
    seen: list[bool] = []
    wait = here.station._stop.wait

    def look(seconds: float | None = None) -> bool:
        seen.append(here.gate.is_open)
        if len(seen) == looks:
            make_room(here)
        return wait(0)

    monkeypatch.setattr(here.station._stop, "wait", look)
    return seen


@degraded(
    "the disk is full before a passage",
    does="nobody is served: without a record nothing happens; the traveller reads *closed*, the hall *fault*",
    until="there is room",
)
def test_full_disk_begins_no_passage(
    lane_with: LaneMaker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Seen:
    here = lane_with(*HOLDERS)
    fill(here)
    looks = stuck(here, monkeypatch, 3)
    report = here.walk()
    assert looks == [False] * 3
    assert "nobody is served" in caplog.text
    assert report.outcome == "admit", "the next passenger passes"
    assert here.kinds()[:3] == ["lane.started", "lane.resumed", "passage.started"]
    return Seen((), openings(here.gate.diary) - 1)


def test_stuck_gate_on_full_disk_closes(lane_with: LaneMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that does not close closes the lane once there is room."""

    class Stuck(BusyGate):
        def close(self) -> None:
            if self.is_open:
                raise GateFaultError("jammed")

    gate = Stuck()
    here = lane_with(*HOLDERS, gate=gate)
    gate.meanwhile = lambda: fill(here)
    looks = stuck(here, monkeypatch, 3)
    assert here.station.serve() is None, "a lane with an open gate serves nobody"
    assert looks == [True] * 3
    assert here.station.closed
    assert here.kinds()[-3:] == ["lane.resumed", "passage.closed", "lane.closed"]


def test_unwritable_request_ends_passage(lane_with: LaneMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is made during a capture and cannot be written down."""

    calls = itertools.count(1)

    def asks() -> tuple[Code, ...]:
        """An officer asks at the third call, which is recorded before anything follows."""
        if next(calls) == 3:
            fill(here)
            here.journal.record([Draft("passage.asked", {"passage": "p"})], at=here.clock.now())
        return ()

    here = lane_with(*HOLDERS, requests=asks)
    stuck(here, monkeypatch, 3)
    report = here.walk()
    assert report.outcome == "admit", "the next passenger passes"
    said = [(one.kind, one.body.get("how")) for one in here.desk.entries[1:4]]
    assert said == [("passage.started", None), ("lane.resumed", None), ("passage.closed", "interrupted")]
    assert openings(here.gate.diary) == 1


@degraded(
    "the disk gets full during a passage",
    does="the passage goes no further, and ends as interrupted; then the same",
    until="there is room",
)
def test_full_disk_stops_passage(lane_with: LaneMaker, monkeypatch: pytest.MonkeyPatch) -> Seen:
    here = lane_with(*HOLDERS)
    judge = here.station._judge.judge

    def fills_up(*given: Any, **named: Any) -> Any:
        judged = judge(*given, **named)
        here.station._judge.judge = judge  # type: ignore[method-assign]
        fill(here)
        return judged

    here.station._judge.judge = fills_up  # type: ignore[method-assign]
    looks = stuck(here, monkeypatch, 3)
    report = here.walk()
    assert looks == [False] * 3
    assert report.outcome == "admit", "the next passenger passes"
    said = [(one.kind, one.body.get("how")) for one in here.desk.entries[:4]]
    assert said[1:] == [("passage.started", None), ("lane.resumed", None), ("passage.closed", "interrupted")]
    return Seen((), openings(here.gate.diary) - 1)


@degraded(
    "the gate does not do what it is told",
    does="the passage ends as a fault of the gate; one that does not close closes the lane",
    until="restarted",
)
def test_unclosed_gate_closes_lane(lane_with: LaneMaker) -> Seen:

    class Stiff(SimulatedGate):
        stiff = False

        def open(self, passage: PassageId) -> None:
            self.stiff = True
            raise GateFaultError("no answer")

        def close(self) -> None:
            if self.stiff:
                raise GateFaultError("no answer")

    here = lane_with(*HOLDERS, gate=Stiff())
    report = here.walk()
    assert not report.gate_opened
    assert here.kinds()[-1] == "lane.closed"
    assert here.station.serve() is None
    return Seen((), openings(here.gate.diary))


@degraded(
    "the gate's relay box is out of reach, or a door stands open, between passengers",
    does="nobody is served; the traveller reads *closed*, the hall *fault* and why",
    until="it is back, or shut",
)
def test_unreachable_gate_serves_nobody(lane_with: LaneMaker) -> Seen:
    here = lane_with("holder")
    here.gate.out_of_order = "unreachable"
    waited = threading.Event()

    def come_back() -> None:
        waited.set()
        here.gate.out_of_order = None

    threading.Timer(0.3, come_back).start()
    assert here.walk().outcome == "admit", "the next passenger passes"
    assert waited.is_set()
    return Seen((), openings(here.gate.diary) - 1)


@degraded(
    "the network to the relay box, while a door is open",
    does="the box's own timer shuts the door (`watchdog_s`); the passage ends as interrupted",
    until="the box is back",
)
def test_orphaned_box_shuts_door() -> Seen:
    with RelayBox(WIRED) as box, ModbusGate(box.settings, SystemClock()) as gate:
        gate.close()
        gate.open(PassageId("p-1"))
        box.unplug()
        until(lambda: not box.is_open())
        opened, shut = box.diary
        assert shut.by == "watchdog"
        return Seen((), 0, shut.at_s - opened.at_s)


@degraded(
    "an emergency stop or a fire alarm at the gate",
    Code.EMERGENCY_STOP,
    does="the passage under way ends, and nobody is served; a fire alarm opens the doors, by no decision",
    until="a supervisor opens the lane again",
)
def test_gate_alarm_ends_passage(lane_with: LaneMaker) -> Seen:
    here = lane_with(*HOLDERS)
    judge = here.station._judge.judge

    def burning(*given: Any, **named: Any) -> Any:
        here.gate.seen.append(GateEvent(Code.EMERGENCY_STOP, here.clock.now(), FIRE))
        return judge(*given, **named)

    here.station._judge.judge = burning  # type: ignore[method-assign]
    report = here.walk()
    assert here.desk.entries[-1].body["how"] == "interrupted"
    here.station.stop()
    assert here.station.serve() is None
    return walked(report)


UNSHARE = shutil.which("unshare")


def test_real_full_disk_serves_nobody(tmp_path: Path) -> None:
    """On a memory disk of a few hundred kB, in namespaces of its own."""
    mount = f"mount -t tmpfs -o size=600k none {tmp_path} && exec "
    if UNSHARE is None or run([UNSHARE, "-rm", "sh", "-c", f"{mount} true"]).returncode:
        pytest.skip("no disk can be mounted here")
    program = f"{mount} {sys.executable} -m tests.support.lane.lane_with_full_disk {tmp_path}"
    done = run([UNSHARE, "-rm", "sh", "-c", program])
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["looks"] > 20
    assert said["open"] == 0
    assert said["refused"] == "JournalError", "a lane that starts now says what is wrong, too"
    assert "nobody is served" in done.stderr
    assert said["outcome"] is not None, "the next passenger is served"
    kinds = said["kinds"]
    assert "gate.opening" not in kinds[: kinds.index("lane.resumed")]
    assert kinds.count("passage.started") == kinds.count("passage.closed")


def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def silenced(number: int) -> Seen:
    """A lane's process gets this signal while its gate is open; the box's diary tells when the door shut."""
    wired = GateSettings(exit_shut=2, watchdog_s=1.0)
    with RelayBox(wired) as box:
        command = [
            sys.executable,
            "-m",
            "tests.support.lane.lane_with_open_gate",
            box.settings.model_dump_json(),
        ]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "open\n"
                process.send_signal(number)
                silent_s = time.monotonic()
                until(lambda: not box.is_open())
            finally:
                process.kill()
        return Seen((), len(box.openings()) - 1, box.diary[-1].at_s - silent_s)


@degraded(
    "the lane's process, while the gate is open",
    does="the relay box shuts the door by its own timer; the lane starts again, the passage is interrupted",
    until="it runs again",
)
def test_killed_lane_has_door_shut() -> Seen:
    return silenced(signal.SIGKILL)


@degraded(
    "the lane's process stands still, while the gate is open",
    does="the same; the supervisor kills it first",
    until="it runs again",
)
def test_stalled_lane_has_door_shut() -> Seen:
    return silenced(signal.SIGSTOP)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@degraded(
    "the lane ends again and again",
    does="it is started after longer and longer pauses; the traveller reads *closed*, the hall *fault*",
    until="it runs again",
)
def test_restarting_lane_tells_everybody() -> Seen:
    port, answer = free_port(), {"command": 0, "wanted": "open", "by": None}
    with answering(json.dumps(answer).encode()) as (address, reports):
        settings = read_settings(desk={"address": address, "token": "t" * 43}, kiosk={"port": port})
        with while_down(settings, 5.0):
            until(lambda: reports and shown(port) == "closed", 60)
    assert {json.loads(one)["state"] for one in reports} == {"fault"}
    return Seen((), 0)


def shown(port: int) -> str:
    time.sleep(0.1)  # the kiosk needs the processor, too
    try:
        return str(httpx.get(f"http://127.0.0.1:{port}/state", trust_env=False).json()["instruction"])
    except (httpx.HTTPError, KeyError):
        return ""


def said() -> str:
    """The table, once this module has made its rows."""
    return table()


def test_readme_table_matches_failure_tests() -> None:
    assert section(README.read_text(encoding="utf-8")) == said(), (
        "python -m tests.support.lane.failure_table writes it"
    )
