"""Officers' requests to a lane to refer one passenger without capturing. Each is an entry of the ledger.

A request can only refer. It is valid for one passenger and for a short time; the lane takes it up once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.lanes.hall import lane_states
from api.ledger import chain
from api.platform.database.tables import LaneRequestRow
from api.platform.errors import LaneUnknownError, NoRequestError
from lane.decision.reason_codes import Code

ASKED = "lane.requested"
WITHDRAWN = "lane.request_withdrawn"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is neither taken up nor withdrawn nor expired."""

    lane: str
    number: int
    code: Code
    by: str
    until: datetime


def ask(session: Session, lane: str, code: Code, officer: str, *, at: datetime, until: datetime) -> Request:
    """Ask for a lane's next passenger, in place of an earlier request.

    Raises LaneUnknownError.
    """
    if lane not in lane_states.lane_names(session):
        raise LaneUnknownError
    before = session.get(LaneRequestRow, lane)
    number = before.number + 1 if before else 1
    session.merge(
        LaneRequestRow(lane=lane, number=number, code=code.value, by=officer, until=until, over=False)
    )
    session.flush()
    body = {"lane": lane, "request": number, "code": code.value, "officer": officer}
    chain.append(session, ASKED, body | {"until": until.isoformat()}, at=at)
    return Request(lane, number, code, officer, until)


def withdraw(session: Session, lane: str, officer: str, *, at: datetime) -> None:
    """Withdraw the request. Raises NoRequestError where there is none."""
    pending = request_to(session, lane, at=at)
    if pending is None:
        raise NoRequestError
    session.get_one(LaneRequestRow, lane).over = True
    session.flush()
    chain.append(session, WITHDRAWN, {"lane": lane, "request": pending.number, "officer": officer}, at=at)


def note_taken(session: Session, lane: str, number: int) -> None:
    """Note that the lane has taken the request up."""
    row = session.get(LaneRequestRow, lane)
    if row is not None and row.number == number:
        row.over = True
        session.flush()


def request_to(session: Session, lane: str, *, at: datetime) -> Request | None:
    """The present request to a lane."""
    row = session.get(LaneRequestRow, lane)
    return _request(row, at) if row else None


def pending(session: Session, *, at: datetime) -> list[Request]:
    """The present requests to all lanes, in the order of the hall."""
    rows = {row.lane: row for row in session.scalars(select(LaneRequestRow))}
    found = (_request(rows[lane], at) for lane in lane_states.lane_names(session) if lane in rows)
    return [one for one in found if one is not None]


def _request(row: LaneRequestRow, at: datetime) -> Request | None:
    if row.over or row.until <= at:
        return None
    return Request(row.lane, row.number, Code(row.code), row.by, row.until)
