"""Lane processes for somebody to kill: `python -m tests.support.lane.lane_to_kill SETTINGS.json`.

Reads lines "PASSENGERS" and answers each with the process that serves them, and once it has ended with its
exit status. Every run is a process of its own, forked from this one so that it need not import everything
again: a real journal, a desk over HTTP, and a gate over Modbus TCP.
"""

import json
import os
import random
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from lane.cameras.frame import Frame
from lane.desk.http_client import HttpDesk
from lane.gate.modbus import ModbusGate
from lane.gate.settings import GateSettings
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import SkippingClock
from tests.support.lane.crashing_lane import PlainCamera, serve
from tests.support.processes import forked


class InTurn(PlainCamera):
    """A passenger who is admitted and one who is referred, in turn; who comes first is chance."""

    def __init__(self, clock: SkippingClock) -> None:
        super().__init__(clock)
        self._next = self.grey * random.getrandbits(1)

    def frames(self) -> Iterator[Frame]:
        self.grey, self._next = self._next, 128 - self._next
        yield from super().frames()


def main(settings: dict[str, str], count: int) -> None:
    clock = SkippingClock()
    wired = GateSettings.model_validate_json(settings["gate"])
    with (
        SqliteJournal(Path(settings["journal"]), settings["lane"]) as journal,
        HttpDesk(settings["desk"], settings["token"]) as desk,
        ModbusGate(wired, clock) as gate,
    ):
        serve(settings["lane"], journal, desk, gate, InTurn(clock), count, gate_timeout_s=1.0)


if __name__ == "__main__":
    lane = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for line in sys.stdin:
        process = forked(partial(main, lane, int(line)))
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
