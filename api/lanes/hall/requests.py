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
class LaneRequests:
    settings: Settings
    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def ask(self, lane: str, code: Code, officer: SignedInOfficer) -> LaneRequestRow:
        """Ask for a lane's next passenger, in place of an earlier request. Raises LaneUnknownError."""
        with self.database.write() as session:
            if lane not in lane_states.lane_names(session):
                raise LaneUnknownError
            before = session.get(LaneRequestRow, lane)
            now = self.clock()
            columns = {
                "number": before.number + 1 if before else 1,
                "code": code.value,
                "by": officer.pseudonym,
                "until": now + timedelta(seconds=self.settings.request_s),
            }
            made = session.merge(LaneRequestRow(lane=lane, over=False, **columns))
            session.flush()
            body = {"lane": lane, "request": made.number, "code": made.code, "officer": made.by}
            chain.append(session, ASKED, body | {"until": made.until.isoformat()}, at=now)
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
            pending.over = True
            session.flush()
            body = {"lane": lane, "request": pending.number, "officer": officer.pseudonym}
            chain.append(session, WITHDRAWN, body, at=now)
        log.info(WITHDRAWN, lane=lane, officer=officer.pseudonym)
        self.broker.publish(Event("lane.changed", lane))

    def pending(self) -> list[LaneRequestRow]:
        """The present requests to all lanes, in the order of the hall."""
        with self.database.read() as session:
            rows = {row.lane: row for row in session.scalars(select(LaneRequestRow))}
            names = lane_states.lane_names(session)
        now = self.clock()
        return [rows[lane] for lane in names if lane in rows and _is_pending(rows[lane], now)]

    def lanes(self) -> list[str]:
        with self.database.read() as session:
            return lane_states.lane_names(session)


def request_to(session: Session, lane: str, *, at: datetime) -> LaneRequestRow | None:
    row = session.get(LaneRequestRow, lane)
    return row if row is not None and _is_pending(row, at) else None


def note_taken(session: Session, lane: str, number: int) -> None:
    row = session.get(LaneRequestRow, lane)
    if row is not None and row.number == number:
        row.over = True
        session.flush()


def _is_pending(row: LaneRequestRow, at: datetime) -> bool:
    """Neither taken up nor withdrawn nor expired."""
    return not row.over and at < row.until
