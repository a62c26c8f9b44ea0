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
from functools import partial
from pathlib import Path

from lane import __version__
from lane.cameras.live_camera import RealCamera
from lane.cameras.port import FrameSource
from lane.capture.guidance import Guide, Instruction
from lane.capture.measuring import Measurer
from lane.decision.passage_states import State
from lane.decision.policy import Policy
from lane.decision.referral import PassageId
from lane.desk.http_client import HttpDesk
from lane.desk.outbox import Outbox
from lane.desk.port import LaneIdentity
from lane.desk.status_reporter import StatusReporter, WatchedCamera
from lane.document.kinds import open_reader
from lane.document.port import DocumentReader
from lane.document.travel_document import TravelDocument
from lane.gate.kinds import open_gate
from lane.gate.port import Gate
from lane.kiosk.client import Kiosk
from lane.kiosk.settings import Setup
from lane.ledger.clock_check import Timekeeper, clock_is_doubted
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.station import PassageReport, Station
from lane.platform.clock import Clock, SystemClock
from lane.platform.errors import JournalError
from lane.platform.garbage_collection import settled_garbage
from lane.service.build import (
    build_evaluation_thread,
    build_measurer,
    build_measurer_on_cpu,
    build_policy,
    build_retention,
    build_status_reporter,
)
from lane.service.settings import Settings
from lane.service.watchdog import FlowWatchdog, WatchedClock, WatchedGate

log = logging.getLogger(__name__)

BEAT_S = 0.5
HUNG_S = 60.0
"""A flow without a sign of life for so long hangs. An answer of the desk may take ten seconds."""
ANNOUNCED_FROM_S = 2.0
"""A shorter pause is over before a screen could show it."""
MakeJudge = Callable[[FrameSource, Measurer, Policy, Clock, Timekeeper, Guide], Judge]


@dataclass(frozen=True, slots=True)
class RunningLane:
    station: Station
    flow_watchdog: FlowWatchdog
    erase_expired: Callable[[], None]
    """Erases what must not stay, also at a lane that has closed itself."""
    note_recordings: Callable[[Path], None]
    """From now on recordings go there."""

    def reports(self) -> Iterator[PassageReport]:
        """One for each passenger. A lane that has closed itself stays there, closed, until it is ended."""
        self.flow_watchdog.begin()
        self.station.start()
        while (report := self.station.serve()) is not None:
            yield report
        while self.station.closed:
            self.flow_watchdog.note_alive()
            with suppress(JournalError):  # a lane that closed itself does not end, and start again, for that
                self.erase_expired()
            time.sleep(BEAT_S)


@contextmanager
def open_lane(
    settings: Settings, *, judge: MakeJudge = Judge, beat: int | None = None
) -> Iterator[RunningLane]:
    """Everything of a lane, opened in the order in which it can do harm.

    `beat` is a file descriptor to which a sign of life is written. Raises LaneError and ModelError where
    something is missing: then the gate is shut.
    """
    with ExitStack() as stack:
        flow_watchdog = FlowWatchdog()
        if beat is not None:
            stack.enter_context(sending_beats(flow_watchdog, beat))
        clock = WatchedClock(flow_watchdog, settings.zone())
        gate = WatchedGate(stack.enter_context(open_gate(settings.gate, clock)), flow_watchdog)
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
        zone = policy.zone
        edges = (zone.left, zone.top, zone.right, zone.bottom)
        kiosk = stack.enter_context(Kiosk(_setup(settings, feed=camera.feed, zone=edges)))
        timekeeper = Timekeeper(clock, journal.newest(), doubted=clock_is_doubted(journal))
        desk = stack.enter_context(open_desk(settings, on_desk_time=timekeeper.note_desk))
        measurer = build_measurer(settings, policy)
        status_reporter = stack.enter_context(build_status_reporter(desk, clock, measurer, policy))
        evaluation = stack.enter_context(build_evaluation_thread(settings, policy, clock, measurer.networks))
        retention = build_retention(settings, journal, clock, timekeeper)
        watched = WatchedCamera(camera, status_reporter, clock)
        decider = judge(watched, measurer, policy, clock, timekeeper, kiosk)
        station = Station(
            settings.lane,
            judge=decider,
            reader=WakingReader(reader, camera),
            gate=gate,
            clock=clock,
            screen=log_state,
            journal=journal,
            outbox=Outbox(journal, desk, clock, settings.retention.pictures_for_s, timekeeper),
            erase_expired=retention.erase_expired,
            evaluation=evaluation,
            networks_on_cpu=partial(build_measurer_on_cpu, settings, policy),
            status_reporter=status_reporter,
            guide=kiosk,
            requests=kiosk.take,
            timekeeper=timekeeper,
        )
        stack.callback(kiosk, Instruction.CLOSED)
        stack.enter_context(settled_garbage())
        yield RunningLane(station, flow_watchdog, retention.erase_expired, retention.note)


@contextmanager
def while_down(settings: Settings, pause_s: float) -> Iterator[None]:
    """While no lane runs: the gate is shut once more, and screen and desk say so if there is time."""
    with ExitStack() as stack:
        clock = SystemClock(settings.zone())
        _shut(stack.enter_context(open_gate(settings.gate, clock)))
        if pause_s >= ANNOUNCED_FROM_S:
            stack.enter_context(Kiosk(_setup(settings)))(Instruction.CLOSED)
            desk = stack.enter_context(open_desk(settings))
            status_reporter = StatusReporter(desk, LaneIdentity(__version__), clock)
            status_reporter.note_fault()
            stack.enter_context(status_reporter)
        yield


def open_desk(settings: Settings, *, on_desk_time: Callable[[datetime], None] = lambda _: None) -> HttpDesk:
    """The desk of the settings; `on_desk_time` gets its clock."""
    wanted = settings.desk
    return HttpDesk(
        wanted.address,
        wanted.token.get_secret_value(),
        authorities=wanted.authorities,
        on_desk_time=on_desk_time,
    )


@dataclass(frozen=True, slots=True)
class WakingReader:
    """See `lane.document.port.DocumentReader`: who presents a document is soon before the camera."""

    reader: DocumentReader
    camera: RealCamera

    def read(self) -> TravelDocument | None:
        document = self.reader.read()
        self.camera.wake()
        return document


def log_state(passage: PassageId, state: State) -> None:
    """See `lane.passage.station.Screen`. A passage's identifier says nothing of a person."""
    log.info("passage %s is %s", passage, state)


def _setup(settings: Settings, **more: object) -> Setup:
    return Setup.model_validate(settings.kiosk.model_dump() | more)


def _shut(gate: Gate) -> None:
    try:
        gate.close()
    except Exception as error:  # noqa: BLE001  the rest must end, too; its watchdog shuts what is open
        log.critical("the gate does not close at the end: %s", error)


@contextmanager
def sending_beats(flow_watchdog: FlowWatchdog, beat: int) -> Iterator[None]:
    """Write signs of life of this process while its flow runs."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(BEAT_S):
            if flow_watchdog.silent_s() > HUNG_S:
                log.critical("the lane hangs")
                return
            try:
                os.write(beat, b".")
            except BrokenPipeError:  # nobody keeps this lane any more, and another may be started
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=work, name="signs-of-life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
