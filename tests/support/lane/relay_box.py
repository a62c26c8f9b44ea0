"""A simulated relay box: a Modbus TCP server with doors, contacts, beams and a timer of its own.

It does what a site's box must do: without a change of the watchdog coil for `watchdog_s` its doors shut and
its door coils fall; a fire alarm opens its doors by its own wiring, whatever the coils say. Its diary is the
judge: every movement of a door, when, and by what.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from lane.gate.settings import GateSettings

TICK_S = 0.01
_COIL_READS, _INPUT_READS, _COIL_WRITES = (1,), (2,), (5, 15)


@dataclass(frozen=True, slots=True)
class DoorMovement:
    at: datetime
    """Aware, UTC."""
    at_s: float
    """Of the monotonic clock of this machine."""
    door: str
    open: bool
    by: str
    """`coil`, `watchdog`, `fire`, `hand` or `force`."""


class RelayBox:
    """One box on this machine, at a port that is free. Use it as a context."""

    def __init__(
        self, settings: GateSettings, port: int = 0, watch: Callable[[DoorMovement], None] = lambda _: None
    ) -> None:
        """`watch` hears of each movement before the lane does; it must not raise."""
        self._settings, self._port, self._watch = settings, port, watch
        self._doors = settings.doors()
        self._on: dict[str, bool] = {}
        self._coils: dict[int, bool] = {}
        self._written: dict[int, bool] = {}
        """The value that was last written to each coil."""
        self._held: dict[str, str] = {}
        """Doors that stand open by hand or by force."""
        self._jammed: set[str] = set()
        self._stuck: set[str] = set()
        """Doors whose relay does not let go when a lane tells it to; the box's own timer cuts it off."""
        self._open = dict.fromkeys(self._doors, False)
        self._beat_s: float | None = None
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay box", daemon=True)
        self._server: ModbusTcpServer | None = None
        self._timer: Future[None] | None = None
        self.diary: list[DoorMovement] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self.plug_in()
        self._timer = asyncio.run_coroutine_threadsafe(self._tick(), self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
        if self._timer is not None:
            self._timer.cancel()
        asyncio.run_coroutine_threadsafe(_cancel_tasks(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def settings(self) -> GateSettings:
        return self._settings.model_copy(update={"kind": "modbus", "host": "127.0.0.1", "port": self._port})

    def plug_in(self) -> None:
        """Listen; at the same port as before."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)

    def unplug(self) -> None:
        """Cut the network; the box goes on."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(5)

    # --- what happens at the doors

    def set(self, name: str, *, on: bool) -> None:
        """A beam is interrupted, a button is pressed: an input as people see it, before any inversion."""
        with self._lock:
            self._on[name] = on
            if name == "by_hand":
                self._held = dict.fromkeys(self._doors, "hand") if on else {}
            self._move()

    def force(self, door: str, *, open_: bool = True) -> None:
        with self._lock:
            self._held.pop(door, None)
            self._held |= {door: "force"} if open_ else {}
            self._move()

    def jam(self, door: str, *, jammed: bool = True) -> None:
        """A jammed door does not move."""
        with self._lock:
            self._jammed = self._jammed | {door} if jammed else self._jammed - {door}
            self._move()

    def stick(self, door: str, *, stuck: bool = True) -> None:
        """A stuck relay holds whatever the lane writes."""
        with self._lock:
            self._stuck = self._stuck | {door} if stuck else self._stuck - {door}

    def walk(self, steps: Sequence[str], step_s: float = 0.08) -> None:
        """Each step: the beams that are interrupted now, `a` the entry's and `b` the exit's."""
        for step in steps:
            self.set("entry_beam", on="a" in step)
            self.set("exit_beam", on="b" in step)
            time.sleep(step_s)

    def is_open(self, door: str = "exit") -> bool:
        with self._lock:
            return self._open[door]

    def openings(self) -> Sequence[DoorMovement]:
        with self._lock:
            return [one for one in self.diary if one.open and one.by == "coil"]

    # --- inside

    def _move(self) -> None:
        """Move each door by its coil, its holders and the alarm; the lock is held."""
        for door, coil in self._doors.items():
            by = "fire" if self._on.get("fire") else self._held.get(door, "coil")
            wanted = by != "coil" or self._coils.get(coil, False)
            if wanted != self._open[door] and door not in self._jammed:
                self._write_down(door, open_=wanted, by=by)

    def _write_down(self, door: str, *, open_: bool, by: str) -> None:
        self._open[door] = open_
        self.diary.append(DoorMovement(datetime.now(UTC), time.monotonic(), door, open_, by))
        self._watch(self.diary[-1])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            with self._lock:
                if not self._alive():
                    self._fall()

    def _alive(self) -> bool:
        return self._beat_s is not None and time.monotonic() - self._beat_s < self._settings.watchdog_s

    def _fall(self) -> None:
        """The timer has run out: the door coils fall."""
        for door, coil in self._doors.items():
            if self._coils.get(coil, False):
                self._coils[coil] = False
                if self._open[door] and door not in self._jammed and not self._held_open(door):
                    self._write_down(door, open_=False, by="watchdog")

    def _sticks(self, number: int) -> bool:
        return any(self._doors[door] == number for door in self._stuck)

    def _held_open(self, door: str) -> bool:
        return self._on.get("fire", False) or door in self._held

    def _input(self, number: int) -> bool:
        name = next((one for one, at in self._settings.inputs().items() if at == number), "")
        contacts = {"exit_shut": "exit", "entry_shut": "entry"}
        on = not self._open[contacts[name]] if name in contacts else self._on.get(name, False)
        return on is not (name in self._settings.inverted)

    def _set_coil(self, number: int, *, on: bool) -> None:
        if number == self._settings.watchdog and on is not self._coils.get(number, False):
            self._beat_s = time.monotonic()
        if number in self._doors.values() and on and not self._alive():
            return
        if not on and self._sticks(number):
            return
        self._coils[number] = on
        self._move()

    async def _handle_request(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """pymodbus asks before each read and write; what it then reads is put into `registers`."""
        with self._lock:
            if function in _COIL_WRITES and values:
                for offset, value in enumerate(values):
                    self._written[address + offset] = bool(value)
                    self._set_coil(address + offset, on=bool(value))
            coils = self._coils
            if function in _COIL_WRITES:  # confirmed as it was written, whatever the relay does
                coils = coils | {number: on for number, on in self._written.items() if self._sticks(number)}
            stands: Callable[[int], bool] = (
                self._input if function in _INPUT_READS else lambda number: coils.get(number, False)
            )
            for place in range(len(registers)):
                bits = [stands((start + place) * 16 + bit) for bit in range(16)]
                registers[place] = sum(bit << number for number, bit in enumerate(bits))
        del count
        return None

    async def _listen(self) -> None:
        bits = [SimData(0, count=512, values=False, datatype=DataType.BITS)]
        words = [SimData(0, values=0, datatype=DataType.REGISTERS)]
        device = SimDevice(self._settings.unit, (bits, bits, words, words), action=self._handle_request)
        server = ModbusTcpServer(device, address=("127.0.0.1", self._port))
        await server.serve_forever(background=True)
        self._server = server
        assert isinstance(server.transport, asyncio.Server)
        self._port = int(server.transport.sockets[0].getsockname()[1])

    async def _hang_up(self) -> None:
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus types it not
            self._server = None


async def _cancel_tasks() -> None:
    """Cancel the loop's other tasks, and wait for them."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)
