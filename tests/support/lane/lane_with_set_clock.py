"""A lane whose clock is set, killed as it waits for an officer: `python -m
tests.support.lane.lane_with_set_clock DIR WHEN`.

WHEN is `between` passengers, `during` the capture of one, or `never`: then the clock runs on as it stands,
one passenger is served, and how that went is printed.
"""

import os
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from lane.cameras.frame import Frame
from lane.cameras.simulated import Scene
from lane.decision.referral import Answer, PassageId
from lane.document.travel_document import TravelDocument
from lane.ledger.clock_check import Timekeeper, clock_is_doubted
from lane.ledger.entry import read
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from tests.support.lane.crashing_lane import PlainCamera, PlainMeasurer, passengers
from tests.support.lane.example_evidence import POLICY
from tests.support.lane.simulated_lane import LANE, ChangedCamera, SetClock, SimulatedDesk, hall

SET_BY = timedelta(hours=-2)


def die(_: PassageId) -> Answer | None:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def main(folder: Path, when: str) -> None:
    clock, desk = SetClock(), SimulatedDesk(LANE)
    if when == "never":
        clock.set_by = SET_BY
        clock.skip(600)  # later than all that is written down since
    else:
        desk.script = die

    def jump(frame: Frame) -> Frame:
        if when == "during":
            clock.set_by = SET_BY
        return frame

    def lead() -> Iterator[tuple[TravelDocument, Scene]]:
        if when == "between":
            clock.set_by = SET_BY
        yield from ((document, Scene()) for document in passengers(1))

    with SqliteJournal(folder / "lane.sqlite", LANE) as journal:
        desk.put_entries([read(*row) for row in journal.payloads()])
        keeper = Timekeeper(clock, journal.newest(), doubted=clock_is_doubted(journal))
    judge = Judge(ChangedCamera(PlainCamera(clock), jump), PlainMeasurer(), POLICY, clock, keeper)
    here = hall(
        folder, PlainMeasurer(), POLICY, lead(), desk=desk, clock=clock, judge=judge, timekeeper=keeper
    )
    here.station.start()
    report = here.walk()
    here.journal.close()
    print(" ".join([report.outcome, *(reason.code.value for reason in report.reasons)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
