"""A lane's process whose gate stands open: `python -m tests.lane.lane_at_gate SETTINGS`, a `GateSettings`."""

import sys

from lane.adapters.clock import SystemClock
from lane.adapters.gate_modbus import ModbusGate
from lane.adapters.gate_settings import GateSettings
from lane.referral import PassageId


def main(settings: GateSettings) -> None:
    with ModbusGate(settings, SystemClock()) as gate:
        gate.close()
        gate.open(PassageId("p-1"))
        print("open", flush=True)
        while True:
            gate.wait_passed(0.1)


if __name__ == "__main__":
    main(GateSettings.model_validate_json(sys.argv[1]))
