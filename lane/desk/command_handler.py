"""Whether the lane serves: a supervisor's word is obeyed, and put into the ledger when it is.

It can only keep a gate shut. Whatever it says, a gate opens on the two steps of
`lane.decision.passage_states` alone.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from lane.decision.passage_states import State
from lane.decision.reason_codes import Code
from lane.decision.referral import PassageId
from lane.desk.commands import NO_COMMAND, Command, Wanted
from lane.desk.status import providers
from lane.desk.status_reporter import Beacon
from lane.ledger.port import Draft, Journal
from lane.platform.clock import Clock
from models.values.identity import NetworkIdentity

log = logging.getLogger(__name__)

OBEYED = "lane.obeyed"
ASKED = "passage.asked"
LOOK_AGAIN_S = 0.5


class Service:
    """One lane's obedience; without a beacon nobody commands it, and it is open."""

    def __init__(self, journal: Journal, clock: Clock, beacon: Beacon | None = None) -> None:
        self._journal, self._clock, self._beacon = journal, clock, beacon
        self._obeyed = NO_COMMAND

    def start(self) -> None:
        """Take up the last command that was obeyed: a restart opens no lane that was closed."""
        body = self._journal.last(OBEYED)
        if body is not None:
            self._obeyed = Command(body["command"], Wanted(body["wanted"]), body["by"])
        if self._beacon is not None:
            self._beacon.remember(self._obeyed)
            asked = self._journal.last(ASKED)
            self._beacon.remember_asked(asked["request"] if asked else 0)

    def asked(self, passage: PassageId) -> tuple[Code, ...]:
        """What an officer asks for this passenger: in the ledger before anything follows from it, and once.

        It can only send the passenger to an officer; one that is lost or late does nothing.
        """
        request = self._beacon.take_request() if self._beacon else None
        if request is None:
            return ()
        body = {"passage": passage, "request": request.number, "code": request.code.value, "by": request.by}
        self._journal.record([Draft(ASKED, body)], at=self._clock.now())
        log.info("passage %s: an officer asks for %s", passage, request.code)
        return (request.code,)

    @property
    def wanted(self) -> Wanted:
        """The last word that was heard."""
        return self.heard.wanted

    @property
    def stopped(self) -> bool:
        """Whether the gate must be shut, and the passage under way go no further."""
        return self.wanted is Wanted.STOPPED

    @property
    def serves(self) -> bool:
        """Whether new passengers are wanted."""
        return self.wanted is Wanted.OPEN

    @property
    def command(self) -> Command:
        """The last command that was obeyed; number 0 before the first."""
        return self._obeyed

    @property
    def heard(self) -> Command:
        """The last command that was heard; it may not be obeyed yet."""
        return self._beacon.command if self._beacon else NO_COMMAND

    def ready(self, ended: threading.Event, look: Callable[[], bool], deliver: Callable[[], object]) -> bool:
        """Wait until the lane may serve a passenger and `look` finds all well; False where it ends before."""
        while True:
            if self._obey():
                deliver()
            well = look()
            if self.serves and well:
                return True
            if ended.wait(LOOK_AGAIN_S):
                return False

    def note(self, state: State) -> None:
        """The passage under way stands here now."""
        if self._beacon is not None:
            self._beacon.note_passage(state)
            self._beacon.note_outbox(self._journal.waiting())

    def note_fault(self, *, over: bool = False) -> None:
        """The lane has closed itself, or serves again."""
        if self._beacon is not None:
            self._beacon.note_fault(over=over)

    def note_engine(self, identities: Sequence[NetworkIdentity]) -> None:
        """The networks run elsewhere now."""
        if self._beacon is not None:
            self._beacon.note_engine(providers(identities))

    def note_gate(self, trouble: str | None) -> None:
        """Why the gate lets nobody be served; None where it does."""
        if self._beacon is not None:
            self._beacon.note_gate(trouble)

    def note_event(self, code: Code) -> None:
        """A gate's sensors saw this."""
        if self._beacon is not None:
            self._beacon.note_event(code)

    def _obey(self) -> bool:
        """Put a command that is new into the ledger, once."""
        command = self.heard
        if command == self._obeyed or self._beacon is None:
            return False
        body = {"command": command.number, "wanted": command.wanted.value, "by": command.by}
        self._journal.record([Draft(OBEYED, body)], at=self._clock.now())
        self._obeyed = command
        self._beacon.note_obeyed(command)
        log.warning("a supervisor wants this lane %s", command.wanted)
        return True
