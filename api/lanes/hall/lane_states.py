"""How each lane stands, as it was last heard, what is wanted of it, and how much passed, by the minute.

A status is news, not a fact: it is overwritten. A command is a fact, and in the ledger.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, get_args

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.lanes.hall.status_report import StatusReport, Wanted
from api.ledger import chain
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

COMMANDED = "lane.commanded"
WINDOW = timedelta(hours=2)
STEP = timedelta(minutes=10)
_KEPT = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Command:
    """The last word to a lane; number 0 where there was none."""

    number: int = 0
    wanted: Wanted = "open"
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A lane, what it last told and when, and what is wanted of it."""

    lane: str
    at: datetime | None
    told: StatusReport | None
    command: Command
    waits_since: datetime | None


@dataclass(frozen=True, slots=True)
class AtWork:
    """An officer who is signed in, and since when without a break."""

    officer: str
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Point:
    """What passed within ten minutes, and how long 95 of 100 waited for an officer's answer."""

    at: datetime
    passages: int
    referred: int
    p95_s: float | None


def status_of(session: Session, lane: str) -> tuple[datetime, StatusReport] | None:
    """What a lane last told, and when."""
    row = session.get(LaneStatusRow, lane)
    return (row.received_at, StatusReport.model_validate_json(row.told)) if row else None


def keep_status(session: Session, lane: str, told: StatusReport, *, at: datetime) -> None:
    """Overwrite what was known of a lane, also where two of its first words come at the same moment."""
    known = {"received_at": at, "told": told.model_dump_json()}
    if _overwritten(session, lane, known):
        return
    try:
        with session.begin_nested():
            session.add(LaneStatusRow(lane=lane, **known))
    except IntegrityError:
        _overwritten(session, lane, known)


def _overwritten(session: Session, lane: str, known: Mapping[str, Any]) -> bool:
    changed = session.execute(update(LaneStatusRow).where(LaneStatusRow.lane == lane).values(**known))
    return isinstance(changed, CursorResult) and changed.rowcount == 1


def command_to(session: Session, lane: str) -> Command:
    """What is wanted of a lane."""
    row = session.get(LaneCommandRow, lane)
    return _command(row) if row else Command()


def command(session: Session, lane: str, wanted: Wanted, officer: str, *, at: datetime) -> bool:
    """Want something of a lane; False where it is wanted already. Raises LaneUnknownError."""
    if lane not in names(session):
        raise LaneUnknownError
    before = command_to(session, lane)
    if before.wanted == wanted:
        return False
    number = before.number + 1
    session.merge(LaneCommandRow(lane=lane, number=number, wanted=wanted, by=officer, at=at))
    session.flush()
    body = {"lane": lane, "command": number, "wanted": wanted, "officer": officer}
    chain.append(session, COMMANDED, body, at=at)
    return True


def command_all(session: Session, wanted: Wanted, officer: str, *, at: datetime) -> list[str]:
    """Want something of every lane; return those to which this is new."""
    return [lane for lane in names(session) if command(session, lane, wanted, officer, at=at)]


def count(session: Session, lane: str, *, referred: bool, at: datetime, received: datetime) -> None:
    """Count one passage in its minute; what is older than a page shows is not counted."""
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


def lanes(session: Session) -> list[Heard]:
    """Every lane that may deliver, in the order of the hall."""
    told = {row.lane: row for row in session.scalars(select(LaneStatusRow))}
    commands = {row.lane: _command(row) for row in session.scalars(select(LaneCommandRow))}
    waits = _oldest_waiting(session)
    found = []
    for lane in names(session):
        row = told.get(lane)
        status = StatusReport.model_validate_json(row.told) if row else None
        heard_at = row.received_at if row else None
        found.append(Heard(lane, heard_at, status, commands.get(lane, Command()), waits.get(lane)))
    return found


def serving(session: Session, *, at: datetime, silent_after: timedelta) -> list[str]:
    """The lanes that let passengers in: heard of just now, and told to be open."""
    out = {"closed", "stopped", "fault"}
    return [
        lane.lane
        for lane in lanes(session)
        if lane.at is not None
        and at - lane.at <= silent_after
        and lane.command.wanted == "open"
        and lane.told is not None
        and lane.told.state not in out
    ]


def waiting_since(session: Session) -> list[datetime]:
    """Since when each waits who waits for an officer, the oldest first."""
    waits = select(ReferralRow.opened_at).where(ReferralRow.decision.is_(None), ReferralRow.ended.is_(None))
    return list(session.scalars(waits.order_by(ReferralRow.opened_at)))


def asked_more(session: Session) -> tuple[int, int]:
    """How many wait longer than they should, and how many for a second officer or a third."""
    waits = (ReferralRow.decision.is_(None), ReferralRow.ended.is_(None))
    escalated = select(func.count()).where(*waits, ReferralRow.escalated_at.is_not(None))
    again = select(func.count()).where(*waits, ReferralRow.stage != "first")
    return session.scalar(escalated) or 0, session.scalar(again) or 0


def at_work(session: Session, *, at: datetime, absolute: timedelta, idle: timedelta) -> list[AtWork]:
    """Who is signed in and on no break, since when the present stretch of work began."""
    rows = session.execute(
        select(OfficerRow.pseudonym, OfficerRow.name, func.max(ShiftRow.stretch_at))
        .join(SessionRow, SessionRow.officer == OfficerRow.pseudonym)
        .join(ShiftRow, ShiftRow.officer == OfficerRow.pseudonym)
        .where(SessionRow.started_at > at - absolute, SessionRow.used_at > at - idle)
        .where(ShiftRow.ended_at.is_(None), ShiftRow.paused_at.is_(None))
        .where(OfficerRow.role == "officer")
        .group_by(OfficerRow.pseudonym, OfficerRow.name)
    )
    found = [AtWork(officer, name, since) for officer, name, since in rows]
    return sorted(found, key=lambda one: (one.since, one.officer))


def points(session: Session, *, at: datetime) -> list[Point]:
    """The last two hours in steps of ten minutes, the oldest first; the last step is not over yet."""
    end = _step(at) + STEP
    begin = end - WINDOW
    passages: dict[datetime, list[int]] = defaultdict(lambda: [0, 0])
    minutes = select(LaneMinuteRow.minute, LaneMinuteRow.admitted, LaneMinuteRow.referred)
    for minute, admitted, referred in session.execute(minutes.where(LaneMinuteRow.minute >= begin)):
        sums = passages[_step(minute)]
        sums[0] += admitted + referred
        sums[1] += referred
    took = _decided(session, begin)
    starts = [begin + STEP * number for number in range(WINDOW // STEP)]
    return [Point(one, passages[one][0], passages[one][1], p95(took[one])) for one in starts]


def p95(seconds: Iterable[float]) -> float | None:
    """The smallest of them that 95 of 100 do not exceed; None of none."""
    ordered = sorted(seconds)
    return ordered[ceil(0.95 * len(ordered)) - 1] if ordered else None


def _decided(session: Session, begin: datetime) -> dict[datetime, list[float]]:
    took: dict[datetime, list[float]] = defaultdict(list)
    rows = select(ReferralRow.opened_at, ReferralRow.decided_at).where(ReferralRow.decided_at >= begin)
    for opened_at, decided_at in session.execute(rows):
        if decided_at is None:
            continue
        took[_step(decided_at)].append(max(0.0, (decided_at - opened_at).total_seconds()))
    return took


def _oldest_waiting(session: Session) -> dict[str, datetime]:
    rows = session.execute(
        select(ReferralRow.lane, func.min(ReferralRow.opened_at))
        .where(ReferralRow.decision.is_(None), ReferralRow.ended.is_(None))
        .group_by(ReferralRow.lane)
    )
    return dict(rows.all())


def names(session: Session) -> list[str]:
    """Those that are not revoked, by number where their names have one: lane-2 stands before lane-10."""
    names = session.scalars(select(LaneRow.id).where(LaneRow.token_sha256.not_like("revoked %")))
    return sorted(names, key=_in_order)


def _in_order(lane: str) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", lane)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def _step(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 10, second=0, microsecond=0)


def _command(row: LaneCommandRow) -> Command:
    wanted: Wanted = next(word for word in get_args(Wanted) if word == row.wanted)
    return Command(row.number, wanted, row.by, row.at)
