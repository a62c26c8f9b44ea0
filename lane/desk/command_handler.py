"""Obeys a supervisor's commands and takes up officers' requests; each is in the ledger before it counts.

Commands and requests can only keep a gate shut: it opens on the two steps of `lane.decision.passage_states`
alone.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from lane.decision.passage_states import State
from lane.decision.reason_codes import Code
from lane.decision.referral import PassageId
from lane.desk.commands import NO_COMMAND, Command, WantedState
from lane.desk.port import NoSupervisors
from lane.desk.status import LaneIdentity, providers
from lane.desk.status_reporter import StatusReporter
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import Clock
from models.values.identity import NetworkIdentity

log = logging.getLogger(__name__)

OBEYED = "lane.obeyed"
REQUEST_TAKEN = "passage.asked"
POLL_S = 0.5


class CommandHandler:
    """Whether one lane serves; without a status reporter it gets no commands, and stays as it was."""

    def __init__(
        self, journal: SqliteJournal, clock: Clock, status_reporter: StatusReporter | None = None
    ) -> None:
        self._journal, self._clock = journal, clock
        self._reporter = status_reporter or StatusReporter(NoSupervisors(), LaneIdentity(), clock)
        self._obeyed = NO_COMMAND

    def start(self) -> None:
        """Obey the last command of the ledger: a restart opens no lane that was closed."""
        body = self._journal.last(OBEYED)
        if body is not None:
            self._obeyed = Command(body["command"], WantedState(body["wanted"]), body["by"])
        self._reporter.remember(self._obeyed)
        taken = self._journal.last(REQUEST_TAKEN)
        self._reporter.remember_request(taken["request"] if taken else 0)

    def take_requests(self, passage: PassageId) -> tuple[Code, ...]:
        """What an officer asks for this passenger, each request once, after it is in the ledger.

        A request can only refer the passenger; one that is lost or late does nothing.
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
        return self.latest.wanted is WantedState.STOPPED

    @property
    def serves(self) -> bool:
        """Whether new passengers are wanted."""
        return self.latest.wanted is WantedState.OPEN

    @property
    def obeyed(self) -> Command:
        """The last command that was obeyed; number 0 before the first."""
        return self._obeyed

    @property
    def latest(self) -> Command:
        """The last command that was received; it may not be obeyed yet."""
        return self._reporter.command

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

    def note(self, state: State) -> None:
        """The passage under way has entered this state."""
        self._reporter.note_passage(state)
        self._reporter.note_outbox(self._journal.waiting())

    def note_fault(self, *, over: bool = False) -> None:
        """The lane has closed itself, or serves again."""
        self._reporter.note_fault(over=over)

    def note_engine(self, identities: Sequence[NetworkIdentity]) -> None:
        """The networks run elsewhere now."""
        self._reporter.note_engine(providers(identities))

    def note_gate(self, trouble: str | None) -> None:
        """Why the gate lets nobody be served; None where it does."""
        self._reporter.note_gate(trouble)

    def note_event(self, code: Code) -> None:
        """A gate's sensors saw this."""
        self._reporter.note_event(code)

    def _obey(self) -> bool:
        """Put a new command into the ledger, once."""
        command = self.latest
        if command == self._obeyed:
            return False
        body = {"command": command.number, "wanted": command.wanted.value, "by": command.by}
        self._journal.record([Draft(OBEYED, body)], at=self._clock.now())
        self._obeyed = command
        self._reporter.note_obeyed(command)
        log.warning("a supervisor wants this lane %s", command.wanted)
        return True
