"""One lane on simulated devices, a real journal and a desk in memory, to walk passengers through."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from lane.cameras.frame import Frame
from lane.cameras.port import FrameSource
from lane.cameras.simulated import Scene, SimulatedCamera
from lane.capture.guidance import Guide, no_guide
from lane.capture.measuring import Measurer
from lane.decision.decide import Admit, Refer
from lane.decision.passage_states import State
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code, Reason
from lane.decision.referral import GROUNDS, Answer, Decision, PassageId
from lane.demo.passengers import Passenger
from lane.desk.outbox import Outbox
from lane.desk.port import NO_COMMAND, Command, LaneIdentity, Status, WantedState
from lane.desk.status_reporter import StatusReporter
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.gate.light_beams import Passing
from lane.gate.simulated import SimulatedGate
from lane.ledger.chain import check_follows
from lane.ledger.entry import GENESIS, Entry, Head, Picture
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge, JudgedPassage
from lane.passage.station import PassageReport, Station
from lane.platform.clock import Clock, SkippingClock, SystemClock
from lane.platform.errors import DeskError, DeskRefusedError
from tests.support.lane.example_evidence import GOOD, MATCHER, POLICY

People: TypeAlias = Mapping[str, Passenger]
"""The demo's passengers by name."""
LANE = "lane-1"
ABOUT = LaneIdentity("1", "CPUExecutionProvider", "sface", "1")
DOCUMENT = TravelDocument(b"", date(2031, 1, 31))
CLOSE = Command(1, WantedState.CLOSED, "officer-0000beef")
STOP = Command(2, WantedState.STOPPED, "officer-0000beef")
OPEN = Command(3, WantedState.OPEN, "officer-0000beef")
ADMITTED = JudgedPassage(GOOD, Admit(()), (), {})
REFERRED = JudgedPassage(GOOD, Refer((Reason(Code.NO_MATCH),), ()), (), {})
JOURNALS: list[SqliteJournal] = []


def second_line(_: PassageId) -> Answer | None:
    """The careful script: everybody is sent to secondary inspection."""
    return Answer.SECOND_LINE


@dataclass(slots=True)
class SimulatedDesk:
    """See `lane.desk.port.Desk` and `Supervisors`. While `fault` is set, every call raises it."""

    lane: str
    script: Callable[[PassageId], Answer | None] = second_line
    fault: DeskError | None = None
    head: Head = GENESIS
    entries: list[Entry] = field(default_factory=list)
    pictures: dict[str, Picture] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    command: Command = NO_COMMAND
    statuses: list[Status] = field(default_factory=list)

    def put_picture(self, picture: Picture, passage: PassageId) -> None:
        self._reachable()
        self.pictures[picture.sha256] = picture

    def report_lost_picture(self, sha256: str, passage: PassageId) -> None:
        self._reachable()
        self.missed.add(sha256)

    def put_entries(self, entries: Sequence[Entry], recovered_through: int | None = None) -> Head:
        """Applied once, in order; a gap or another entry at a known place is refused."""
        self._reachable()
        for entry in entries:
            if entry.seq <= self.head.seq:
                self._must_be_known(entry)
            else:
                self.head = check_follows(self.head, entry, chain=self.lane)
                self.entries.append(entry)
        return self.head

    def decision(self, passage: PassageId, wait_s: float) -> Decision | None:
        self._reachable()
        answer = self.script(passage)
        if answer is None:
            return None
        return Decision(
            id=f"decision-{self._asked(passage)}-on-{passage}-after-{wait_s:g}",
            passage=passage,
            answer=answer,
            ground=GROUNDS[answer][0],
            officer="officer-simulated",
            decided_at=datetime.now(UTC),
        )

    def report(self, status: Status) -> Command:
        self._reachable()
        self.statuses.append(status)
        return self.command

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]

    def _asked(self, passage: PassageId) -> int:
        """How often the lane has asked about a passage: each time it gets a decision of its own."""
        asking = ("passage.judged", "passage.repeat_refused")
        return sum(one.kind in asking and one.body["passage"] == passage for one in self.entries)

    def _must_be_known(self, entry: Entry) -> None:
        if self.entries[entry.seq - 1].hash != entry.hash:
            raise DeskRefusedError(f"another entry {entry.seq} is known already")

    def _reachable(self) -> None:
        if self.fault is not None:
            raise self.fault


def openings(diary: Sequence[str]) -> int:
    """How often a gate's diary says that it opened."""
    return sum(line.startswith("open ") for line in diary)


def opened(journal: SqliteJournal) -> SqliteJournal:
    JOURNALS.append(journal)
    return journal


class StandingClock(SkippingClock):
    """Time goes on by what is skipped alone, so that no outcome depends on how fast the machine is."""

    def __init__(self) -> None:
        super().__init__()
        self._started = SystemClock().now()

    def now(self) -> datetime:
        return self._started + timedelta(seconds=self._skipped_s)

    def monotonic_s(self) -> float:
        return self._skipped_s

    def sleep(self, seconds: float) -> None:
        self.skip(seconds)


class SetClock(StandingClock):
    """A clock that somebody sets; how busy the machine is moves neither of its two."""

    set_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.set_by


@dataclass(slots=True)
class ChangedCamera:
    """Another camera, whose frames are changed on their way."""

    camera: FrameSource
    change: Callable[[Frame], Frame]

    def frames(self) -> Iterator[Frame]:
        return map(self.change, self.camera.frames())


@dataclass(slots=True)
class BusyGate(SimulatedGate):
    """A gate beside which something happens while a passenger walks."""

    meanwhile: Callable[[], object] = lambda: None

    def wait_passed(self, timeout_s: float) -> Passing:
        self.meanwhile()
        return SimulatedGate.wait_passed(self, timeout_s)


@dataclass(slots=True)
class Hall:
    journal: SqliteJournal
    desk: SimulatedDesk
    gate: SimulatedGate
    clock: Clock
    states: list[State]
    status_reporter: StatusReporter
    """Reports when it is told to, as in `hear`."""
    station: Station

    def walk(self) -> PassageReport:
        report = self.station.serve()
        assert report is not None
        return report

    def hear(self, command: Command) -> None:
        self.desk.command = command
        self.status_reporter.exchange()

    def serves_nobody(self) -> bool:
        """Whether no passenger is served until the lane is stopped, a moment later."""
        self.station._stop.clear()
        threading.Timer(0.05, self.station.stop).start()
        return self.station.serve() is None

    def facts(self) -> list[tuple[str, object]]:
        return [(one.kind, one.body.get("how", one.body.get("wanted"))) for one in self.desk.entries]

    def kinds(self) -> list[str]:
        return self.desk.kinds()

    def judged(self) -> Mapping[str, Any]:
        """The ledger's entry of the first judgement."""
        return next(entry.body for entry in self.desk.entries if entry.kind == "passage.judged")


def codes(report: PassageReport) -> set[Code]:
    return {reason.code for reason in report.reasons}


@dataclass(frozen=True, slots=True)
class LaneMaker:
    """Makes a started lane for passengers of the demo, given by name or as they are; `parts` as of `hall`."""

    folder: Path
    measurer: Measurer
    policy: Policy
    people: People

    def camera(self, name: str, clock: SkippingClock) -> SimulatedCamera:
        """It sees this passenger."""
        return SimulatedCamera(clock, clock.skip, self.people[name].scene, frames_per_second=12.5)

    def __call__(self, *passengers: str | Passenger, **parts: Any) -> Hall:
        given = [self.people[one] if isinstance(one, str) else one for one in passengers]
        own: dict[str, Any] = {"folder": self.folder, "measurer": self.measurer, "policy": self.policy}
        here = hall(passengers=[(one.document, one.scene) for one in given], **(own | parts))
        here.station.start()
        return here


def hall(
    folder: Path,
    measurer: Measurer,
    policy: Policy,
    passengers: Iterable[tuple[TravelDocument, Scene]],
    *,
    desk: SimulatedDesk | None = None,
    gate: SimulatedGate | None = None,
    camera: FrameSource | None = None,
    clock: SkippingClock | None = None,
    judge: Judge | None = None,
    guide: Guide = no_guide,
    **more: Any,
) -> Hall:
    """A lane whose passengers come in this order; `more` is for its station."""
    clock = clock or StandingClock()
    states: list[State] = []
    journal = opened(SqliteJournal(folder / "lane.sqlite", LANE))
    desk, gate = desk or SimulatedDesk(LANE), gate or SimulatedGate()
    simulated = SimulatedCamera(clock, clock.skip, frames_per_second=12.5)

    def lead() -> Iterator[TravelDocument]:
        for document, scene in passengers:
            simulated.scene = scene
            yield document

    status_reporter = StatusReporter(desk, ABOUT, clock)
    station = Station(
        LANE,
        judge=judge or Judge(camera or simulated, measurer, policy, clock, guide=guide),
        reader=SimulatedReader(lead()),
        gate=gate,
        journal=journal,
        outbox=Outbox(journal, desk, clock),
        clock=clock,
        status_reporter=status_reporter,
        screen=lambda _, state: states.append(state),
        guide=guide,
        **more,
    )
    return Hall(journal, desk, gate, clock, states, status_reporter, station)


@dataclass
class Scripted:
    """A judge that says what it is told; `meanwhile` happens while it judges."""

    judged: JudgedPassage
    meanwhile: Callable[[], object] = lambda: None
    policy = POLICY
    records = False

    @property
    def measurer(self) -> Any:
        networks = type("", (), {"embedder": type("", (), {"identity": MATCHER}), "identities": ()})
        return type("", (), {"networks": networks})

    def judge(self, *_: object, **__: object) -> JudgedPassage:
        self.meanwhile()
        return self.judged


def scripted_lane(
    folder: Path, judge: Scripted, documents: Iterable[TravelDocument] = (DOCUMENT,), **parts: Any
) -> Hall:
    """A started lane with such a judge."""
    coming = ((one, Scene()) for one in documents)
    here = hall(folder, judge.measurer, POLICY, coming, judge=judge, **parts)  # type: ignore[arg-type]
    here.station.start()
    return here
