"""A gate behind Modbus TCP, against a box that is a real server."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest
from pydantic import ValidationError

from lane.decision.reason_codes import Code
from lane.decision.referral import PassageId
from lane.gate.kinds import open_gate, probe
from lane.gate.light_beams import Passing
from lane.gate.modbus import ModbusGate
from lane.gate.settings import GateSettings
from lane.gate.simulated import SimulatedGate
from lane.platform.clock import SystemClock
from lane.platform.errors import GateFaultError
from tests.support import processes
from tests.support.lane.faulty_network import FAULTS, Wire
from tests.support.lane.relay_box import RelayBox

ME = PassageId("p-1")
WIRED = GateSettings(
    kind="modbus",
    exit_shut=2,
    emergency=3,
    fire=4,
    by_hand=5,
    inverted=frozenset({"fire", "emergency"}),
    poll_s=0.02,
    timeout_s=0.4,  # a busy machine may hold the box up for a moment
    watchdog_s=1.0,
    shuts_within_s=1.0,
    gap_s=0.1,
    object_after_s=0.3,
)


until = partial(processes.until, within_s=10.0)


@pytest.fixture
def box() -> Iterator[RelayBox]:
    with RelayBox(WIRED) as box:
        yield box


@pytest.fixture
def gate(box: RelayBox) -> Iterator[ModbusGate]:
    with ModbusGate(box.settings, SystemClock()) as gate:
        gate.close()
        yield gate


def waited(gate: ModbusGate, for_s: float = 5.0) -> Passing:
    end_s = time.monotonic() + for_s
    passing = Passing.NOT_YET
    while passing is Passing.NOT_YET and time.monotonic() < end_s:
        passing = gate.wait_passed(0.1)
    return passing


def let_through(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    box.walk(("a", "ab", "b", ""))
    assert waited(gate) is Passing.PASSED


def codes(gate: ModbusGate) -> list[Code]:
    return [event.code for event in gate.events()]


@pytest.mark.parametrize(
    ("beams", "how"),
    [
        (["a", "ab", "b", ""], Passing.PASSED),
        (["a", "", "", "a", "", ""], Passing.TURNED_BACK),
        (["a", "ab", "b", "b", "b", "ab"], Passing.FOLLOWED),
        (["b"], Passing.FOLLOWED),
    ],
)
def test_passing_is_seen_and_door_is_shut(
    beams: list[str], how: Passing, box: RelayBox, gate: ModbusGate
) -> None:
    gate.open(ME)
    assert box.is_open()
    box.walk(beams)
    assert waited(gate) is how
    gate.close()
    assert not box.is_open()
    if how is Passing.PASSED:
        assert [(one.open, one.by) for one in box.diary] == [(True, "coil"), (False, "coil")]
        assert codes(gate) == []


def test_slipping_through_closing_door_is_seen(box: RelayBox, gate: ModbusGate) -> None:
    let_through(box, gate)
    box.jam("exit")
    with pytest.raises(GateFaultError, match="not shut"):
        gate.close()
    box.walk(("a", "ab"))
    until(lambda: Code.TAILGATING in codes(gate))


def test_slipping_in_before_closing_is_seen(box: RelayBox, gate: ModbusGate) -> None:
    let_through(box, gate)
    box.walk(("a", "ab", "b", ""))
    gate.close()
    until(lambda: Code.TAILGATING in codes(gate))


TROUBLES: dict[str, tuple[Callable[[RelayBox, bool], None], Code]] = {
    "L02": (lambda box, on: box.set("exit_beam", on=on), Code.OBJECT_LEFT),
    "L04": (lambda box, on: box.force("exit", open_=on), Code.DOOR_FORCED),
    "L05": (lambda box, on: box.set("emergency", on=on), Code.EMERGENCY_STOP),
    "L06": (lambda box, on: box.set("by_hand", on=on), Code.OPENED_BY_HAND),
    "fire": (lambda box, on: box.set("fire", on=on), Code.EMERGENCY_STOP),
}


@pytest.mark.parametrize(("trouble", "how"), TROUBLES.items(), ids=TROUBLES)
def test_trouble_is_one_event_and_blocks(
    trouble: str, how: tuple[Callable[[RelayBox, bool], None], Code], box: RelayBox, gate: ModbusGate
) -> None:
    happen, code = how
    happen(box, True)
    until(lambda: gate.trouble() == trouble)
    if code is not Code.OBJECT_LEFT:  # a passenger who is served already may stand in a beam
        with pytest.raises(GateFaultError):
            gate.open(ME)
    assert codes(gate) == [code]
    happen(box, False)
    until(lambda: gate.trouble() is None)
    assert codes(gate) == []
    gate.open(ME)


@pytest.mark.parametrize("name", ["emergency", "fire", "by_hand"])
def test_alarm_seen_once_opens_no_door(name: str, box: RelayBox, gate: ModbusGate) -> None:
    with gate._changed:  # nobody looks but the one who opens
        box.set(name, on=True)
        with pytest.raises(GateFaultError, match="alarm"):
            gate.open(ME)
    assert box.openings() == []


def test_unread_sensors_keep_gate_shut(box: RelayBox) -> None:
    gate = ModbusGate(box.settings, SystemClock())
    gate.close()
    with pytest.raises(GateFaultError, match="sensors"):
        gate.open(ME)
    gate._relays.close()


def test_fire_opens_and_holds_doors(box: RelayBox, gate: ModbusGate) -> None:
    box.set("fire", on=True)
    until(lambda: box._coils[0])
    with pytest.raises(GateFaultError, match="fire"):
        gate.close()
    assert box.is_open()
    (event,) = gate.events()
    assert (event.code, event.detail) == (Code.EMERGENCY_STOP, "fire")
    box.set("fire", on=False)
    until(lambda: not box.is_open())
    gate.close()
    assert codes(gate) == [], "a door that shuts after a fire is not forced"


def test_bouncing_contact_fills_no_ledger(box: RelayBox, gate: ModbusGate) -> None:
    for _ in range(3):
        box.set("by_hand", on=True)
        until(lambda: gate.trouble() == "L06")
        box.set("by_hand", on=False)
        until(lambda: gate.trouble() is None)
    assert codes(gate) == [Code.OPENED_BY_HAND]


def test_an_alarm_ends_an_opening(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    box.set("emergency", on=True)
    with pytest.raises(GateFaultError):
        waited(gate)
    gate.close()
    assert not box.is_open()


def test_passenger_waiting_in_beam_gets_through(box: RelayBox, gate: ModbusGate) -> None:
    box.set("entry_beam", on=True)
    until(lambda: gate.trouble() == "L02")
    let_through(box, gate)


def test_unshut_door_is_a_fault(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    box.jam("exit")
    with pytest.raises(GateFaultError, match="contact"):
        gate.close()
    box.jam("exit", jammed=False)
    gate.close()


def test_stuck_relay_is_trouble(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    box.stick("exit")
    with pytest.raises(GateFaultError, match="does not hold"):
        gate.close()
    assert gate.trouble() == Code.DOOR_FORCED.value
    with pytest.raises(GateFaultError, match="not shut"):
        gate.open(ME)
    until(lambda: not box.is_open())
    assert (box.diary[-1].by, len(box.openings())) == ("watchdog", 1)
    box.stick("exit", stuck=False)
    until(lambda: gate.trouble() is None)
    gate.close()
    gate.open(ME)
    assert box.is_open()


def test_relay_held_after_fire_is_trouble(box: RelayBox, gate: ModbusGate) -> None:
    box.set("fire", on=True)
    until(lambda: box._coils[0])
    box.stick("exit")
    box.set("fire", on=False)
    until(lambda: gate.trouble() == Code.DOOR_FORCED.value)
    until(lambda: not box.is_open())
    assert box.diary[-1].by == "watchdog"


def test_silent_lane_has_door_shut(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    gate.wait_passed(0.01)
    until(lambda: not box.is_open())
    with pytest.raises(GateFaultError):
        gate.wait_passed(0.01)


@pytest.fixture
def wire(box: RelayBox) -> Iterator[Wire]:
    with Wire(box.settings.port) as wire:
        yield wire


@pytest.fixture
def wired(wire: Wire, box: RelayBox) -> Iterator[ModbusGate]:
    settings = box.settings.model_copy(update={"port": wire.port})
    with ModbusGate(settings, SystemClock()) as gate:
        gate.close()
        yield gate


@pytest.mark.parametrize("fault", FAULTS)
def test_wire_faults_never_hang_the_gate(fault: str, wire: Wire, wired: ModbusGate, box: RelayBox) -> None:
    wired.open(ME)
    wire.fault = fault
    calls: list[Callable[[], object]] = [
        lambda: waited(wired),
        wired.close,
        lambda: wired.open(ME),
        lambda: wired.wait_passed(float("nan")),
    ]
    for call in calls:
        begun_s = time.monotonic()
        with pytest.raises(GateFaultError):
            call()
        assert time.monotonic() - begun_s < 4, "about a second on a machine that is not busy"
    assert wired.trouble() == "unreachable"
    until(lambda: not box.is_open())
    wire.fault = None
    until(lambda: wired.trouble() is None)
    wired.close()
    wired.open(ME)
    assert box.is_open()


def test_lost_gate_is_retried_ever_rarer(
    box: RelayBox, gate: ModbusGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    cycle = gate._cycle

    def noted() -> bool:
        tries.append(time.monotonic())
        return cycle()

    monkeypatch.setattr(gate, "_cycle", noted)
    box.unplug()
    until(lambda: gate.trouble() == "unreachable" and len(tries) >= 8)
    pauses = [after - before for before, after in pairwise(tries)]
    assert pauses[0] < pauses[-1]
    box.plug_in()
    until(lambda: gate.trouble() is None)


def test_loss_shuts_doors_first(box: RelayBox, gate: ModbusGate) -> None:
    box.unplug()
    until(lambda: gate.trouble() == "unreachable")
    with box._lock:
        box._beat_s = time.monotonic() + 60  # a box whose timer does not work
        box._coils[0] = True
        box._move()
    assert box.is_open()
    box.plug_in()
    until(lambda: gate.trouble() is None)
    assert not box.is_open()


def test_stopping_gate_leaves_door_shut(box: RelayBox) -> None:
    with ModbusGate(box.settings, SystemClock()) as gate:
        gate.close()
        gate.open(ME)
    assert not box.is_open()
    with pytest.raises(GateFaultError):
        gate.open(ME)


# --- an airlock

AIRLOCK = WIRED.model_copy(update={"entry_door": 1, "entry_shut": 6})


@pytest.fixture
def airlock() -> Iterator[tuple[RelayBox, ModbusGate]]:
    with RelayBox(AIRLOCK) as box, ModbusGate(box.settings, SystemClock()) as gate:
        gate.close()
        yield box, gate


def never_both_open(box: RelayBox) -> bool:
    open_: set[str] = set()
    for moved in box.diary:
        open_ = open_ | {moved.door} if moved.open else open_ - {moved.door}
        if len(open_) > 1:
            return False
    return True


def waits_for(gate: ModbusGate, what: Callable[[], bool]) -> bool:
    for _ in range(100):
        gate.wait_passed(0.05)
        if what():
            return True
    return False


def test_airlock_exit_waits_for_shut_entry(airlock: tuple[RelayBox, ModbusGate]) -> None:
    box, gate = airlock
    gate.open(ME)
    assert (box.is_open("entry"), box.is_open("exit")) == (True, False)
    box.walk(("a", ""))
    assert waits_for(gate, lambda: box.is_open("exit"))
    box.walk(("b", ""))
    assert waited(gate) is Passing.PASSED
    gate.close()
    assert [(one.door, one.open) for one in box.diary] == [
        ("entry", True),
        ("entry", False),
        ("exit", True),
        ("exit", False),
    ]


def test_open_entry_blocks_airlock_exit(airlock: tuple[RelayBox, ModbusGate]) -> None:
    box, gate = airlock
    gate.open(ME)
    box.jam("entry")
    box.walk(("a", ""))
    with pytest.raises(GateFaultError, match="entry"):
        waited(gate)
    assert not box.is_open("exit")
    assert never_both_open(box)


# --- settings


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"host": "gate.example"}, "address as a number"),
        ({"timeout_s": float("nan")}, "timeout_s"),
        ({"watchdog_s": float("inf")}, "watchdog_s"),
        ({"watchdog": 0}, "same coil"),
        ({"entry_beam": 1}, "same input"),
        ({"entry_door": 1}, "both doors' contacts"),
        ({"inverted": ["fire"]}, "has no input"),
        ({"exit_shut": 300}, "within 256"),
        ({"doors": 1}, "doors"),
        ({"port": 0}, "port"),
    ],
)
def test_wrong_wiring_is_diagnosed(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        GateSettings.model_validate({"kind": "modbus"} | wrong)


# --- looked at before passengers come


@pytest.mark.parametrize("name", ["fire", "exit_beam", "emergency"])
def test_probe_tells_inputs_not_at_rest(name: str, box: RelayBox) -> None:
    assert all(finding.ok for finding in probe(box.settings)), probe(box.settings)
    assert box.diary == [], "it moves no door"
    box.set(name, on=True)
    assert [one for one in probe(box.settings) if not one.ok and f"{name} is on" in one.said]


def test_missing_box_is_told_with_advice(box: RelayBox) -> None:
    box.unplug()
    (finding,) = probe(box.settings)
    assert not finding.ok
    assert "[gate] host" in finding.said


def test_configured_gate_is_connected(box: RelayBox) -> None:
    with open_gate(GateSettings(), SystemClock()) as gate:
        assert isinstance(gate, SimulatedGate)
    with open_gate(box.settings, SystemClock()) as gate:
        assert isinstance(gate, ModbusGate)
