"""A gate whose relays are driven over Modbus TCP. See `lane.gate.port.Gate`.

A thread of its own reads the inputs, keeps the box's watchdog alive and shuts the doors where the lane's flow
is silent. After a fault the doors are commanded to shut; where that command is lost, the box's own timer
shuts them. Only a fire alarm opens them without the lane's flow.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from lane.decision.reason_codes import Code
from lane.decision.referral import PassageId
from lane.gate.light_beams import Crossing, Passing
from lane.gate.modbus_relays import Relays
from lane.gate.port import GateEvent
from lane.gate.sensors import Sample, Sensors
from lane.gate.settings import ALARMS, GateSettings
from lane.platform.clock import Clock
from lane.platform.errors import GateFaultError

log = logging.getLogger(__name__)

UNREACHABLE = "unreachable"
BOUND_S = 0.6
"""The time for one exchange with the box; one answer more may still be waited for after it."""
BLIND_S = 0.5
"""A person needs longer for a doorway: a gate whose sensors were not read for so long was not watched."""
BEATS = 5
MOST_EVENTS = 256
REPEAT_S = 5.0
"""The same event so soon after is the same."""
LONGEST_PAUSE_S = 2.0
"""Between two tries to reach the box again."""


@dataclass(slots=True)
class _Opening:
    """One opening for a passenger. `asked_s`: when the lane's flow last asked for its progress."""

    crossing: Crossing
    asked_s: float
    passing: Passing = Passing.NOT_YET
    reported: Passing = Passing.NOT_YET
    """What the lane's flow was answered last."""
    fault: str | None = None
    seen_s: float = field(default_factory=time.monotonic)
    shuts_until_s: float | None = None
    """An airlock's entry door, on its way."""


class ModbusGate:
    """One box. Use it as a context: what stops, stops with its doors shut."""

    def __init__(self, settings: GateSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._relays = Relays(settings)
        self._doors = settings.doors()
        self._sensors = Sensors(settings.object_after_s, settings.shuts_within_s)
        self._changed = threading.Condition()
        self._events: deque[GateEvent] = deque(maxlen=MOST_EVENTS)
        self._event_at_s: dict[tuple[Code, str], float] = {}
        self._lost: str | None = "not asked yet"
        self._opened: set[str] = set()
        """Doors that were commanded to open, also where the command may be lost."""
        self._shut: dict[str, bool] = {}
        self._alarming = False
        """Whether the last reading had an alarm: once is enough to open no door."""
        self._opening: _Opening | None = None
        self._leaving: Crossing | None = None
        """Of the passenger who is through, while the door shuts."""
        self._beat_s, self._beat = 0.0, False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="gate", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        with self._faults_logged(), self._exchange():
            if not self._sensors.fire:
                self._shut_doors()

    # --- the port

    def open(self, passage: PassageId) -> None:
        """See `lane.gate.port.Gate.open`: the only way to a door, a fire alarm apart."""
        with self._exchange():
            self._read_inputs()
            refusal = self._refusal()
            if refusal is not None:
                raise GateFaultError(f"the gate does not open for {passage}: {refusal}")
            self._keep_alive(time.monotonic(), at_once=True)
            self._opening = _Opening(Crossing(self._settings.gap_s), time.monotonic())
            self._leaving = None
            self._set(next(iter(self._doors)), on=True)

    def wait_passed(self, timeout_s: float) -> Passing:
        """See `lane.gate.port.Gate.wait_passed`; returns early once there is something to tell."""
        with self._changed:
            opening = self._opening
            if opening is None:
                raise GateFaultError("the gate is not open")
            until_s = opening.asked_s = time.monotonic()
            until_s += min(timeout_s, 1.0) if timeout_s > 0 else 0.0
            while opening.fault is None and opening.passing is Passing.NOT_YET:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            opening.asked_s = time.monotonic()
            if opening.fault is not None:
                raise GateFaultError(opening.fault)
            opening.reported = opening.passing
            return opening.reported

    def close(self) -> None:
        """See `lane.gate.port.Gate.close`: the coils are read back, and the contacts waited for."""
        with self._exchange():
            self._end_opening()
            self._read_inputs()
            if self._sensors.fire:
                raise GateFaultError("the fire alarm holds the doors open")
            self._shut_doors()
            self._read_inputs()  # a contact proves nothing by what it said before
        with self._changed:
            until_s = time.monotonic() + self._settings.shuts_within_s
            while not self._is_shut():
                left_s = until_s - time.monotonic()
                if left_s <= 0 or self._lost or self._sensors.fire:
                    raise GateFaultError(f"a door is not shut: {self._lost or 'its contact says so'}")
                self._changed.wait(left_s)
            self._leaving = None

    def events(self) -> tuple[GateEvent, ...]:
        with self._changed:
            reported = tuple(self._events)
            self._events.clear()
            return reported

    def trouble(self) -> str | None:
        with self._changed:
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
        """One exchange with the box; True where it answered."""
        with self._faults_logged(), self._exchange():
            self._read_inputs()
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
        """End an opening that the flow has left; open an airlock's second door once the first is shut."""
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

    def _read_inputs(self) -> None:
        on = self._relays.inputs()
        now_s = time.monotonic()
        if self._lost is not None:
            if not (on.get("fire", False) or self._sensors.fire):
                self._shut_doors()  # nobody knows what the box did meanwhile
            log.warning("the gate's relay box is reached")
            self._lost = None
        self._shut = {door: on.get(f"{door}_shut", door not in self._opened) for door in self._doors}
        alarms = {name: on.get(name, False) for name in ALARMS}
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
        """Command one door, and read its coil back. Raises GateFaultError."""
        if on:
            self._opened.add(door)
        self._relays.write(self._doors[door], on=on)
        if self._relays.coil(self._doors[door]) is not on:
            raise GateFaultError(f"the {door} door's relay does not hold")
        if not on:
            self._opened.discard(door)

    def _shut_doors(self) -> None:
        """Command each door to shut, whatever happens to the others. Raises GateFaultError."""
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
        """Whether a door is still open without an opening and without a fire."""
        return bool(self._opened) and self._opening is None and not self._sensors.fire

    def _refusal(self) -> str | None:
        if self._ended.is_set() or not self._thread.is_alive():
            return "nobody reads its sensors"
        if self._alarming:
            return "an alarm is on"
        return self._sensors.trouble(to_open=True) or (None if self._is_shut() else "a door is not shut")

    def _end_opening(self) -> None:
        """End the opening; until the door is shut, followers of a passenger who is through are looked for."""
        opening, self._opening = self._opening, None
        if opening is not None and opening.reported is Passing.PASSED:
            self._leaving = opening.crossing

    # --- the connection

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        """An exclusive exchange with the box, for a bounded time. A fault ends the opening."""
        with self._changed:
            self._relays.within(BOUND_S)
            try:
                yield
            except GateFaultError as error:
                self._note_failure(error)
                raise
            except Exception as error:  # fail closed: the opening ends, and the connection is made anew
                self._relays.close()
                self._note_failure(error)
                raise GateFaultError(f"the gate failed: {type(error).__name__}") from error
            finally:
                if self._ended.is_set():
                    self._relays.close()
                self._changed.notify_all()

    def _note_failure(self, error: Exception) -> None:
        if self._opening is not None and self._opening.fault is None:
            self._opening.fault = str(error)
        if not self._relays.connected:
            if self._lost is None:
                log.error("the gate's relay box is lost: %s", error)
            self._lost = str(error)

    @contextmanager
    def _faults_logged(self) -> Iterator[None]:
        """Log faults of the thread's own exchanges: the opening and `trouble` keep them."""
        try:
            yield
        except GateFaultError as error:
            log.info("the gate's relay box: %s", error)

    def _note(self, code: Code, detail: str) -> None:
        """Note an event, once in `REPEAT_S`: a contact that bounces for hours must not fill the ledger."""
        now_s, last_s = time.monotonic(), self._event_at_s.get((code, detail), -REPEAT_S)
        if now_s - last_s >= REPEAT_S:
            self._event_at_s[code, detail] = now_s
            self._events.append(GateEvent(code, self._clock.now(), detail))
