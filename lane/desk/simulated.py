"""A desk in memory, for trying a lane without one: keeps what it is given, once, and answers by script."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lane.decision.referral import GROUNDS, Answer, Decision, PassageId
from lane.desk.commands import NO_COMMAND, Command
from lane.desk.status import Status
from lane.ledger.chain import check_follows
from lane.ledger.entry import GENESIS, Entry, Head, Picture
from lane.platform.errors import DeskError, DeskRefusedError


def second_line(_: PassageId) -> Answer | None:
    """The careful script: everybody is sent to secondary inspection."""
    return Answer.SECOND_LINE


@dataclass(slots=True)
class SimulatedDesk:
    """See `lane.desk.port.Desk` and `Supervisors`. While `fault` is set, every call raises it."""

    lane: str
    script: Callable[[PassageId], Answer | None] = second_line
    fault: DeskError | None = None
    head: Head = GENESIS
    entries: list[Entry] = field(default_factory=list)
    pictures: dict[str, Picture] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    command: Command = NO_COMMAND
    statuses: list[Status] = field(default_factory=list)

    def put_picture(self, picture: Picture, passage: PassageId) -> None:  # noqa: ARG002 - kept by content
        self._reachable()
        self.pictures[picture.sha256] = picture

    def report_lost_picture(self, sha256: str, passage: PassageId) -> None:  # noqa: ARG002 - kept by content
        self._reachable()
        self.missed.add(sha256)

    def put_entries(self, entries: Sequence[Entry], recovered_through: int | None = None) -> Head:  # noqa: ARG002
        """Applied once, in order; a gap or another entry at a known place is refused."""
        self._reachable()
        for entry in entries:
            if entry.seq <= self.head.seq:
                self._must_be_known(entry)
            else:
                self.head = check_follows(self.head, entry, chain=self.lane)
                self.entries.append(entry)
        return self.head

    def decision(self, passage: PassageId, wait_s: float) -> Decision | None:
        self._reachable()
        answer = self.script(passage)
        if answer is None:
            return None
        return Decision(
            id=f"decision-{self._asked(passage)}-on-{passage}-after-{wait_s:g}",
            passage=passage,
            answer=answer,
            ground=GROUNDS[answer][0],
            officer="officer-simulated",
            decided_at=datetime.now(UTC),
        )

    def report(self, status: Status) -> Command:
        self._reachable()
        self.statuses.append(status)
        return self.command

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]

    def _asked(self, passage: PassageId) -> int:
        """How often the lane has asked about a passage: each time it gets a decision of its own."""
        asking = ("passage.judged", "passage.repeat_refused")
        return sum(one.kind in asking and one.body["passage"] == passage for one in self.entries)

    def _must_be_known(self, entry: Entry) -> None:
        if self.entries[entry.seq - 1].hash != entry.hash:
            raise DeskRefusedError(f"another entry {entry.seq} is known already")

    def _reachable(self) -> None:
        if self.fault is not None:
            raise self.fault
