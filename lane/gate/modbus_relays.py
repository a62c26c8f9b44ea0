"""A relay box over Modbus TCP: every call answers or raises within a bounded time, whoever is at its end.

A peer that hangs, drips, lies or is gone is a GateFaultError, after which nothing of the old connection is
believed: the next call makes a new one.
"""

import logging
import math
import time
from collections.abc import Callable
from typing import NoReturn

from pymodbus.client import ModbusTcpClient
from pymodbus.pdu import ModbusPDU

from lane.gate.settings import GateSettings
from lane.platform.errors import GateFaultError

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # its errors are raised here, without frames
READ_COILS, READ_INPUTS, WRITE_COIL = 1, 2, 5


class Relays:
    """One connection, made when it is needed. For one thread at a time."""

    def __init__(self, settings: GateSettings) -> None:
        self._settings, self._wired = settings, settings.inputs()
        self._first = min(self._wired.values())
        self._count = max(self._wired.values()) - self._first + 1
        self._client = ModbusTcpClient(
            settings.host, port=settings.port, timeout=settings.timeout_s, retries=0
        )
        self._until_s = math.inf

    def within(self, seconds: float) -> None:
        """From now on calls raise once so much time has gone, however many they are."""
        self._until_s = time.monotonic() + seconds

    @property
    def connected(self) -> bool:
        """False since the last call that failed."""
        return self._client.connected

    def inputs(self) -> dict[str, bool]:
        """Each input that is wired, by name: whether it is on, after `inverted`. Raises GateFaultError."""
        read, first, count = self._client.read_discrete_inputs, self._first, self._count
        bits = self._bits(READ_INPUTS, lambda: read(first, count=count, device_id=self._settings.unit), count)
        inverted = self._settings.inverted
        return {name: bits[at - first] is not (name in inverted) for name, at in self._wired.items()}

    def coil(self, number: int) -> bool:
        read = self._client.read_coils
        return self._bits(READ_COILS, lambda: read(number, count=1, device_id=self._settings.unit), 1)[0]

    def write(self, number: int, *, on: bool) -> None:
        """Set a coil, as the box confirms. Raises GateFaultError."""
        write = self._client.write_coil
        confirmed = self._bits(WRITE_COIL, lambda: write(number, on, device_id=self._settings.unit), 1)
        if confirmed[0] is not on:
            self._give_up("the relay box confirms something else than was written")

    def close(self) -> None:
        """Closing twice is no error."""
        self._client.close()  # type: ignore[no-untyped-call]  # pymodbus types it not

    def _bits(self, function: int, call: Callable[[], ModbusPDU], count: int) -> tuple[bool, ...]:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            self._give_up("the relay box answers too slowly")
        self._client.comm_params.timeout_connect = min(self._settings.timeout_s, left_s)
        try:
            answer = call()
        except Exception as error:  # fail closed: without an answer nothing is proved
            self.close()
            raise GateFaultError(f"the relay box does not answer: {type(error).__name__}") from error
        bits = answer.bits
        if answer.isError() or answer.function_code != function or not count <= len(bits) < count + 8:
            self._give_up(f"the relay box gives no answer to function {function}")
        return tuple(bool(bit) for bit in bits[:count])

    def _give_up(self, why: str) -> NoReturn:
        self.close()
        raise GateFaultError(why)
