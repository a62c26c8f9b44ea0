"""Officers' requests that a passenger at a lane is checked by an officer, without being captured.

A request concerns the passenger who is captured now or else the next one, and expires soon; the lane takes it
up once. It opens no gate and decides nothing: a request that is lost or late has no effect. Each is an entry
of the ledger.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.lanes.hall import lane_states
from api.ledger import chain
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.database.tables import LaneRequestRow
from api.platform.errors import LaneUnknownError, NoRequestError
from api.platform.events import Broker, Event
from api.platform.settings import Settings
from lane.decision.reason_codes import Code

log = structlog.get_logger(__name__)

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


@dataclass(frozen=True, slots=True)
class LaneRequests:
    settings: Settings
    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def ask(self, lane: str, code: Code, officer: SignedInOfficer) -> Request:
        """Ask for a lane's next passenger, in place of an earlier request. Raises LaneUnknownError."""
        with self.database.write() as session:
            if lane not in lane_states.lane_names(session):
                raise LaneUnknownError
            before = session.get(LaneRequestRow, lane)
            now = self.clock()
            until = now + timedelta(seconds=self.settings.request_s)
            made = Request(lane, before.number + 1 if before else 1, code, officer.pseudonym, until)
            session.merge(
                LaneRequestRow(
                    lane=lane, number=made.number, code=code.value, by=made.by, until=until, over=False
                )
            )
            session.flush()
            body = {"lane": lane, "request": made.number, "code": code.value, "officer": made.by}
            chain.append(session, ASKED, body | {"until": until.isoformat()}, at=now)
        log.info(ASKED, lane=lane, code=code.value, officer=officer.pseudonym)
        self.broker.publish(Event("lane.changed", lane))
        return made

    def withdraw(self, lane: str, officer: SignedInOfficer) -> None:
        """Withdraw the request. Raises NoRequestError where there is none."""
        with self.database.write() as session:
            now = self.clock()
            pending = request_to(session, lane, at=now)
            if pending is None:
                raise NoRequestError
            session.get_one(LaneRequestRow, lane).over = True
            session.flush()
            body = {"lane": lane, "request": pending.number, "officer": officer.pseudonym}
            chain.append(session, WITHDRAWN, body, at=now)
        log.info(WITHDRAWN, lane=lane, officer=officer.pseudonym)
        self.broker.publish(Event("lane.changed", lane))

    def pending(self) -> list[Request]:
        """The present requests to all lanes, in the order of the hall."""
        with self.database.read() as session:
            rows = {row.lane: row for row in session.scalars(select(LaneRequestRow))}
            names = [lane for lane in lane_states.lane_names(session) if lane in rows]
        found = (_request(rows[lane], self.clock()) for lane in names)
        return [one for one in found if one is not None]

    def lanes(self) -> list[str]:
        with self.database.read() as session:
            return lane_states.lane_names(session)


def request_to(session: Session, lane: str, *, at: datetime) -> Request | None:
    row = session.get(LaneRequestRow, lane)
    return _request(row, at) if row else None


def note_taken(session: Session, lane: str, number: int) -> None:
    row = session.get(LaneRequestRow, lane)
    if row is not None and row.number == number:
        row.over = True
        session.flush()


def _request(row: LaneRequestRow, at: datetime) -> Request | None:
    if row.over or row.until <= at:
        return None
    return Request(row.lane, row.number, Code(row.code), row.by, row.until)
