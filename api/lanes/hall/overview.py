"""The hall, as supervisors see it: the status of lanes, commands to them, waiting cases, officers at work.

Nothing here opens a gate: a lane that is commanded to open serves passengers again, by its own rules.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.faces import images
from api.lanes.hall import lane_states, requests
from api.lanes.hall.lane_states import HallPoint, LaneStatus, OfficerAtWork
from api.lanes.hall.status_report import StatusReport, WantedState
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.database.tables import LaneCommandRow, LaneRequestRow, LaneStatusRow, ReferralRow
from api.platform.events import Broker, Event
from api.platform.settings import Settings
from api.review import accuracy_records, shifts
from api.review.cases import queue
from api.review.cases.steps import Stage

log = structlog.get_logger(__name__)

_KEEP_EVERY = timedelta(seconds=5)
"""How often an unchanged status is stored: a hundred lanes must not keep the database busy."""


@dataclass(frozen=True, slots=True)
class WaitingCounts:
    waiting: int
    longest_s: int | None
    escalated: int
    second: int
    unanswerable: int


@dataclass(frozen=True, slots=True)
class Hall:
    at: datetime
    lanes: tuple[LaneStatus, ...]
    waiting: WaitingCounts
    staff: tuple[OfficerAtWork, ...]
    points: tuple[HallPoint, ...]
    faces: int
    """How many passages the desk holds faces of."""
    faces_warning: int
    quality_alarms: int
    silent_after: timedelta
    stretch: timedelta

    def is_silent(self, lane: LaneStatus) -> bool:
        """Whether the lane has not reported for a while, or ever."""
        return lane.at is None or self.at - lane.at > self.silent_after


@dataclass(frozen=True, slots=True)
class HallControl:
    settings: Settings
    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def take_status(
        self, lane: str, status: StatusReport
    ) -> tuple[LaneCommandRow | None, LaneRequestRow | None]:
        """Store a lane's status; return the last command to it, and a request that it has not taken up."""
        now = self.clock()
        with self.database.read() as session:
            before, command = session.get(LaneStatusRow, lane), session.get(LaneCommandRow, lane)
            request = requests.request_to(session, lane, at=now)
        last = StatusReport.model_validate_json(before.told) if before else None
        looks_new = last is None or _visible_part(last) != _visible_part(status)
        if looks_new or before is None or now - before.received_at >= _KEEP_EVERY:
            with self.database.write(turn=False) as session:
                lane_states.keep_status(session, lane, status, at=self.clock())
        if looks_new:
            self.broker.publish(Event("lane.changed", lane))
        taken = request is not None and request.number <= status.asked
        return command, None if taken else request

    def command(self, lane: str, wanted: WantedState, officer: SignedInOfficer) -> None:
        """Command one lane. Raises LaneUnknownError."""
        with self.database.write() as session:
            new = lane_states.give_command(session, lane, wanted, officer.pseudonym, at=self.clock())
        if new:
            self._publish([lane], wanted, officer)

    def stop_all(self, officer: SignedInOfficer) -> int:
        """Stop every lane of the hall; return to how many this was new."""
        with self.database.write() as session:
            lanes = [
                lane
                for lane in lane_states.lane_names(session)
                if lane_states.give_command(session, lane, "stopped", officer.pseudonym, at=self.clock())
            ]
        self._publish(lanes, "stopped", officer)
        return len(lanes)

    def hall(self) -> Hall:
        now = self.clock()
        absolute = timedelta(seconds=self.settings.session_absolute_s)
        idle = timedelta(seconds=self.settings.session_idle_s)
        with self.database.read() as session:
            return Hall(
                now,
                tuple(lane_states.lanes(session)),
                _waiting(session, now),
                tuple(lane_states.at_work(session, at=now, absolute=absolute, idle=idle)),
                tuple(lane_states.points(session, at=now)),
                images.held(session),
                self.settings.faces_warning,
                accuracy_records.count_alarms(session),
                timedelta(seconds=self.settings.lane_silent_after_s),
                timedelta(minutes=self.settings.stretch_minutes),
            )

    def _publish(self, lanes: list[str], wanted: WantedState, officer: SignedInOfficer) -> None:
        for lane in lanes:
            log.warning("lane.commanded", lane=lane, wanted=wanted, officer=officer.pseudonym)
            self.broker.publish(Event("lane.changed", lane))


def _waiting(session: Session, now: datetime) -> WaitingCounts:
    query = select(ReferralRow.opened_at, ReferralRow.escalated_at, ReferralRow.stage)
    rows = session.execute(query.where(queue.is_waiting())).all()
    longest = max((now - row.opened_at for row in rows), default=None)
    return WaitingCounts(
        waiting=len(rows),
        longest_s=None if longest is None else max(0, int(longest.total_seconds())),
        escalated=sum(row.escalated_at is not None for row in rows),
        second=sum(row.stage != Stage.FIRST for row in rows),
        unanswerable=len(shifts.unanswerable(session, at=now)),
    )


def _visible_part(status: StatusReport) -> tuple[object, ...]:
    """The part of a status whose change a supervisor must see at once; lost frames are not."""
    reconnects = status.camera.counts.reconnects if status.camera.counts else 0
    return (
        status.state,
        status.camera.health,
        reconnects,
        status.about,
        status.obeyed,
        status.outbox > 0,
        status.gate,
    )
