"""Lane processes for somebody to kill: `python -m tests.lane.killed_lane SETTINGS.json`.

Reads lines "PASSENGERS" and answers each with the process that serves them, and once it has ended with its
exit status. Every run is a process of its own, forked from this one so that it need not import everything
again: a real journal, a desk over HTTP, and a gate over Modbus TCP.
"""

import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from lane.adapters.clock import SkippingClock
from lane.adapters.desk_http import HttpDesk
from lane.adapters.gate_modbus import ModbusGate
from lane.adapters.gate_settings import GateSettings
from lane.adapters.journal import SqliteJournal
from lane.adapters.simulated import SimulatedReader
from lane.cohort import Cohort
from lane.courier import Courier
from lane.evaluation import Evaluator
from lane.frame import Frame
from lane.judge import Judge
from lane.observer import Observer
from lane.station import Station
from tests.lane.crash_lane import PlainCamera, PlainMeasurer, passengers
from tests.lane.evidence import POLICY
from tests.lane.hall import Diary


class InTurn(PlainCamera):
    """A passenger who is admitted and one who is referred, in turn; who comes first is chance."""

    def __init__(self, clock: SkippingClock) -> None:
        super().__init__(clock)
        self._next = self.grey * random.getrandbits(1)

    def frames(self) -> Iterator[Frame]:
        """See `PlainCamera`."""
        self.grey, self._next = self._next, 128 - self._next
        yield from super().frames()


def main(settings: dict[str, str], count: int) -> None:
    """A lane, from its start to the last passenger."""
    clock = SkippingClock()
    wired = GateSettings.model_validate_json(settings["gate"])
    with (
        SqliteJournal(Path(settings["journal"]), settings["lane"]) as journal,
        HttpDesk(settings["desk"], settings["token"]) as desk,
        ModbusGate(wired, clock) as gate,
    ):
        station = Station(
            settings["lane"],
            judge=Judge(InTurn(clock), PlainMeasurer(), POLICY, clock),
            reader=SimulatedReader(passengers(count)),
            gate=gate,
            journal=journal,
            courier=Courier(journal, desk, clock),
            clock=clock,
            screen=Diary(),
            observer=Observer(Evaluator(POLICY, Cohort(10, 60.0, clock.monotonic_s)), 60.0),
            gate_timeout_s=1.0,
        )
        station.start()
        while station.serve() is not None:
            pass


def forked(settings: dict[str, str], count: int) -> int:
    """The process."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            main(settings, count)
            status = 0
        finally:
            os._exit(status)
    return child


if __name__ == "__main__":
    lane = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for line in sys.stdin:
        process = forked(lane, int(line))
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
