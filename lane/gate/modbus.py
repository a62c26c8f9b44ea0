"""A gate whose relays stand behind Modbus TCP. See `lane.gate.port.Gate`.

A thread of its own reads the inputs, keeps the box's watchdog alive and shuts the doors where the lane's flow
falls silent. What fails leaves the doors shut as far as one can: they are told to, and where nobody hears it,
the box's own timer does it. A fire alarm alone opens them without the lane's flow.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from lane.decision.reason_codes import Code
from lane.decision.referral import PassageId
from lane.gate.light_beams import Crossing, Passing
from lane.gate.modbus_relays import Relays
from lane.gate.port import GateEvent
from lane.gate.sensors import Sample, Sensors
from lane.gate.settings import GateSettings
from lane.platform.clock import Clock
from lane.platform.errors import GateFaultError

log = logging.getLogger(__name__)

UNREACHABLE = "unreachable"
BOUND_S = 0.6
"""So long may the box be talked to in one go; after it, one answer more may still be waited for."""
BLIND_S = 0.5
"""Nobody walks through a doorway in less: a gate whose sensors were not read for so long was not watched."""
BEATS = 5
MOST_EVENTS = 256
REPEAT_S = 5.0
"""The same event so soon after is the same."""
LONGEST_PAUSE_S = 2.0
"""Between two tries to reach the box again."""


@dataclass(slots=True)
class _Opening:
    """One passenger is let through. `asked_s`: when the lane's flow last asked how it goes."""

    crossing: Crossing
    asked_s: float
    passing: Passing = Passing.NOT_YET
    told: Passing = Passing.NOT_YET
    """What the lane's flow was told last."""
    fault: str | None = None
    seen_s: float = field(default_factory=time.monotonic)
    shuts_until_s: float | None = None
    """An airlock's entry door, on its way."""


class ModbusGate:
    """One box. Use it as a context: what stops, stops with its doors shut."""

    def __init__(self, settings: GateSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._relays = Relays(settings.host, settings.port, settings.unit, settings.timeout_s)
        self._inputs, self._doors = settings.inputs(), settings.doors()
        self._sensors = Sensors(settings.object_after_s, settings.shuts_within_s)
        self._turn = threading.Condition()
        self._seen: deque[GateEvent] = deque(maxlen=MOST_EVENTS)
        self._noted_s: dict[tuple[Code, str], float] = {}
        self._lost: str | None = "not asked yet"
        self._opened: set[str] = set()
        """Doors that were told to open, or may have heard it."""
        self._shut: dict[str, bool] = {}
        self._alarming = False
        """Whether the last look saw an alarm: once is enough to open no door."""
        self._opening: _Opening | None = None
        self._leaving: Crossing | None = None
        """Of the passenger who is through, while the door shuts."""
        self._beat_s, self._beat = 0.0, False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="gate", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        with self._told_only(), self._talking():
            if not self._sensors.fire:
                self._shut_doors()

    # --- the port

    def open(self, passage: PassageId) -> None:
        """See `lane.gate.port.Gate.open`: the only way to a door, a fire alarm apart."""
        with self._talking():
            self._look()
            refusal = self._refusal()
            if refusal is not None:
                raise GateFaultError(f"the gate does not open for {passage}: {refusal}")
            self._keep_alive(time.monotonic(), at_once=True)
            self._opening = _Opening(Crossing(self._settings.gap_s), time.monotonic())
            self._leaving = None
            self._set(next(iter(self._doors)), on=True)

    def wait_passed(self, timeout_s: float) -> Passing:
        """See `lane.gate.port.Gate.wait_passed`; returns early once there is something to tell."""
        with self._turn:
            opening = self._opening
            if opening is None:
                raise GateFaultError("the gate is not open")
            until_s = opening.asked_s = time.monotonic()
            until_s += min(timeout_s, 1.0) if timeout_s > 0 else 0.0
            while opening.fault is None and opening.passing is Passing.NOT_YET:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    break
                self._turn.wait(left_s)
            opening.asked_s = time.monotonic()
            if opening.fault is not None:
                raise GateFaultError(opening.fault)
            opening.told = opening.passing
            return opening.told

    def close(self) -> None:
        """See `lane.gate.port.Gate.close`: the coils are read back, and the contacts waited for."""
        with self._talking():
            self._end_opening()
            self._look()
            if self._sensors.fire:
                raise GateFaultError("the fire alarm holds the doors open")
            self._shut_doors()
            self._look()  # a contact proves nothing by what it said before
        with self._turn:
            until_s = time.monotonic() + self._settings.shuts_within_s
            while not self._is_shut():
                left_s = until_s - time.monotonic()
                if left_s <= 0 or self._lost or self._sensors.fire:
                    raise GateFaultError(f"a door is not shut: {self._lost or 'its contact says so'}")
                self._turn.wait(left_s)
            self._leaving = None

    def events(self) -> tuple[GateEvent, ...]:
        """See `lane.gate.port.Gate.events`."""
        with self._turn:
            told = tuple(self._seen)
            self._seen.clear()
            return told

    def trouble(self) -> str | None:
        """See `lane.gate.port.Gate.trouble`."""
        with self._turn:
            if self._lost or not self._thread.is_alive():
                return UNREACHABLE
            return self._sensors.trouble() or (Code.DOOR_FORCED.value if self._is_held_open() else None)

    # --- the thread

    def _work(self) -> None:
        pause_s = self._settings.poll_s
        while not self._ended.wait(pause_s):
            well = self._cycle()
            pause_s = self._settings.poll_s if well else min(LONGEST_PAUSE_S, pause_s * 2)

    def _cycle(self) -> bool:
        """One look at the box; True where it answered."""
        with self._told_only(), self._talking():
            self._look()
            now_s = time.monotonic()
            self._keep_alive(now_s)
            if self._sensors.fire:
                self._open_all()
            elif self._opening is not None:
                self._follow(self._opening, now_s)
            elif self._opened:
                self._shut_doors()
        return self._lost is None

    def _follow(self, opening: _Opening, now_s: float) -> None:
        """An opening nobody asks for is none; an airlock's second door opens once the first is shut."""
        if now_s - opening.asked_s > self._settings.watchdog_s:
            opening.fault = "the lane's flow asks nothing: its doors are shut"
        if opening.fault is not None:
            self._shut_doors()
        elif opening.shuts_until_s is not None:
            if self._shut["entry"]:
                opening.shuts_until_s = None
                self._set("exit", on=True)
            elif now_s > opening.shuts_until_s:
                opening.fault = "the entry door does not shut"
        elif "entry" in self._opened and opening.crossing.inside:
            self._set("entry", on=False)
            opening.shuts_until_s = now_s + self._settings.shuts_within_s

    def _keep_alive(self, now_s: float, *, at_once: bool = False) -> None:
        """Change the watchdog coil, unless a door is open that the lane's flow does not ask for."""
        opening = self._opening
        silent = opening is not None and now_s - opening.asked_s > self._settings.watchdog_s
        dead = silent or self._is_held_open()
        due = now_s - self._beat_s >= self._settings.watchdog_s / BEATS
        if (due or at_once) and not dead:
            self._beat = not self._beat
            self._relays.write(self._settings.watchdog, on=self._beat)
            self._beat_s = now_s

    def _look(self) -> None:
        """Read all inputs, and take in what they mean."""
        first = min(self._inputs.values())
        bits = self._relays.inputs(first, max(self._inputs.values()) - first + 1)
        on = {
            name: bits[number - first] is not (name in self._settings.inverted)
            for name, number in self._inputs.items()
        }
        now_s = time.monotonic()
        if self._lost is not None and not (on.get("fire", False) or self._sensors.fire):
            self._shut_doors()  # nobody knows what the box did meanwhile
        self._reached()
        self._shut = {door: on.get(f"{door}_shut", door not in self._opened) for door in self._doors}
        alarms = {name: on.get(name, False) for name in ("emergency", "fire", "by_hand")}
        self._alarming = any(alarms.values())
        sample = Sample(on["entry_beam"], on["exit_beam"], self._shut, **alarms)
        opened, passing = frozenset(self._opened), self._opening is not None
        for code, detail in self._sensors.see(sample, opened=opened, passing=passing, at_s=now_s):
            self._note(code, detail)
        self._see_beams(sample, now_s)

    def _see_beams(self, sample: Sample, now_s: float) -> None:
        opening, entry, exit_ = self._opening, sample.entry_beam, sample.exit_beam
        if opening is not None:
            if now_s - opening.seen_s > BLIND_S:
                opening.fault = "the sensors were not read while a door stood open"
            opening.seen_s = now_s
            opening.passing = opening.crossing.see(entry=entry, exit_=exit_, at_s=now_s)
            if self._sensors.trouble() is not None:
                opening.fault = f"not while there is {self._sensors.trouble()}"
        leaving = self._leaving
        if leaving is not None and leaving.see(entry=entry, exit_=exit_, at_s=now_s) is Passing.FOLLOWED:
            self._leaving = None
            self._note(Code.TAILGATING, "while the door shut")

    # --- doors

    def _set(self, door: str, *, on: bool) -> None:
        """Tell one door, and read back that it heard. Raises GateFaultError."""
        if on:
            self._opened.add(door)
        self._relays.write(self._doors[door], on=on)
        if self._relays.coil(self._doors[door]) is not on:
            raise GateFaultError(f"the {door} door's relay does not hold")
        if not on:
            self._opened.discard(door)

    def _shut_doors(self) -> None:
        """Each of them, whatever becomes of the other. Raises GateFaultError."""
        faults = []
        for door in self._doors:
            try:
                self._set(door, on=False)
            except GateFaultError as error:
                faults.append(error)
        if faults:
            raise faults[0]

    def _open_all(self) -> None:
        for door in self._doors.keys() - self._opened:
            self._set(door, on=True)

    def _is_shut(self) -> bool:
        return not self._opened and self._shut.keys() == self._doors.keys() and all(self._shut.values())

    def _is_held_open(self) -> bool:
        """Whether a door was told to shut and did not hear it: nobody is let through, there is no fire."""
        return bool(self._opened) and self._opening is None and not self._sensors.fire

    def _refusal(self) -> str | None:
        """Why no door may open now."""
        if self._ended.is_set() or not self._thread.is_alive():
            return "nobody reads its sensors"
        if self._alarming:
            return "an alarm is on"
        return self._sensors.trouble(to_open=True) or (None if self._is_shut() else "a door is not shut")

    def _end_opening(self) -> None:
        """Whoever comes after the passenger was told to be through is looked for until the door is shut."""
        opening, self._opening = self._opening, None
        if opening is not None and opening.told is Passing.PASSED:
            self._leaving = opening.crossing

    # --- the connection

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Alone with the box, for a bounded time. Whatever fails is a fault, and ends the opening."""
        with self._turn:
            self._relays.within(BOUND_S)
            try:
                yield
            except GateFaultError as error:
                self._failed(error)
                raise
            except Exception as error:
                self._relays.close()
                self._failed(error)
                raise GateFaultError(f"the gate failed: {type(error).__name__}") from error
            finally:
                if self._ended.is_set():
                    self._relays.close()
                self._turn.notify_all()

    def _failed(self, error: Exception) -> None:
        if self._opening is not None and self._opening.fault is None:
            self._opening.fault = str(error)
        if not self._relays.connected:
            if self._lost is None:
                log.error("the gate's relay box is lost: %s", error)
            self._lost = str(error)

    def _reached(self) -> None:
        if self._lost is not None:
            log.warning("the gate's relay box is reached")
        self._lost = None

    @contextmanager
    def _told_only(self) -> Iterator[None]:
        """For the thread, whom nobody asks: the opening and `trouble` know of the fault."""
        try:
            yield
        except GateFaultError as error:
            log.info("the gate's relay box: %s", error)

    def _note(self, code: Code, detail: str) -> None:
        """A contact that bounces for hours fills no ledger."""
        now_s, last_s = time.monotonic(), self._noted_s.get((code, detail), -REPEAT_S)
        if now_s - last_s >= REPEAT_S:
            self._noted_s[code, detail] = now_s
            self._seen.append(GateEvent(code, self._clock.now(), detail))
