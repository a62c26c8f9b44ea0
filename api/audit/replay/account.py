"""What the ledger tells, put together entry by entry: lanes, officers, and each case from question to answer.

Nothing is taken from other tables: whatever they say beside it can be compared with this.
An entry that no honest desk writes at this place is refused where it stands. Each book knows the kinds of
entries that it is about.
"""

from collections.abc import Callable, Mapping

from api.audit.replay.alarms import Alarmbook
from api.audit.replay.cases import Case, Casebook, must
from api.audit.replay.holds import Holdbook
from api.audit.replay.lanes import Lanebook
from api.audit.replay.prepared_cases import KnownCases
from api.audit.replay.shifts import Shiftbook
from api.audit.replay.staff import Staffbook
from api.ledger.tree_head import is_worthless
from lane.ledger.chain import Entry
from lane.platform.errors import LedgerBrokenError


class Account:
    """Give it each entry of the desk's chain in order. Raises LedgerBrokenError at what cannot be."""

    def __init__(self) -> None:
        self.staff = Staffbook()
        self.lanebook = Lanebook(self.staff)
        self.casebook = Casebook(self.staff.roles)
        self.known = KnownCases(self.staff.must_know)
        self.shiftbook = Shiftbook(self.staff.officers)
        self.faces = Holdbook(self.staff)
        self.alarmbook = Alarmbook(self.staff)
        self.signing_keys: dict[str, int] = {}
        """A key that signs tree heads → the entry that announced it."""
        self.set_back: list[int] = []
        """Entries older than the one before: the clock was set back. A fact to know of, and no fault."""
        self._last: Entry | None = None
        self._kinds: dict[str, Callable[[Entry], None]] = {
            "ledger.key": self._ledger_key,
            **self.staff.kinds,
            **self.lanebook.kinds,
            **self.casebook.kinds,
            **self.known.kinds,
            **self.shiftbook.kinds,
            **self.faces.kinds,
            **self.alarmbook.kinds,
        }
        self._lane_kinds = self.lanebook.lane_kinds | self.casebook.lane_kinds

    @property
    def cases(self) -> Mapping[str, Case]:
        """Every case, by its passage."""
        return self.casebook.cases

    def note(self, entry: Entry, inner: Entry | None = None) -> None:
        """Take in the next entry; `inner` is the lane's inside it, where there is one."""
        if self._last is not None and entry.at < self._last.at:
            self.set_back.append(entry.seq)
        self._last = entry
        try:
            if entry.kind == "entry.received":
                self._received(entry, inner)
            else:
                self._kinds[entry.kind](entry)
        except (KeyError, TypeError, ValueError) as error:
            raise LedgerBrokenError(f"{entry.kind} is no entry of a desk, or not a whole one") from error

    def _ledger_key(self, entry: Entry) -> None:
        must(entry.body["algorithm"] == "ed25519", "a key of an unknown kind signs the ledger")
        must(not is_worthless(entry.body["key"]), "a key signs the ledger under which nothing is signed")
        must(entry.body["key"] not in self.signing_keys, "a key is announced twice")
        self.signing_keys[entry.body["key"]] = entry.seq

    def _received(self, entry: Entry, inner: Entry | None) -> None:
        lane = self.lanebook.received(entry, inner)
        # Other kinds of a lane are kept, and mean nothing to a desk.
        if inner is None or inner.kind not in self._lane_kinds:
            return
        known_from_the_lane_alone = lane.recovery is not None and lane.recovery.is_told_again(inner)
        if not known_from_the_lane_alone:
            self._lane_kinds[inner.kind](inner, entry)
