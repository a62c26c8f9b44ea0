"""The gate as a passage uses it: opened once, watched, shut and proved shut; sensors' events are recorded.

Nothing here decides. The gate opens only for a passage in its open state, which is in the ledger before.
After an emergency stop or a fire alarm nobody is served until a supervisor opens the lane anew.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lane.decision.passage_states import Step
from lane.decision.reason_codes import Code
from lane.decision.referral import PassageId
from lane.desk.command_handler import CommandHandler
from lane.desk.status_reporter import StatusReporter
from lane.gate.light_beams import Passing
from lane.gate.port import Gate, GateEvent
from lane.gate.sensors import FIRE
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import Clock
from lane.platform.errors import GateFaultError

log = logging.getLogger(__name__)
Given = TypeVar("Given")
Answered = TypeVar("Answered")

EVENT = "lane.event"
ALARM = "lane.alarm"
TRIES = 3
POLL_S = 0.25
"""How often, while the gate is open, a supervisor's command is looked for."""
_CODES = {Passing.FOLLOWED: Code.TAILGATING, Passing.TURNED_BACK: Code.TURNED_BACK}
OUT_OF_ORDER = "unreachable"


@dataclass(frozen=True, slots=True)
class GateResult:
    """How an opening went. `step` ends the passage; `closed`: the gate is proved to be shut."""

    opened: bool
    closed: bool
    step: Step


class Doorway:
    def __init__(
        self,
        gate: Gate,
        journal: SqliteJournal,
        clock: Clock,
        commands: CommandHandler,
        status_reporter: StatusReporter,
        timeout_s: float,
    ) -> None:
        self._gate, self._journal, self._clock = gate, journal, clock
        self._commands, self._reporter, self._timeout_s = commands, status_reporter, timeout_s
        self._alarm: Mapping[str, Any] | None = None
        self._objects: list[GateEvent] = []
        self._unwritten: list[tuple[GateEvent, PassageId | None]] = []
        self._unread = False
        """Whether events could not be read, and no reading between passengers has succeeded since."""

    def start(self) -> None:
        """Shut the gate, and take up an alarm that nobody has lifted. Raises GateFaultError.

        An alarm that keeps it open is recorded before that error.
        """
        last = self._journal.last(ALARM)
        self._alarm = last if last is not None and last["on"] else None
        try:
            self._gate.close()
        except GateFaultError:
            self.read_events()
            raise

    @property
    def alarmed(self) -> bool:
        """Whether an emergency stop or a fire alarm has put the lane out of service."""
        return self._alarm is not None

    def read_events(self, passage: PassageId | None = None) -> tuple[Code, ...]:
        """Record what the sensors saw since the last call; `passage` is the one under way."""
        try:
            events = self._gate.events()
        except Exception as error:  # fail closed: nobody is served until events can be read
            log.error("the gate does not tell what it saw", exc_info=error)
            self._unread = True
            return ()
        self._unread = self._unread and passage is not None  # what was lost may have been in this passage
        events = self._left_behind(events, passage)
        self._record(events, passage)
        return tuple(event.code for event in events)

    def _left_behind(self, events: tuple[GateEvent, ...], passage: PassageId | None) -> tuple[GateEvent, ...]:
        """A passenger who waits in a beam is no object; what is there after the passage is one."""
        objects = [event for event in events if event.code is Code.OBJECT_LEFT]
        self._objects = (self._objects + objects)[-1:]
        others = tuple(event for event in events if event.code is not Code.OBJECT_LEFT)
        if passage is not None or not self._objects:
            return others
        left, self._objects = tuple(self._objects), []
        return others + left if objects or self._trouble() == Code.OBJECT_LEFT.value else others

    def is_ready(self) -> bool:
        """Whether a passenger may be served: no alarm, and a gate that is shut and in order."""
        trouble = self._trouble()
        if self._alarm is not None and trouble is None:
            self._lift_alarm()
        why = trouble if self._alarm is None else str(self._alarm["because"])
        self._reporter.note_gate(why)
        return why is None

    def let_through(self, passage: PassageId) -> GateResult:
        """Open, watch, shut. Whatever fails is a fault of the gate, and it is shut in any case."""
        opened, step = False, Step.GATE_FAULT
        try:
            unknown = self._read_events_or_fail(passage)  # what was seen after the decision keeps it shut
            if not (unknown or self._commands.stopped or self.alarmed):
                self._call("open", self._gate.open, passage)
                opened = True
            step = self._watch(passage) if opened else Step.INTERRUPTED
        except GateFaultError as error:
            log.error("gate fault in passage %s: %s", passage, error)
        finally:
            closed = self.shut()
        self.read_events(passage)
        return GateResult(opened, closed, step if closed else Step.GATE_FAULT)

    def _read_events_or_fail(self, passage: PassageId) -> tuple[Code, ...]:
        """Raises GateFaultError where events since the passage began could not be read."""
        codes = self.read_events(passage)
        if self._unread:
            raise GateFaultError("the gate does not tell what it saw")
        return codes

    def _watch(self, passage: PassageId) -> Step:
        """Wait until the passenger is through, time is up, or something forbids an open gate."""
        for _ in range(max(1, round(self._timeout_s / POLL_S))):
            if self._commands.stopped or self.alarmed:
                break
            passing = self._call("wait", self._gate.wait_passed, POLL_S)
            self._read_events_or_fail(passage)
            if passing is Passing.PASSED:
                return Step.PASSED_THROUGH
            if passing in _CODES:
                self._record((GateEvent(_CODES[passing], self._clock.now()),), passage)
                break
        return Step.INTERRUPTED

    def _call(self, what: str, call: Callable[[Given], Answered], given: Given) -> Answered:
        """Whatever a gate raises is a fault of the gate."""
        try:
            return call(given)
        except GateFaultError:
            raise
        except Exception as error:  # fail closed: let_through ends, and shuts the gate
            raise GateFaultError(f"{what}: {type(error).__name__}") from error

    def shut(self) -> bool:
        """Whether it is proved to be shut, after some tries."""
        for _ in range(TRIES):
            try:
                self._gate.close()
            except Exception as error:  # whatever it is, the gate is not proved to be shut
                log.critical("the gate does not close: %s", error, exc_info=error)
            else:
                return True
        return False

    def _trouble(self) -> str | None:
        try:
            return OUT_OF_ORDER if self._unread else self._gate.trouble()
        except Exception as error:  # fail closed: a gate of unknown state serves nobody
            log.error("the gate does not tell how it stands", exc_info=error)
            return OUT_OF_ORDER

    def _record(self, events: tuple[GateEvent, ...], passage: PassageId | None) -> None:
        """Record events; those that cannot be written now are written with the next."""
        self._unwritten.extend((event, passage) for event in events)
        while self._unwritten:
            event, seen_in = self._unwritten[0]
            alarm = self._alarm_of(event)
            fact = {"code": event.code.value, "at": event.at.isoformat(), "detail": event.detail}
            drafts = [Draft(EVENT, {**fact, "passage": seen_in})] + ([Draft(ALARM, alarm)] if alarm else [])
            self._journal.record(drafts, at=self._clock.now())
            self._alarm = alarm or self._alarm
            self._unwritten.pop(0)
            self._reporter.note_event(event.code)
            log.warning("%s at the gate %s", event.code, event.detail)

    def _alarm_of(self, event: GateEvent) -> Mapping[str, Any] | None:
        """The alarm that an event raises, None for none; fire outweighs the rest."""
        if event.code is not Code.EMERGENCY_STOP or (self._alarm is not None and event.detail != FIRE):
            return None
        why = event.detail or event.code.value
        return {"on": True, "because": why, "command": self._reporter.command.number}

    def _lift_alarm(self) -> None:
        """Lift the alarm, once a supervisor opened the lane after it and the gate is in order."""
        command = self._commands.obeyed
        if self._alarm is None or not self._commands.serves or command.number <= self._alarm["command"]:
            return
        lifted = {"on": False, "because": self._alarm["because"], "command": command.number}
        self._journal.record([Draft(ALARM, lifted)], at=self._clock.now())
        self._alarm = None
        log.warning("the alarm is lifted by a supervisor")
