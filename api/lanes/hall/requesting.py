"""Officers' requests that a passenger at a lane is checked by an officer, without being captured.

A request concerns the passenger who is captured now or else the next one, and expires soon. It opens no gate
and decides nothing: a request that is lost or late has no effect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.lanes.hall import lane_states, stored_requests
from api.lanes.hall.stored_requests import Request
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.events import Broker, Event
from api.platform.settings import Settings
from lane.decision.reason_codes import Code

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LaneRequests:
    """The use cases of officers' requests to lanes."""

    settings: Settings
    database: Database
    broker: Broker
    clock: Callable[[], datetime]

    def ask(self, lane: str, code: Code, officer: SignedInOfficer) -> Request:
        """Ask for a lane's next passenger. Raises LaneUnknownError."""
        with self.database.write() as session:
            now = self.clock()
            until = now + timedelta(seconds=self.settings.request_s)
            made = stored_requests.ask(session, lane, code, officer.pseudonym, at=now, until=until)
        log.info("lane.requested", lane=lane, code=code.value, officer=officer.pseudonym)
        self.broker.publish(Event("lane.changed", lane))
        return made

    def withdraw(self, lane: str, officer: SignedInOfficer) -> None:
        """Withdraw a request. Raises NoRequestError."""
        with self.database.write() as session:
            stored_requests.withdraw(session, lane, officer.pseudonym, at=self.clock())
        log.info("lane.request_withdrawn", lane=lane, officer=officer.pseudonym)
        self.broker.publish(Event("lane.changed", lane))

    def pending(self) -> list[Request]:
        """Requests that are not taken up yet."""
        with self.database.read() as session:
            return stored_requests.pending(session, at=self.clock())

    def lanes(self) -> list[str]:
        """The lanes that can receive a request."""
        with self.database.read() as session:
            return lane_states.lane_names(session)
