"""A lane whose disk gets full, and later has room: `python -m tests.support.lane.lane_with_full_disk DIR`.

Prints one line of JSON: how often the gate was open while the disk was full, and what the ledger tells.
"""

import json
import sys
import threading
import time
from pathlib import Path

from lane.desk.outbox import Outbox
from lane.desk.simulated import SimulatedDesk
from lane.document.simulated import SimulatedReader
from lane.gate.simulated import SimulatedGate
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.station import Station
from lane.platform.clock import SkippingClock
from lane.platform.errors import LaneError
from tests.support.lane.crashing_lane import PlainCamera, PlainMeasurer, passengers
from tests.support.lane.example_evidence import POLICY
from tests.support.lane.simulated_lane import LANE, Diary

FULL_FOR_S = 3.0


def fill(folder: Path) -> Path:
    """Nothing more fits."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 512, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def begin_another(folder: Path) -> str:
    """What a lane says that starts while the disk is full."""
    try:
        SqliteJournal(folder / "another.sqlite", LANE).close()
    except LaneError as error:
        return type(error).__name__
    return "nothing"


def main(folder: Path) -> None:
    clock, gate, desk = SkippingClock(), SimulatedGate(), SimulatedDesk(LANE)
    with SqliteJournal(folder / "lane.sqlite", LANE) as journal:
        station = Station(
            LANE,
            judge=Judge(PlainCamera(clock), PlainMeasurer(), POLICY, clock),
            reader=SimulatedReader(passengers(2)),
            gate=gate,
            journal=journal,
            outbox=Outbox(journal, desk, clock),
            clock=clock,
            screen=Diary(),
        )
        station.start()
        filler, seen = fill(folder), []
        refused = begin_another(folder)

        def watch() -> None:
            until = time.monotonic() + FULL_FOR_S
            while time.monotonic() < until:
                seen.append(gate.is_open)
                time.sleep(0.05)
            filler.unlink()

        watching = threading.Thread(target=watch)
        watching.start()
        report = station.serve()
        watching.join()
    said = {
        "open": sum(seen),
        "looks": len(seen),
        "refused": refused,
        "outcome": report and report.outcome,
        "kinds": [one.kind for one in desk.entries],
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
