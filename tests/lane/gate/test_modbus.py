"""A gate behind Modbus TCP, against a box that is a real server."""

import time
from collections.abc import Callable, Iterator
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
from lane.gate.simulated_relay_box import RelayBox
from lane.platform.clock import SystemClock
from lane.platform.errors import GateFaultError
from tests.support.lane.faulty_network import FAULTS, Wire

ME = PassageId("p-1")
WIRED = GateSettings(
    kind="modbus",
    exit_shut=2,
    emergency=3,
    fire=4,
    by_hand=5,
    inverted=frozenset({"fire", "emergency"}),
    poll_s=0.02,
    watchdog_s=1.0,
    shuts_within_s=1.0,
    gap_s=0.1,
    object_after_s=0.3,
)


def until(what: Callable[[], object], within_s: float = 10.0) -> None:
    end_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.01)


@pytest.fixture
def box() -> Iterator[RelayBox]:
    with RelayBox(WIRED) as box:
        yield box


@pytest.fixture
def gate(box: RelayBox) -> Iterator[ModbusGate]:
    with ModbusGate(box.settings, SystemClock()) as gate:
        gate.close()
        yield gate


def walk(box: RelayBox, *beams: str) -> None:
    """Each step: the beams that are interrupted now."""
    for step in beams:
        box.set("entry_beam", on="a" in step)
        box.set("exit_beam", on="b" in step)
        time.sleep(0.08)


def waited(gate: ModbusGate, for_s: float = 5.0) -> Passing:
    end_s = time.monotonic() + for_s
    passing = Passing.NOT_YET
    while passing is Passing.NOT_YET and time.monotonic() < end_s:
        passing = gate.wait_passed(0.1)
    return passing


def codes(gate: ModbusGate) -> list[Code]:
    return [event.code for event in gate.events()]


def test_a_passenger_is_let_through_and_the_door_is_proved_shut(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    assert box.is_open()
    walk(box, "a", "ab", "b", "")
    assert waited(gate) is Passing.PASSED
    gate.close()
    assert not box.is_open()
    assert [(one.open, one.by) for one in box.diary] == [(True, "coil"), (False, "coil")]
    assert codes(gate) == []


@pytest.mark.parametrize(
    ("beams", "how"),
    [
        (["a", "", "", "a", "", ""], Passing.TURNED_BACK),
        (["a", "ab", "b", "b", "b", "ab"], Passing.FOLLOWED),
        (["b"], Passing.FOLLOWED),
    ],
)
def test_who_turns_back_or_is_followed_is_seen(
    beams: list[str], how: Passing, box: RelayBox, gate: ModbusGate
) -> None:
    gate.open(ME)
    walk(box, *beams)
    assert waited(gate) is how
    gate.close()
    assert not box.is_open()


def test_who_slips_in_while_the_door_shuts_is_seen(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    walk(box, "a", "ab", "b", "")
    assert waited(gate) is Passing.PASSED
    box.jam("exit")
    with pytest.raises(GateFaultError, match="not shut"):
        gate.close()
    walk(box, "a", "ab")
    until(lambda: Code.TAILGATING in codes(gate))


def test_who_slips_in_before_the_door_is_told_to_shut_is_seen(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    walk(box, "a", "ab", "b", "")
    assert waited(gate) is Passing.PASSED
    walk(box, "a", "ab", "b", "")
    gate.close()
    until(lambda: Code.TAILGATING in codes(gate))


@pytest.mark.parametrize(
    ("name", "code", "trouble"),
    [
        ("emergency", Code.EMERGENCY_STOP, "L05"),
        ("by_hand", Code.OPENED_BY_HAND, "L06"),
        ("fire", Code.EMERGENCY_STOP, "fire"),
    ],
)
def test_an_input_is_an_event_once_and_nobody_is_served_while_it_lasts(
    name: str, code: Code, trouble: str, box: RelayBox, gate: ModbusGate
) -> None:
    box.set(name, on=True)
    until(lambda: gate.trouble() == trouble)
    with pytest.raises(GateFaultError):
        gate.open(ME)
    assert codes(gate) == [code]
    box.set(name, on=False)
    until(lambda: gate.trouble() is None)
    gate.open(ME)


@pytest.mark.parametrize("name", ["emergency", "fire", "by_hand"])
def test_an_alarm_that_was_seen_once_is_enough_to_open_no_door(
    name: str, box: RelayBox, gate: ModbusGate
) -> None:
    with gate._turn:  # nobody looks but the one who opens
        box.set(name, on=True)
        with pytest.raises(GateFaultError, match="alarm"):
            gate.open(ME)
    assert box.openings() == []


def test_a_gate_whose_sensors_nobody_reads_does_not_open(box: RelayBox) -> None:
    gate = ModbusGate(box.settings, SystemClock())
    gate.close()
    with pytest.raises(GateFaultError, match="sensors"):
        gate.open(ME)
    gate._relays.close()


def test_a_fire_alarm_opens_the_doors_and_nothing_shuts_them_while_it_lasts(
    box: RelayBox, gate: ModbusGate
) -> None:
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


def test_a_contact_that_bounces_fills_no_ledger(box: RelayBox, gate: ModbusGate) -> None:
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


def test_a_door_that_nobody_opened_is_forced(box: RelayBox, gate: ModbusGate) -> None:
    box.force("exit")
    until(lambda: gate.trouble() == "L04")
    assert codes(gate) == [Code.DOOR_FORCED]
    with pytest.raises(GateFaultError):
        gate.open(ME)
    box.force("exit", open_=False)
    until(lambda: gate.trouble() is None)
    assert codes(gate) == []


def test_an_object_left_in_a_beam_is_seen_while_nobody_passes(box: RelayBox, gate: ModbusGate) -> None:
    box.set("exit_beam", on=True)
    until(lambda: gate.trouble() == "L02")
    assert codes(gate) == [Code.OBJECT_LEFT]
    box.set("exit_beam", on=False)
    until(lambda: gate.trouble() is None)


def test_a_passenger_who_waits_in_a_beam_is_let_through(box: RelayBox, gate: ModbusGate) -> None:
    box.set("entry_beam", on=True)
    until(lambda: gate.trouble() == "L02")
    gate.open(ME)
    walk(box, "a", "ab", "b", "")
    assert waited(gate) is Passing.PASSED


def test_a_door_that_does_not_shut_is_a_fault(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    box.jam("exit")
    with pytest.raises(GateFaultError, match="contact"):
        gate.close()
    box.jam("exit", jammed=False)
    gate.close()


def test_a_relay_that_does_not_let_go_is_trouble_and_the_boxs_own_timer_shuts_the_door(
    box: RelayBox, gate: ModbusGate
) -> None:
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


def test_a_relay_that_holds_after_a_fire_is_trouble_until_it_lets_go(box: RelayBox, gate: ModbusGate) -> None:
    box.set("fire", on=True)
    until(lambda: box._coils[0])
    box.stick("exit")
    box.set("fire", on=False)
    until(lambda: gate.trouble() == Code.DOOR_FORCED.value)
    until(lambda: not box.is_open())
    assert box.diary[-1].by == "watchdog"


def test_a_lane_that_falls_silent_has_its_door_shut(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    gate.wait_passed(0.01)
    until(lambda: not box.is_open())
    with pytest.raises(GateFaultError):
        gate.wait_passed(0.01)


def test_a_box_whose_lane_is_gone_shuts_its_door_by_itself_in_time(box: RelayBox, gate: ModbusGate) -> None:
    gate.open(ME)
    box.unplug()
    until(lambda: not box.is_open())
    opened, shut = box.diary
    assert shut.by == "watchdog"
    assert shut.at_s - opened.at_s <= WIRED.watchdog_s + 1.0, "its own period, on a busy machine"


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
def test_whatever_the_wire_does_no_call_hangs_the_door_shuts_and_the_gate_comes_back(
    fault: str, wire: Wire, wired: ModbusGate, box: RelayBox
) -> None:
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


def test_a_gate_that_was_lost_is_tried_again_less_and_less_often(
    box: RelayBox, gate: ModbusGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    cycle = gate._cycle

    def noted() -> bool:
        tries.append(time.monotonic())
        return cycle()

    monkeypatch.setattr(gate, "_cycle", noted)
    box.unplug()
    until(lambda: len(tries) > 4 and gate.trouble() == "unreachable")
    tries.clear()
    until(lambda: len(tries) >= 4)
    pauses = [after - before for before, after in pairwise(tries)]
    assert pauses[0] < pauses[-1]
    box.plug_in()
    until(lambda: gate.trouble() is None)


def test_after_a_loss_the_doors_are_told_to_shut_first(box: RelayBox, gate: ModbusGate) -> None:
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


def test_a_gate_that_stops_leaves_its_door_shut(box: RelayBox) -> None:
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


def test_in_an_airlock_the_exit_opens_once_the_entry_is_shut(airlock: tuple[RelayBox, ModbusGate]) -> None:
    box, gate = airlock
    gate.open(ME)
    assert (box.is_open("entry"), box.is_open("exit")) == (True, False)
    walk(box, "a", "")
    assert waits_for(gate, lambda: box.is_open("exit"))
    walk(box, "b", "")
    assert waited(gate) is Passing.PASSED
    gate.close()
    assert [(one.door, one.open) for one in box.diary] == [
        ("entry", True),
        ("entry", False),
        ("exit", True),
        ("exit", False),
    ]


def test_an_airlock_whose_entry_does_not_shut_opens_no_exit(airlock: tuple[RelayBox, ModbusGate]) -> None:
    box, gate = airlock
    gate.open(ME)
    box.jam("entry")
    walk(box, "a", "")
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
def test_a_gate_that_is_wired_wrong_is_told_what_is_wrong(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        GateSettings.model_validate({"kind": "modbus"} | wrong)


# --- looked at before passengers come


def test_a_gate_is_tried_without_moving_a_door(box: RelayBox) -> None:
    assert all(finding.ok for finding in probe(box.settings)), probe(box.settings)
    assert box.diary == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("fire", "fire is on"), ("exit_beam", "exit_beam is on"), ("emergency", "emergency is on")],
)
def test_what_is_not_at_rest_is_told(name: str, says: str, box: RelayBox) -> None:
    box.set(name, on=True)
    assert [one for one in probe(box.settings) if not one.ok and says in one.said]


def test_a_box_that_is_not_there_is_told_with_what_to_do(box: RelayBox) -> None:
    box.unplug()
    (finding,) = probe(box.settings)
    assert not finding.ok
    assert "[gate] host" in finding.said


def test_the_gate_of_the_settings_is_opened(box: RelayBox) -> None:
    with open_gate(GateSettings(), SystemClock()) as gate:
        assert isinstance(gate, SimulatedGate)
    with open_gate(box.settings, SystemClock()) as gate:
        assert isinstance(gate, ModbusGate)
