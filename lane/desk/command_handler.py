"""Obeys a supervisor's commands and takes up officers' requests; each is in the ledger before it counts.

Commands and requests only keep a gate shut: `lane.decision.passage_states` has the steps that open it.
"""

import logging
import threading
from collections.abc import Callable

from lane.decision.reason_codes import Code
from lane.decision.referral import PassageId
from lane.desk.port import NO_COMMAND, Command, WantedState
from lane.desk.status_reporter import StatusReporter
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import Clock

log = logging.getLogger(__name__)

OBEYED = "lane.obeyed"
REQUEST_TAKEN = "passage.asked"
POLL_S = 0.5


class CommandHandler:
    """Whether one lane serves."""

    def __init__(self, journal: SqliteJournal, clock: Clock, reporter: StatusReporter) -> None:
        self._journal, self._clock, self._reporter = journal, clock, reporter
        self.obeyed = NO_COMMAND
        """The last command that was obeyed; number 0 before the first."""

    def start(self) -> None:
        """Obey the last command of the ledger: a restart opens no lane that was closed."""
        body = self._journal.last(OBEYED)
        if body is not None:
            self.obeyed = Command(body["command"], WantedState(body["wanted"]), body["by"])
        taken = self._journal.last(REQUEST_TAKEN)
        self._reporter.remember(self.obeyed, taken["request"] if taken else 0)

    def take_requests(self, passage: PassageId) -> tuple[Code, ...]:
        """What an officer asks for this passenger, each request once, after it is in the ledger.

        A request that is lost or late does nothing.
        """
        request = self._reporter.take_request()
        if request is None:
            return ()
        body = {"passage": passage, "request": request.number, "code": request.code.value, "by": request.by}
        self._journal.record([Draft(REQUEST_TAKEN, body)], at=self._clock.now())
        log.info("passage %s: an officer asks for %s", passage, request.code)
        return (request.code,)

    @property
    def stopped(self) -> bool:
        """Whether the gate must be shut, and the passage under way must not go on."""
        return self._reporter.command.wanted is WantedState.STOPPED

    @property
    def serves(self) -> bool:
        """Whether new passengers are wanted."""
        return self._reporter.command.wanted is WantedState.OPEN

    def ready(self, ended: threading.Event, check: Callable[[], bool], deliver: Callable[[], object]) -> bool:
        """Wait until the lane may serve and `check` is true; False where the lane ends before."""
        while True:
            if self._obey():
                deliver()
            checked = check()
            if self.serves and checked:
                return True
            if ended.wait(POLL_S):
                return False

    def _obey(self) -> bool:
        """Put a new command into the ledger, once."""
        command = self._reporter.command
        if command == self.obeyed:
            return False
        body = {"command": command.number, "wanted": command.wanted.value, "by": command.by}
        self._journal.record([Draft(OBEYED, body)], at=self._clock.now())
        self.obeyed = command
        self._reporter.note_obeyed(command)
        log.warning("a supervisor wants this lane %s", command.wanted)
        return True
