"""One lane on simulated devices and a real journal, to walk passengers through."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from lane.cameras.port import FrameSource
from lane.cameras.simulated import Scene, SimulatedCamera
from lane.capture.guidance import Guide, no_guide
from lane.capture.measuring import Measurer
from lane.decision.passage_states import State
from lane.decision.policy import Policy
from lane.decision.referral import PassageId
from lane.desk.outbox import Outbox
from lane.desk.simulated import SimulatedDesk
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.evaluation.evaluation_thread import EvaluationThread
from lane.gate.simulated import SimulatedGate
from lane.kiosk.traveller_requests import TravellerRequests
from lane.ledger.clock_check import Timekeeper
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.network_recovery import NetworkRecovery
from lane.passage.station import PassageReport, Station, nothing_to_erase
from lane.platform.clock import Clock, SkippingClock, SystemClock

LANE = "lane-1"
JOURNALS: list[SqliteJournal] = []


def opened(journal: SqliteJournal) -> SqliteJournal:
    """The same journal, closed at the test's end (tests/lane/conftest.py)."""
    JOURNALS.append(journal)
    return journal


@dataclass(slots=True)
class Diary:
    """See `lane.passage.port.Screen`: remembers what was shown."""

    states: list[State] = field(default_factory=list)

    def show(self, _: PassageId, state: State) -> None:
        self.states.append(state)


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


@dataclass(slots=True)
class Hall:
    """Everything of one lane, in reach of a test."""

    journal: SqliteJournal
    desk: SimulatedDesk
    gate: SimulatedGate
    clock: Clock
    screen: Diary
    station: Station

    def walk(self) -> PassageReport:
        report = self.station.serve()
        assert report is not None
        return report

    def kinds(self) -> list[str]:
        return self.desk.kinds()


def hall(
    folder: Path,
    measurer: Measurer,
    policy: Policy,
    passengers: Sequence[tuple[TravelDocument, Scene]],
    *,
    desk: SimulatedDesk | None = None,
    gate: SimulatedGate | None = None,
    camera: FrameSource | None = None,
    clock: SkippingClock | None = None,
    evaluation: EvaluationThread | None = None,
    judge: Judge | None = None,
    recovery: NetworkRecovery | None = None,
    guide: Guide = no_guide,
    requests: TravellerRequests | None = None,
    erase_expired: Callable[[], None] = nothing_to_erase,
    timekeeper: Timekeeper | None = None,
) -> Hall:
    """A lane whose passengers come in this order."""
    clock, screen = clock or StandingClock(), Diary()
    journal = opened(SqliteJournal(folder / "lane.sqlite", LANE))
    desk, gate = desk or SimulatedDesk(LANE), gate or SimulatedGate()
    simulated = SimulatedCamera(clock, clock.skip, frames_per_second=12.5)

    def lead() -> Iterator[TravelDocument]:
        for document, scene in passengers:
            simulated.scene = scene
            yield document

    station = Station(
        LANE,
        judge=judge or Judge(camera or simulated, measurer, policy, clock, guide=guide),
        reader=SimulatedReader(lead()),
        gate=gate,
        journal=journal,
        outbox=Outbox(journal, desk, clock),
        clock=clock,
        screen=screen,
        erase_expired=erase_expired,
        evaluation=evaluation,
        recovery=recovery,
        guide=guide,
        requests=requests,
        timekeeper=timekeeper,
    )
    return Hall(journal, desk, gate, clock, screen, station)
