"""One lane on simulated devices and a real journal, to walk passengers through."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from lane.cameras.port import FrameSource
from lane.cameras.simulated import Scene, SimulatedCamera
from lane.capture.guidance import Guide, no_guide
from lane.capture.measuring import Measurer
from lane.decision.passage_states import State
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.demo.passengers import Passenger
from lane.desk.outbox import Outbox
from lane.desk.simulated import SimulatedDesk
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.evaluation.evaluator import EvaluationThread
from lane.gate.simulated import SimulatedGate
from lane.kiosk.traveller_requests import TravellerRequests, no_requests
from lane.ledger.clock_check import Timekeeper
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.network_recovery import NetworkRecovery
from lane.passage.station import PassageReport, Station, nothing_to_erase
from lane.platform.clock import Clock, SkippingClock, SystemClock

People: TypeAlias = Mapping[str, Passenger]
"""The demo's passengers by name."""
LANE = "lane-1"
JOURNALS: list[SqliteJournal] = []


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


@dataclass(slots=True)
class Hall:
    journal: SqliteJournal
    desk: SimulatedDesk
    gate: SimulatedGate
    clock: Clock
    states: list[State]
    station: Station

    def walk(self) -> PassageReport:
        report = self.station.serve()
        assert report is not None
        return report

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
    evaluation: EvaluationThread | None = None,
    judge: Judge | None = None,
    recovery: NetworkRecovery | None = None,
    guide: Guide = no_guide,
    requests: TravellerRequests = no_requests,
    erase_expired: Callable[[], None] = nothing_to_erase,
    timekeeper: Timekeeper | None = None,
) -> Hall:
    """A lane whose passengers come in this order."""
    clock = clock or StandingClock()
    states: list[State] = []
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
        screen=lambda _, state: states.append(state),
        erase_expired=erase_expired,
        evaluation=evaluation,
        recovery=recovery,
        guide=guide,
        requests=requests,
        timekeeper=timekeeper,
    )
    return Hall(journal, desk, gate, clock, states, station)
