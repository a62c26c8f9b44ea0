"""No door opens without a ledger entry before it: faults, sensors and passengers in any order.

`GATE_STORIES=200` tries more than the usual dozen.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lane.cameras.simulated import Scene
from lane.decision.referral import Answer
from lane.gate.modbus import ModbusGate
from lane.gate.settings import GateSettings
from lane.ledger.entry import Entry, read
from lane.passage.station import Station
from lane.platform.clock import SkippingClock
from lane.platform.errors import GateFaultError, StoppedError
from tests.support.lane.example_evidence import POLICY
from tests.support.lane.faulty_network import FAULTS, Wire
from tests.support.lane.gate_witness import Witness
from tests.support.lane.relay_box import RelayBox
from tests.support.lane.simulated_lane import (
    ADMITTED,
    DOCUMENT,
    LANE,
    REFERRED,
    Scripted,
    SimulatedDesk,
    hall,
)
from tests.support.processes import meanwhile, until

QUICK = GateSettings(
    kind="modbus",
    exit_shut=2,
    emergency=3,
    fire=4,
    by_hand=5,
    inverted=frozenset({"fire"}),
    timeout_s=0.1,
    poll_s=0.01,
    watchdog_s=0.5,
    shuts_within_s=0.3,
    gap_s=0.03,
    object_after_s=0.2,
)
AIRLOCK = QUICK.model_copy(update={"entry_door": 1, "entry_shut": 6})
INPUTS = ("entry_beam", "exit_beam", "emergency", "fire", "by_hand")
HAPPENS = st.one_of(
    st.tuples(st.just("input"), st.sampled_from(INPUTS)),
    st.tuples(st.just("wire"), st.sampled_from(FAULTS)),
    st.tuples(st.sampled_from(["walk", "force", "jam", "unplug"]), st.just("")),
)
Story = list[tuple[float, tuple[str, str]]]
STORIES = int(os.environ.get("GATE_STORIES", "12"))
STORY = st.lists(st.tuples(st.floats(0, 0.2), HAPPENS), max_size=8)
PASSENGERS = st.lists(st.sampled_from([ADMITTED, REFERRED]), min_size=1, max_size=4)


@dataclass
class Weather:
    """Lets a story happen at a box, each thing for a moment."""

    box: RelayBox
    wire: Wire
    witness: Witness
    story: Story

    def run(self, ended: threading.Event) -> None:
        for pause_s, (what, name) in self.story:
            if ended.wait(pause_s):
                break
            self.happen(what, name, on=True)
            ended.wait(0.1)
            self.happen(what, name, on=False)
        while not ended.wait(0.05):
            self.happen("walk", "", on=True)

    def happen(self, what: str, name: str, *, on: bool) -> None:
        match what:
            case "input":
                self.witness.fire_s = time.monotonic() if name == "fire" else self.witness.fire_s
                self.box.set(name, on=on)
            case "wire":
                self.wire.fault = name if on else None
            case "walk" if on:
                through = ("a", "ab", "b", "") if self.box.is_open() else ("a", "", "", "", "b", "")
                self.box.walk(through, 0.03)
            case "force":
                self.box.force("exit", open_=on)
            case "jam":
                self.box.jam("exit", jammed=on)
            case "unplug":
                self.box.unplug() if on else self.box.plug_in()


@contextmanager
def at_work(
    folder: Path, wired: GateSettings, story: Story
) -> Iterator[tuple[RelayBox, Witness, GateSettings]]:
    witness = Witness(folder / "lane.sqlite")
    with (
        RelayBox(wired, watch=witness) as box,
        Wire(box.settings.port) as wire,
        meanwhile(Weather(box, wire, witness, story).run),
    ):
        yield box, witness, box.settings.model_copy(update={"port": wire.port})


def serve(folder: Path, wired: GateSettings, desk: SimulatedDesk, passengers: list[Any]) -> list[Entry]:
    """One run of a lane: from its start to its last passenger, or for two seconds."""
    clock, judge, coming = SkippingClock(), Scripted(ADMITTED), [(DOCUMENT, Scene())] * len(passengers)
    with ModbusGate(wired, clock) as gate:
        parts: dict[str, Any] = {"judge": judge, "gate": gate, "desk": desk, "clock": clock}
        parts |= {"gate_timeout_s": 0.5, "officer_wait_s": 0.05}
        here = hall(folder, judge.measurer, POLICY, coming, **parts)
        ending = threading.Timer(2.0, here.station.stop)
        ending.start()
        try:
            started(here.station)
            for judged in passengers:
                judge.judged = judged
                if here.station.serve() is None:
                    break
        except GateFaultError:
            pass  # a gate that is not proved to be shut starts no lane
        except StoppedError:
            pass  # the two seconds ended while an officer was awaited
        finally:
            ending.cancel()
        with here.journal as journal:
            return [read(payload, hash_) for payload, hash_ in journal.payloads()]


def started(station: Station) -> None:
    """A supervising process would try again."""
    for attempt in count(1):
        try:
            station.start()
        except GateFaultError:
            if attempt == 3:
                raise
        else:
            return


@settings(max_examples=STORIES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([QUICK, AIRLOCK]), STORY, PASSENGERS)
def test_doors_open_only_after_an_entry(doors: GateSettings, story: Story, passengers: list[object]) -> None:
    with TemporaryDirectory() as path:
        folder = Path(path)
        with at_work(folder, doors, story) as (box, witness, wired):
            desk = SimulatedDesk(LANE, script=lambda _: Answer.ADMIT)
            serve(folder, wired, desk, passengers)
            entries = serve(folder, wired, desk, passengers)
            assert witness.breaches == []
            announced = [e.body["passage"] for e in entries if e.kind == "gate.opening"]
            assert len(announced) == len(set(announced))
            assert set(witness.opened) <= set(announced)
            shut_in_time(box)


def shut_in_time(box: RelayBox) -> None:
    """Once the lane has gone no coil holds a door; hands, force and fire apart."""
    coils = (QUICK.exit_door, AIRLOCK.entry_door or 0)
    until(lambda: not any(box._coils.get(coil, False) for coil in coils), 10)
