"""The hall, as supervisors watch it: what lanes tell, what is wanted of them, who waits and who works.

Nothing in here opens a gate: a lane that is told to open serves again, by its own rules.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from api.faces import images as faces
from api.lanes.hall import lane_states as hall
from api.lanes.hall import stored_requests
from api.lanes.hall.lane_states import AtWork, Command, Heard, Point
from api.lanes.hall.status_report import StatusReport, Wanted
from api.lanes.hall.stored_requests import Request
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.events import Broker, Event
from api.platform.settings import Settings
from api.review import accuracy_records, shifts

log = structlog.get_logger(__name__)

_KEEP_EVERY = timedelta(seconds=5)
"""A lane that tells the same is noted this often: a hundred lanes must not keep the database busy."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits for an officer."""

    waiting: int
    longest_s: int | None
    escalated: int
    second: int
    unanswerable: int


@dataclass(frozen=True, slots=True)
class Hall:
    """The hall at one moment."""

    at: datetime
    lanes: tuple[Heard, ...]
    waiting: Waiting
    staff: tuple[AtWork, ...]
    points: tuple[Point, ...]
    faces: int
    """Of so many passages the desk holds faces."""
    faces_warning: int
    quality_alarms: int
    silent_after: timedelta
    stretch: timedelta

    def is_silent(self, lane: Heard) -> bool:
        """Whether nothing was heard of it for a while, or ever."""
        return lane.at is None or self.at - lane.at > self.silent_after


@dataclass(frozen=True, slots=True)
class Watching:
    """The use cases around lanes' status and supervisors' commands."""

    settings: Settings
    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def take_status(self, lane: str, told: StatusReport) -> tuple[Command, Request | None]:
        """Note how a lane stands; return what is wanted of it, and asked of it for one passenger."""
        now = self.clock()
        with self.database.read() as session:
            before, command = hall.status_of(session, lane), hall.command_to(session, lane)
            asked = stored_requests.of(session, lane, at=now)
        looks_new = before is None or _seen(before[1]) != _seen(told)
        if looks_new or before is None or now - before[0] >= _KEEP_EVERY:
            with self.database.write(turn=False) as session:
                hall.keep_status(session, lane, told, at=self.clock())
        if looks_new:
            self.broker.publish(Event("lane.changed", lane))
        taken = asked is not None and asked.number <= told.asked
        return command, None if taken else asked

    def command(self, lane: str, wanted: Wanted, officer: SignedInOfficer) -> None:
        """Want something of one lane. Raises LaneUnknownError."""
        with self.database.write() as session:
            new = hall.command(session, lane, wanted, officer.pseudonym, at=self.clock())
        if new:
            self._tell([lane], wanted, officer)

    def stop_all(self, officer: SignedInOfficer) -> int:
        """Shut every gate of the hall; return how many lanes were told."""
        with self.database.write() as session:
            told = hall.command_all(session, "stopped", officer.pseudonym, at=self.clock())
        self._tell(told, "stopped", officer)
        return len(told)

    def hall(self) -> Hall:
        """Everything that a supervisor sees at once."""
        now = self.clock()
        absolute = timedelta(seconds=self.settings.session_absolute_s)
        idle = timedelta(seconds=self.settings.session_idle_s)
        with self.database.read() as session:
            return Hall(
                now,
                tuple(hall.lanes(session)),
                _waiting(session, now),
                tuple(hall.at_work(session, at=now, absolute=absolute, idle=idle)),
                tuple(hall.points(session, at=now)),
                faces.held(session),
                self.settings.faces_warning,
                accuracy_records.count_alarms(session),
                timedelta(seconds=self.settings.lane_silent_after_s),
                timedelta(minutes=self.settings.stretch_minutes),
            )

    def _tell(self, lanes: list[str], wanted: Wanted, officer: SignedInOfficer) -> None:
        for lane in lanes:
            log.warning("lane.commanded", lane=lane, wanted=wanted, officer=officer.pseudonym)
            self.broker.publish(Event("lane.changed", lane))


def _waiting(session: Session, now: datetime) -> Waiting:
    seconds = [max(0, int((now - one).total_seconds())) for one in hall.waiting_since(session)]
    escalated, again = hall.asked_more(session)
    nobody = len(shifts.unanswerable(session, at=now))
    return Waiting(len(seconds), max(seconds, default=None), escalated, again, nobody)


def _seen(told: StatusReport) -> tuple[object, ...]:
    """What a supervisor would see change; pictures that a camera lost wait for the next look."""
    reconnects = told.camera.counts.reconnects if told.camera.counts else 0
    return told.state, told.camera.health, reconnects, told.about, told.obeyed, told.outbox > 0, told.gate
