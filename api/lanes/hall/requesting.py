"""Officers ask for a passenger at a lane who is to be seen by an officer, not by the camera.

For the one who is captured at the moment, or else for the next one; soon it is for nobody. Nothing in here
opens a gate or decides: a request that is lost or late does nothing.
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
class Requesting:
    """The use cases around what officers ask of lanes."""

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
        """Ask no more. Raises NoRequestError."""
        with self.database.write() as session:
            stored_requests.withdraw(session, lane, officer.pseudonym, at=self.clock())
        log.info("lane.request_withdrawn", lane=lane, officer=officer.pseudonym)
        self.broker.publish(Event("lane.changed", lane))

    def pending(self) -> list[Request]:
        """What is asked and not taken up."""
        with self.database.read() as session:
            return stored_requests.pending(session, at=self.clock())

    def lanes(self) -> list[str]:
        """The lanes of which something can be asked."""
        with self.database.read() as session:
            return lane_states.names(session)
