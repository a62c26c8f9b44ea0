"""A lane whose disk gets full, and later has room: `python -m tests.support.lane.lane_with_full_disk DIR`.

Prints one line of JSON: how often the gate was open while the disk was full, and what the ledger tells.
"""

import json
import sys
import threading
import time
from pathlib import Path

from lane.cameras.simulated import Scene
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import SkippingClock
from lane.platform.errors import LaneError
from tests.support.lane.crashing_lane import PlainCamera, PlainMeasurer, passengers
from tests.support.lane.example_evidence import POLICY
from tests.support.lane.simulated_lane import LANE, hall

FULL_FOR_S = 3.0


def fill(folder: Path) -> Path:
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
    try:
        SqliteJournal(folder / "another.sqlite", LANE).close()
    except LaneError as error:
        return type(error).__name__
    return "nothing"


def main(folder: Path) -> None:
    clock = SkippingClock()
    walkers = [(document, Scene()) for document in passengers(2)]
    here = hall(folder, PlainMeasurer(), POLICY, walkers, camera=PlainCamera(clock), clock=clock)
    here.station.start()
    filler, seen = fill(folder), []
    refused = begin_another(folder)

    def watch() -> None:
        until = time.monotonic() + FULL_FOR_S
        while time.monotonic() < until:
            seen.append(here.gate.is_open)
            time.sleep(0.05)
        filler.unlink()

    watching = threading.Thread(target=watch)
    watching.start()
    report = here.station.serve()
    watching.join()
    here.journal.close()
    found = {
        "open": sum(seen),
        "looks": len(seen),
        "refused": refused,
        "outcome": report and report.outcome,
        "kinds": here.kinds(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
