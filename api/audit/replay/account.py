"""The state of the desk by its ledger alone: lanes, officers, and each case from referral to decision.

Nothing is read from other tables, so that these can be compared with it. An entry that no honest desk writes
at its place is refused. Each part replays the kinds of entries that concern it, and makes the rows that must
be there, to compare them; none is stored. Where the ledger has a text as a hash alone, they hold that hash.
"""

from api.audit.replay.alarms import AlarmReplay
from api.audit.replay.cases import CaseReplay
from api.audit.replay.holds import FacesReplay
from api.audit.replay.lanes import LaneReplay
from api.audit.replay.prepared_cases import PreparedCaseReplay
from api.audit.replay.rules import Replays, must
from api.audit.replay.shifts import ShiftReplay
from api.audit.replay.staff import StaffReplay
from api.ledger.tree_head import is_worthless
from lane.ledger.entry import Entry
from lane.platform.errors import LedgerBrokenError


class Account:
    """Give it each entry of the desk's chain in order. Raises LedgerBrokenError at one that cannot be."""

    def __init__(self) -> None:
        self.staff = StaffReplay()
        self.lanes = LaneReplay(self.staff)
        self.cases = CaseReplay(self.staff)
        self.prepared_cases = PreparedCaseReplay(self.staff)
        self.shifts = ShiftReplay(self.staff)
        self.faces = FacesReplay(self.staff)
        self.alarms = AlarmReplay(self.staff)
        self.signing_keys: dict[str, int] = {}
        """A key that signs tree heads → the entry that announced it."""
        self.set_back: list[int] = []
        """Entries older than the one before: the clock was set back. That is reported, and is no fault."""
        self._last: Entry | None = None
        self._kinds: Replays = {
            "ledger.key": self._ledger_key,
            **self.staff.kinds,
            **self.lanes.kinds,
            **self.cases.kinds,
            **self.prepared_cases.kinds,
            **self.shifts.kinds,
            **self.faces.kinds,
            **self.alarms.kinds,
        }
        self._lane_kinds = self.lanes.lane_kinds | self.cases.lane_kinds

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
        lane = self.lanes.received(entry, inner)
        # Entries of other kinds are kept, and change nothing.
        if inner is None or inner.kind not in self._lane_kinds:
            return
        redelivered = lane.recovery is not None and lane.recovery.is_redelivered(inner)
        if not redelivered:
            self._lane_kinds[inner.kind](inner, entry)
