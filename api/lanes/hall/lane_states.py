"""The last status of each lane, the command to it, and its passages by the minute.

A status is overwritten by the next one. A command is an entry of the ledger.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.lanes import tokens
from api.lanes.hall.status_report import StatusReport, WantedState
from api.ledger import chain
from api.people.roles import Task, having
from api.platform.database.tables import (
    LaneCommandRow,
    LaneMinuteRow,
    LaneRow,
    LaneStatusRow,
    OfficerRow,
    ReferralRow,
    SessionRow,
    ShiftRow,
)
from api.platform.errors import LaneUnknownError
from api.review.cases import queue

COMMANDED = "lane.commanded"
UNCOMMANDED: WantedState = "open"
"""What is wanted of a lane to which no command was given."""
WINDOW = timedelta(hours=2)
STEP = timedelta(minutes=10)
_KEPT = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """A lane, its last status and when it was received, and the last command to it, if there was one."""

    lane: str
    at: datetime | None
    status: StatusReport | None
    command: LaneCommandRow | None
    waits_since: datetime | None

    @property
    def wanted(self) -> str:
        return self.command.wanted if self.command else UNCOMMANDED


@dataclass(frozen=True, slots=True)
class OfficerAtWork:
    """An officer who is signed in, and since when without a break."""

    officer: str
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class HallPoint:
    """Passages within ten minutes, and how long 95 of 100 waited for an officer's answer."""

    at: datetime
    passages: int
    referred: int
    p95_s: float | None


def keep_status(session: Session, lane: str, status: StatusReport, *, at: datetime) -> None:
    """Overwrite the status of a lane, also where its first two come at the same moment."""
    columns = {"received_at": at, "told": status.model_dump_json()}
    if _overwritten(session, lane, columns):
        return
    try:
        with session.begin_nested():
            session.add(LaneStatusRow(lane=lane, **columns))
    except IntegrityError:
        _overwritten(session, lane, columns)


def _overwritten(session: Session, lane: str, columns: Mapping[str, Any]) -> bool:
    changed = session.execute(update(LaneStatusRow).where(LaneStatusRow.lane == lane).values(**columns))
    return isinstance(changed, CursorResult) and changed.rowcount == 1


def give_command(session: Session, lane: str, wanted: WantedState, officer: str, *, at: datetime) -> bool:
    """Command a lane; False where that is wanted already. Raises LaneUnknownError."""
    if lane not in lane_names(session):
        raise LaneUnknownError
    before = session.get(LaneCommandRow, lane)
    if wanted == (before.wanted if before else UNCOMMANDED):
        return False
    number = before.number + 1 if before else 1
    session.merge(LaneCommandRow(lane=lane, number=number, wanted=wanted, by=officer, at=at))
    session.flush()
    body = {"lane": lane, "command": number, "wanted": wanted, "officer": officer}
    chain.append(session, COMMANDED, body, at=at)
    return True


def count_passage(session: Session, lane: str, *, referred: bool, at: datetime, received: datetime) -> None:
    """Count one passage in its minute; one too old for the page is not counted."""
    minute = min(at, received).replace(second=0, microsecond=0)
    if minute < received - _KEPT:
        return
    row = session.get(LaneMinuteRow, (lane, minute))
    if row is None:
        session.execute(delete(LaneMinuteRow).where(LaneMinuteRow.minute < received - _KEPT))
        row = LaneMinuteRow(lane=lane, minute=minute, admitted=0, referred=0)
        session.add(row)
    row.referred += referred
    row.admitted += not referred
    session.flush()


def lanes(session: Session) -> list[LaneStatus]:
    reports = {row.lane: row for row in session.scalars(select(LaneStatusRow))}
    commands = {row.lane: row for row in session.scalars(select(LaneCommandRow))}
    oldest = select(ReferralRow.lane, func.min(ReferralRow.opened_at)).where(queue.is_waiting())
    waits = dict(session.execute(oldest.group_by(ReferralRow.lane)).all())
    found = []
    for lane in lane_names(session):
        row = reports.get(lane)
        report = StatusReport.model_validate_json(row.told) if row else None
        heard_at = row.received_at if row else None
        found.append(LaneStatus(lane, heard_at, report, commands.get(lane), waits.get(lane)))
    return found


def serving(session: Session, *, at: datetime, silent_after: timedelta) -> list[str]:
    """The lanes that let passengers in: they report, are wanted open, and are."""
    out = {"closed", "stopped", "fault"}
    return [
        lane.lane
        for lane in lanes(session)
        if lane.at is not None
        and at - lane.at <= silent_after
        and lane.wanted == "open"
        and lane.status is not None
        and lane.status.state not in out
    ]


def at_work(session: Session, *, at: datetime, absolute: timedelta, idle: timedelta) -> list[OfficerAtWork]:
    """The officers who are signed in and on no break, and when their present stretch of work began."""
    rows = session.execute(
        select(OfficerRow.pseudonym, OfficerRow.name, func.max(ShiftRow.stretch_at))
        .join(SessionRow, SessionRow.officer == OfficerRow.pseudonym)
        .join(ShiftRow, ShiftRow.officer == OfficerRow.pseudonym)
        .where(SessionRow.started_at > at - absolute, SessionRow.used_at > at - idle)
        .where(ShiftRow.ended_at.is_(None), ShiftRow.paused_at.is_(None))
        .where(OfficerRow.role.in_(sorted(having(Task.BE_MEASURED))))
        .group_by(OfficerRow.pseudonym, OfficerRow.name)
    )
    found = [OfficerAtWork(officer, name, since) for officer, name, since in rows]
    return sorted(found, key=lambda one: (one.since, one.officer))


def points(session: Session, *, at: datetime) -> list[HallPoint]:
    """The last two hours in steps of ten minutes, the oldest first; the last step is not over yet."""
    end = _step(at) + STEP
    begin = end - WINDOW
    passages: dict[datetime, list[int]] = defaultdict(lambda: [0, 0])
    minutes = select(LaneMinuteRow.minute, LaneMinuteRow.admitted, LaneMinuteRow.referred)
    for minute, admitted, referred in session.execute(minutes.where(LaneMinuteRow.minute >= begin)):
        sums = passages[_step(minute)]
        sums[0] += admitted + referred
        sums[1] += referred
    took: dict[datetime, list[float]] = defaultdict(list)
    rows = select(ReferralRow.opened_at, ReferralRow.decided_at).where(ReferralRow.decided_at >= begin)
    for opened_at, decided_at in session.execute(rows):
        if decided_at is not None:
            took[_step(decided_at)].append(max(0.0, (decided_at - opened_at).total_seconds()))
    starts = [begin + STEP * number for number in range(WINDOW // STEP)]
    return [HallPoint(one, passages[one][0], passages[one][1], p95(took[one])) for one in starts]


def p95(seconds: Iterable[float]) -> float | None:
    """The smallest of them that 95 of 100 do not exceed; None of none."""
    ordered = sorted(seconds)
    return ordered[ceil(0.95 * len(ordered)) - 1] if ordered else None


def lane_names(session: Session) -> list[str]:
    """Lanes that are not revoked, sorted by the numbers in their names: lane-2 before lane-10."""

    def in_order(lane: str) -> list[tuple[int, int | str]]:
        parts = re.split(r"(\d+)", lane)
        return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]

    names = session.scalars(select(LaneRow.id).where(tokens.MAY_DELIVER))
    return sorted(names, key=in_order)


def _step(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 10, second=0, microsecond=0)
