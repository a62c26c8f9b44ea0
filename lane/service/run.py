"""One lane in service, from its settings to its end. Before anything else, and at last, the gate is shut."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lane import __version__
from lane.cameras.live_camera import RealCamera
from lane.cameras.port import FrameSource
from lane.capture.guidance import Guide, Instruction
from lane.capture.measuring import Measurer
from lane.decision.passage_states import State
from lane.decision.policy import Policy, ZoneRule
from lane.decision.referral import PassageId
from lane.desk.http_client import HttpDesk
from lane.desk.status import About
from lane.desk.status_reporter import Beacon, WatchedCamera
from lane.document.kinds import open_reader
from lane.document.port import DocumentReader
from lane.document.travel_document import TravelDocument
from lane.gate.kinds import open_gate
from lane.gate.port import Gate
from lane.kiosk.client import Kiosk
from lane.kiosk.settings import Setup
from lane.ledger.clock_check import Timekeeper, doubted
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.station import PassageReport, Station
from lane.platform.clock import Clock, SystemClock
from lane.platform.errors import JournalError
from lane.platform.garbage_collection import settled_garbage
from lane.service.build import (
    build_beacon,
    build_measurer,
    build_observer,
    build_policy,
    build_retention,
    build_station,
)
from lane.service.flow_watchdog import LivingClock, LivingGate, Pulse
from lane.settings import Settings

log = logging.getLogger(__name__)

BEAT_S = 0.5
HUNG_S = 60.0
"""A flow that asks neither clock nor gate for so long hangs. An answer of the desk may take ten seconds."""
TOLD_FROM_S = 2.0
"""A shorter pause is over before a screen could tell of it."""
MakeJudge = Callable[[FrameSource, Measurer, Policy, Clock, Timekeeper, Guide], Judge]


@dataclass(frozen=True, slots=True)
class Running:
    """A lane that is ready to serve."""

    station: Station
    pulse: Pulse
    tidy: Callable[[], None]
    """Erases what must not stay, also at a lane that has closed itself."""
    note_recordings: Callable[[Path], None]
    """From now on recordings go there."""

    def reports(self) -> Iterator[PassageReport]:
        """One for each passenger. A lane that has closed itself stays there, closed, until it is ended."""
        self.pulse.begin()
        self.station.start()
        while (report := self.station.serve()) is not None:
            yield report
        while self.station.closed:
            self.pulse.feel()
            with suppress(JournalError):  # a lane that closed itself does not end, and start again, for that
                self.tidy()
            time.sleep(BEAT_S)


@contextmanager
def open_lane(settings: Settings, *, judge: MakeJudge = Judge, beat: int | None = None) -> Iterator[Running]:
    """Everything of a lane, opened in the order in which it can do harm.

    `beat` is a file descriptor to which a sign of life is written. Raises LaneError and ModelError where
    something is missing: then the gate is shut.
    """
    with ExitStack() as stack:
        pulse = Pulse()
        if beat is not None:
            stack.enter_context(beating(pulse, beat))
        clock = LivingClock(pulse, settings.zone())
        gate = LivingGate(stack.enter_context(open_gate(settings.gate, clock)), pulse)
        stack.callback(_shut, gate)
        gate.close()
        if settings.gate.kind == "simulated":
            log.warning("the gate is simulated: no door moves")
        policy = build_policy(settings)
        journal = stack.enter_context(SqliteJournal(settings.journal, settings.lane))
        reader = stack.enter_context(open_reader(settings.document, clock))
        camera = stack.enter_context(
            RealCamera(settings.camera, settings.lane, awake_s=policy.capture.timeout_s)
        )
        kiosk = stack.enter_context(Kiosk(_setup(settings, feed=camera.feed, zone=_edges(policy.zone))))
        timekeeper = Timekeeper(clock, journal.newest(), doubted=doubted(journal))
        desk = stack.enter_context(open_desk(settings, on_time=timekeeper.note_desk))
        measurer = build_measurer(settings, policy)
        beacon = stack.enter_context(build_beacon(desk, clock, measurer, policy))
        observer = stack.enter_context(build_observer(settings, policy, clock, measurer.networks))
        retention = build_retention(settings, journal, clock, timekeeper)
        watched = WatchedCamera(camera, beacon, clock)
        station = build_station(
            settings,
            judge=judge(watched, measurer, policy, clock, timekeeper, kiosk),
            reader=WakingReader(reader, camera),
            gate=gate,
            clock=clock,
            screen=Quiet(),
            journal=journal,
            desk=desk,
            retention=retention,
            observer=observer,
            beacon=beacon,
            guide=kiosk,
            wishes=kiosk,
            timekeeper=timekeeper,
        )
        stack.callback(kiosk, Instruction.CLOSED)
        stack.enter_context(settled_garbage())
        yield Running(station, pulse, retention.tidy, retention.note)


@contextmanager
def while_down(settings: Settings, pause_s: float) -> Iterator[None]:
    """While no lane runs: the gate is shut once more, and who waits is told, where there is time to tell."""
    with ExitStack() as stack:
        clock = SystemClock(settings.zone())
        _shut(stack.enter_context(open_gate(settings.gate, clock)))
        if pause_s >= TOLD_FROM_S:
            stack.enter_context(Kiosk(_setup(settings)))(Instruction.CLOSED)
            desk = stack.enter_context(open_desk(settings))
            beacon = Beacon(desk, About(__version__, "", "", ""), clock)
            beacon.note_fault()
            stack.enter_context(beacon)
        yield


def open_desk(settings: Settings, *, on_time: Callable[[datetime], None] = lambda _: None) -> HttpDesk:
    """The desk of the settings; `on_time` is told its clock."""
    wanted = settings.desk
    return HttpDesk(
        wanted.address,
        wanted.token.get_secret_value(),
        authorities=wanted.authorities,
        on_time=on_time,
    )


@dataclass(frozen=True, slots=True)
class WakingReader:
    """See `lane.document.port.DocumentReader`: who presents a document is soon before the camera."""

    reader: DocumentReader
    camera: RealCamera

    def read(self) -> TravelDocument | None:
        """The next document."""
        document = self.reader.read()
        self.camera.wake()
        return document


class Quiet:
    """See `lane.passage.port.Screen`: what travellers read stands on the kiosk, what officers do on the
    desk."""

    def show(self, passage: PassageId, state: State, /) -> None:
        """A line in the log; a passage's name says nothing of a person."""
        log.info("passage %s is %s", passage, state)


def _setup(settings: Settings, **more: object) -> Setup:
    return Setup.model_validate(settings.kiosk.model_dump() | more)


def _edges(zone: ZoneRule) -> tuple[float, float, float, float]:
    return zone.left, zone.top, zone.right, zone.bottom


def _shut(gate: Gate) -> None:
    try:
        gate.close()
    except Exception as error:  # noqa: BLE001  the rest must end, too; its watchdog shuts what is open
        log.critical("the gate does not close at the end: %s", error)


@contextmanager
def beating(pulse: Pulse, beat: int) -> Iterator[None]:
    """Signs of life of this process, as long as its flow gets on."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(BEAT_S):
            if pulse.silent_s() > HUNG_S:
                log.critical("the lane hangs")
                return
            try:
                os.write(beat, b".")
            except BrokenPipeError:  # nobody keeps this lane any more, and another may be started
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=work, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
