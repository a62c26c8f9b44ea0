"""A lane whose clock is set, killed as it waits for an officer: `python -m
tests.support.lane.lane_with_set_clock DIR WHEN`.

WHEN is `between` passengers, `during` the capture of one, or `never`: then the clock runs on as it stands,
one passenger is served, and how that went is printed.
"""

import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from lane.cameras.frame import Frame
from lane.decision.referral import Answer, PassageId
from lane.desk.outbox import Outbox
from lane.desk.simulated import SimulatedDesk
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.gate.simulated import SimulatedGate
from lane.ledger.clock_check import Timekeeper, clock_is_doubted
from lane.ledger.entry import read
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.station import Station
from tests.support.lane.crashing_lane import PlainCamera, PlainMeasurer, passengers
from tests.support.lane.example_evidence import POLICY
from tests.support.lane.simulated_lane import LANE, Diary, StandingClock

SET_BY = timedelta(hours=-2)


class SetClock(StandingClock):
    """A clock that somebody sets."""

    set_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.set_by


class Camera(PlainCamera):
    """In the capture that is named the clock is set."""

    def __init__(self, clock: SetClock, *, jumps: bool) -> None:
        super().__init__(clock)
        self.set, self.jumps = clock, jumps

    def frames(self) -> Iterator[Frame]:
        for frame in super().frames():
            if self.jumps:
                self.set.set_by = SET_BY
            yield frame


def die(_: PassageId) -> Answer | None:
    """As a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def main(folder: Path, when: str) -> None:
    clock, desk = SetClock(), SimulatedDesk(LANE)
    if when == "never":
        clock.set_by = SET_BY
        clock.skip(600)  # later than all that is written down since
    else:
        desk.script = die

    def lead() -> Iterator[TravelDocument]:
        if when == "between":
            clock.set_by = SET_BY
        yield from passengers(1)

    with SqliteJournal(folder / "lane.sqlite", LANE) as journal:
        desk.put_entries([read(*row) for row in journal.payloads()])
        keeper = Timekeeper(clock, journal.newest(), doubted=clock_is_doubted(journal))
        station = Station(
            LANE,
            judge=Judge(Camera(clock, jumps=when == "during"), PlainMeasurer(), POLICY, clock, keeper),
            reader=SimulatedReader(lead()),
            gate=SimulatedGate(),
            journal=journal,
            outbox=Outbox(journal, desk, clock),
            clock=clock,
            screen=Diary(),
            timekeeper=keeper,
        )
        station.start()
        report = station.serve()
    assert report is not None
    print(" ".join([report.outcome, *(reason.code.value for reason in report.reasons)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
