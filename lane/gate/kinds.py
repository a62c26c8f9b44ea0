"""The gate that the settings name: opened for a lane, or tried without moving a door."""

from collections.abc import Iterator
from contextlib import contextmanager

from lane.gate.modbus import ModbusGate
from lane.gate.modbus_relays import Relays
from lane.gate.port import Gate
from lane.gate.settings import ALARMS, GateSettings
from lane.gate.simulated import SimulatedGate
from lane.platform.clock import Clock
from lane.platform.errors import GateFaultError
from lane.platform.finding import Finding

WITHIN_S = 2.0


@contextmanager
def open_gate(settings: GateSettings, clock: Clock) -> Iterator[Gate]:
    """The gate, in the hands of one lane. Nothing moves before the lane says so."""
    if settings.kind == "simulated":
        yield SimulatedGate()
        return
    with ModbusGate(settings, clock) as gate:
        yield gate


def probe(settings: GateSettings) -> list[Finding]:
    """Reads every input and changes the watchdog's coil there and back; moves no door."""
    if settings.kind == "simulated":
        return [Finding("gate", ok=True, said="simulated: there is no door")]
    relays = Relays(settings)
    relays.within(WITHIN_S)
    try:
        return [_inputs(relays), _doors(relays, settings), _watchdog(relays, settings)]
    except GateFaultError as error:
        said = f"{error}: look at [gate] host, port and unit, and at the box"
        return [Finding("gate", ok=False, said=said)]
    finally:
        relays.close()


def _inputs(relays: Relays) -> Finding:
    found = relays.inputs()
    wrong = [f"{name} is on" for name in (*ALARMS, "entry_beam", "exit_beam") if found.get(name)]
    wrong += [f"{name} is off" for name, on in found.items() if name.endswith("_shut") and not on]
    said = ", ".join(wrong) + ": look there, or at `inverted`" if wrong else f"{len(found)} inputs at rest"
    return Finding("gate inputs", ok=not wrong, said=said)


def _doors(relays: Relays, settings: GateSettings) -> Finding:
    held = [door for door, coil in settings.doors().items() if relays.coil(coil)]
    if held:
        return Finding("gate doors", ok=False, said=f"held open by its coil: {', '.join(held)}")
    proof = (
        "shut, by contact and coil" if settings.exit_shut is not None else "shut by coil; it has no contact"
    )
    return Finding("gate doors", ok=True, said=proof)


def _watchdog(relays: Relays, settings: GateSettings) -> Finding:
    before = relays.coil(settings.watchdog)
    heard = []
    for on in (not before, before):
        relays.write(settings.watchdog, on=on)
        heard.append(relays.coil(settings.watchdog) is on)
    said = f"heard; its timer must be {settings.watchdog_s:g} s" if all(heard) else "its coil does not change"
    return Finding("gate watchdog", ok=all(heard), said=said)
