"""Replays entries about shifts; see `api.audit.replay.account`."""

from collections.abc import Callable, Mapping

from api.audit.replay.cases import must
from lane.ledger.entry import Entry


class ShiftReplay:
    """Give it each entry about a shift in order. `officers`: those whom the ledger knows so far."""

    def __init__(self, officers: Mapping[str, object]) -> None:
        self.by_id: dict[str, dict[str, object]] = {}
        """Shift → what its row says."""
        self._officers = officers
        self.kinds: dict[str, Callable[[Entry], None]] = {
            "shift.started": self._started,
            "shift.paused": self._paused,
            "shift.resumed": self._resumed,
            "shift.ended": self._ended,
        }

    def _started(self, entry: Entry) -> None:
        shift, officer = entry.body["shift"], entry.body["officer"]
        must(officer in self._officers, "a shift of somebody whom the ledger does not know")
        must(shift not in self.by_id, "a shift begins twice")
        on_duty = any(one["officer"] == officer and one["ended_at"] is None for one in self.by_id.values())
        must(not on_duty, "an officer begins a shift within another")
        self.by_id[shift] = {
            "officer": officer,
            "started_at": entry.at,
            "stretch_at": entry.at,
            "paused_at": None,
            "ended_at": None,
            "note": None,
            "handed_to": None,
        }

    def _paused(self, entry: Entry) -> None:
        shift = self._open(entry)
        must(shift["paused_at"] is None, "a break within a break")
        shift["paused_at"] = entry.at

    def _resumed(self, entry: Entry) -> None:
        shift = self._open(entry)
        must(shift["paused_at"] is not None, "a break ends that never began")
        shift["paused_at"], shift["stretch_at"] = None, entry.at

    def _ended(self, entry: Entry) -> None:
        shift = self._open(entry)
        shift["ended_at"], shift["handed_to"] = entry.at, entry.body["to"]
        shift["note"] = entry.body["note_sha256"]

    def _open(self, entry: Entry) -> dict[str, object]:
        shift = self.by_id[entry.body["shift"]]
        must(shift["officer"] == entry.body["officer"], "an officer acts on another one's shift")
        must(shift["ended_at"] is None, "a shift goes on after its end")
        return shift
