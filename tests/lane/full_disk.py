"""A lane whose disk gets full, and later has room: `python -m tests.lane.full_disk DIR`.

Prints one line of JSON: how often the gate was open while the disk was full, and what the ledger tells.
"""

import json
import sys
import threading
import time
from pathlib import Path

from lane.adapters.clock import SkippingClock
from lane.adapters.journal import SqliteJournal
from lane.adapters.simulated import SimulatedGate, SimulatedReader
from lane.adapters.simulated_desk import SimulatedDesk
from lane.courier import Courier
from lane.errors import LaneError
from lane.judge import Judge
from lane.station import Station
from tests.lane.crash_lane import PlainCamera, PlainMeasurer, passengers
from tests.lane.evidence import POLICY
from tests.lane.hall import LANE, Diary

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
            courier=Courier(journal, desk, clock),
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
    told = {
        "open": sum(seen),
        "looks": len(seen),
        "refused": refused,
        "outcome": report and report.outcome,
        "kinds": [one.kind for one in desk.entries],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
