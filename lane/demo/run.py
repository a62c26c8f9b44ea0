"""A desk, a lane and the demo's passengers: all real but camera, gate and document reader."""

import json
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from lane.cameras.frame import Frame
from lane.cameras.port import FrameSource
from lane.cameras.shared_memory_feed import FeedWriter
from lane.cameras.simulated import HEIGHT, WIDTH, SimulatedCamera
from lane.capture.guidance import Guide, no_guide
from lane.capture.measuring import Measurer
from lane.decision.passage_states import State
from lane.decision.policy import Policy
from lane.decision.referral import PassageId
from lane.demo import desk_process, photos
from lane.demo.passengers import Passenger, demo_passengers
from lane.demo.scripted_officer import ScriptedOfficer
from lane.demo.terminal import Terminal
from lane.desk.http_client import HttpDesk
from lane.desk.outbox import Outbox
from lane.desk.status_reporter import WatchedCamera
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.gate.light_beams import Passing
from lane.gate.simulated import SimulatedGate
from lane.kiosk.client import Kiosk
from lane.kiosk.settings import Setup
from lane.kiosk.traveller_requests import TravellerRequests, no_requests
from lane.ledger.journal import SqliteJournal
from lane.passage import prepared_case
from lane.passage.judge import Judge
from lane.passage.station import PassageReport, Station
from lane.platform.clock import Clock, SkippingClock
from lane.platform.errors import NobodyYetError, StoppedError
from lane.service.build import (
    build_evaluation_thread,
    build_measurer,
    build_measurer_on_cpu,
    build_policy,
    build_status_reporter,
)
from lane.service.settings import read as read_settings

OFFICER = "officer"
OTHERS = ("supervisor", "auditor", "administrator")
"""Without `headless`, each of these roles has an account of the same name."""
POLL_S = 0.5
"""How often the waiting lane checks for Ctrl-C, once all passengers are through."""
WALK_S = 2.0
"""How long a passenger takes to walk through the gate, without `headless`."""
SCREEN_START_S = 20.0


@dataclass(frozen=True, slots=True)
class Site:
    address: str
    database: Path
    token: SecretStr
    sign_ins: Mapping[str, str] = field(repr=False)
    """The password of each name."""


@dataclass(slots=True)
class PassengerQueue:
    """Puts one passenger after another before the camera."""

    passengers: tuple[Passenger, ...]
    camera: SimulatedCamera
    output: Terminal

    def documents(self) -> Iterator[TravelDocument]:
        for number, passenger in enumerate(self.passengers, 1):
            self.camera.scene, self.camera.seed = passenger.scene, number
            self.output.enters(number, passenger)
            yield passenger.document

    def show(self, _: PassageId, state: State) -> None:
        """See `lane.passage.station.Screen`."""
        if state is State.REFERRED:
            self.output.asks_officer()


@dataclass(slots=True)
class WaitingReader:
    """See `lane.document.port.DocumentReader`: after the last document the lane waits, until Ctrl-C."""

    documents: Iterator[TravelDocument]
    output: Terminal
    stop_lane: Callable[[], None] = lambda: None
    _stays: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)

    def read(self) -> TravelDocument | None:
        """The next document; None after Ctrl-C. Raises NobodyYetError until then."""
        document = next(self.documents, None)
        if document is None:
            self._stay()
            if not self._ended.wait(POLL_S):
                raise NobodyYetError("everybody is through")
        return document

    def _stay(self) -> None:
        if not self._stays:
            self._stays = True
            signal.signal(signal.SIGINT, self._end)
            self.output.stays()

    def _end(self, *_: object) -> None:
        """The first Ctrl-C ends the demo, a second one stops it."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # In a thread: this one may hold the events' locks just now.
        threading.Thread(target=self._stop).start()

    def _stop(self) -> None:
        self._ended.set()
        self.stop_lane()


@dataclass(frozen=True, slots=True)
class TravellerSide:
    """What travellers see and press."""

    camera: FrameSource
    gate: SimulatedGate
    guide: Guide = no_guide
    requests: TravellerRequests = no_requests
    address: str | None = None


@dataclass(frozen=True, slots=True)
class MirroredCamera:
    """See `lane.cameras.port.FrameSource`: another camera's frames, copied to the traveller's screen."""

    camera: FrameSource
    feed: FeedWriter

    def frames(self) -> Iterator[Frame]:
        for frame in self.camera.frames():
            self.feed.write(frame.image_bgr, time.time_ns(), time.monotonic_ns())
            yield frame


class SlowGate(SimulatedGate):
    """A simulated gate that a passenger takes time to walk through."""

    def wait_passed(self, timeout_s: float) -> Passing:
        time.sleep(WALK_S)
        return super().wait_passed(timeout_s)


@contextmanager
def _screen(camera: FrameSource, *, headless: bool) -> Iterator[TravellerSide]:
    """The kiosk and what belongs to it; without it where `headless`."""
    if headless:
        yield TravellerSide(camera, SimulatedGate())
        return
    name = f"passenger-lane-demo-{os.getpid()}"
    with FeedWriter(name, WIDTH, HEIGHT) as feed, Kiosk(Setup(port=0, feed=name)) as kiosk:
        yield TravellerSide(
            MirroredCamera(camera, feed), SlowGate(), kiosk, kiosk.take, kiosk.address(SCREEN_START_S)
        )


def run(output: Terminal, *, headless: bool, data: Path | None = None, port: int = 0) -> dict[str, Any]:
    """Send every passenger through and return the summary. Raises LaneError, ModelError.

    `headless`: a scripted officer decides, simulated time does not wait, and the demo ends after the last
    passenger; otherwise a person decides at the printed address, for as long as it takes, and Ctrl-C ends it.
    """
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="passenger-lane-")))
        settings = read_settings(lane="lane-1", journal=folder / "lane.sqlite")
        policy = build_policy(settings)
        with ThreadPoolExecutor() as pool:
            measuring = pool.submit(build_measurer, settings, policy)
            accounts = {OFFICER: "officer"} | ({} if headless else {role: role for role in OTHERS})
            site = stack.enter_context(_site(folder, settings.lane, port, accounts))
            measurer = measuring.result()
        clock = SkippingClock(settings.zone())
        camera = SimulatedCamera(clock, clock.skip if headless else clock.sleep, frames_per_second=12.5)
        queue = PassengerQueue(demo_passengers(measurer, clock.today()), camera, output)
        journal = stack.enter_context(SqliteJournal(settings.journal, settings.lane))
        desk = stack.enter_context(HttpDesk(site.address, site.token.get_secret_value()))
        status_reporter = stack.enter_context(build_status_reporter(desk, clock, measurer, policy))
        screen = stack.enter_context(_screen(camera, headless=headless))
        watched = WatchedCamera(screen.camera, status_reporter, clock)
        staying = WaitingReader(queue.documents(), output)
        judge = Judge(watched, measurer, policy, clock, guide=screen.guide)
        station = Station(
            settings.lane,
            judge=judge,
            reader=SimulatedReader(staying.documents) if headless else staying,
            gate=screen.gate,
            clock=clock,
            screen=queue.show,
            journal=journal,
            outbox=Outbox(journal, desk, clock, settings.retention.pictures_for_s),
            evaluation=stack.enter_context(
                build_evaluation_thread(settings, policy, clock, measurer.networks)
            ),
            status_reporter=status_reporter,
            networks_on_cpu=partial(build_measurer_on_cpu, settings, policy),
            guide=screen.guide,
            requests=screen.requests,
        )
        staying.stop_lane = station.stop
        if not headless:
            add_training_cases(folder, site.database, measurer, policy, clock)
        output.ready(site.address, site.sign_ins)
        if screen.address is not None:
            output.screen(screen.address)
        password = site.sign_ins[OFFICER]
        officer = ScriptedOfficer(site.address, OFFICER, password, on_failure=station.stop)
        if headless:
            stack.enter_context(officer)
        try:
            reports = list(_reports(station, queue))
        except StoppedError as stopped:
            raise StoppedError(f"the scripted officer failed: {officer.failure!r}") from stopped
        passages = [_line(*both) for both in zip(queue.passengers, reports, strict=False)]
        return {"passages": passages, "ledger": _verified(site, journal)}


def _reports(station: Station, queue: PassengerQueue) -> Iterator[PassageReport]:
    station.start()
    # A lane that closes itself (S04) ends early; the summary then has fewer lines than there are passengers.
    while (report := station.serve()) is not None:
        queue.output.passed(report)
        yield report


@contextmanager
def _site(folder: Path, lane: str, port: int, accounts: Mapping[str, str]) -> Iterator[Site]:
    """A desk with one lane and accounts of these names and roles, as the desk's own commands make them."""
    database = folder / "desk.sqlite"
    at = ["--database", str(database), "--json"]
    token = desk_process.ask(["lane", "add", lane, *at])["token"]

    def add(name: str) -> str:
        added = desk_process.ask(["officer", "add", name, "--generate", "--role", accounts[name], *at])
        return str(added["password"])

    with ThreadPoolExecutor(2) as pool:  # each command has a minute, also on a small machine
        sign_ins = dict(zip(accounts, pool.map(add, accounts), strict=True))
    with desk_process.desk_process(database, folder / f"desk-{secrets.token_hex(4)}.log", port) as address:
        yield Site(address, database, SecretStr(token), sign_ins)


def add_training_cases(
    folder: Path, database: Path, measurer: Measurer, policy: Policy, clock: Clock
) -> None:
    """Two cases of known truth, for training at the demo's desk. Raises PhotosError."""
    pairs: tuple[tuple[Literal["same", "different"], str], ...] = (
        ("same", "obama3.jpg"),
        ("different", "biden.jpg"),
    )
    for truth, live in pairs:
        for name in ("obama.jpg", live):
            photos.load(name)  # by hash: nobody else's picture
        pictures = photos.folder() / "obama.jpg", [photos.folder() / live]
        case = prepared_case.prepare(*pictures, truth, measurer, policy, clock, training=True)
        file = folder / f"case-{truth}.json"
        file.touch(mode=0o600)
        try:
            file.write_text(json.dumps(case), encoding="utf-8")
            desk_process.ask(["case", "add", str(file), "--database", str(database), "--json"])
        finally:
            file.unlink()


def _verified(site: Site, journal: SqliteJournal) -> dict[str, Any]:
    """The desk's ledger, verified by the desk's own command against the heads that this lane has kept."""
    journal.verify()
    witness = [word for head in journal.desk_heads() for word in ("--head", str(head))]
    found = desk_process.ask(["ledger", "verify", "--database", str(site.database), *witness, "--json"])
    delivered = not journal.pending(1)
    return {"entries": found.get("entries", 0), "verified": found["verified"] is True and delivered}


def _line(passenger: Passenger, report: PassageReport) -> dict[str, Any]:
    return {
        "passenger": passenger.name,
        "outcome": report.outcome,
        "reasons": [reason.code.value for reason in report.reasons],
        "components": {one.code.value: list(one.components) for one in report.reasons if one.components},
        "remarks": [remark.code.value for remark in report.remarks],
        "officer": report.officer.value if report.officer else None,
        "gate_opened": report.gate_opened,
        "timings_ms": report.timings_ms,
    }
