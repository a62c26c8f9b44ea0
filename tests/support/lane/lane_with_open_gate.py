"""A lane's process whose gate stands open: `python -m tests.support.lane.lane_with_open_gate SETTINGS`, a
`GateSettings`."""

import sys

from lane.decision.referral import PassageId
from lane.gate.modbus import ModbusGate
from lane.gate.settings import GateSettings
from lane.platform.clock import SystemClock


def main(settings: GateSettings) -> None:
    with ModbusGate(settings, SystemClock()) as gate:
        gate.close()
        gate.open(PassageId("p-1"))
        print("open", flush=True)
        while True:
            gate.wait_passed(0.1)


if __name__ == "__main__":
    main(GateSettings.model_validate_json(sys.argv[1]))
