"""Replays entries about shifts; see `api.audit.replay.account`."""

from api.audit.replay.rules import Replays, must
from api.audit.replay.staff import StaffReplay
from api.platform.database.tables import ShiftRow
from lane.ledger.entry import Entry


class ShiftReplay:
    def __init__(self, staff: StaffReplay) -> None:
        self.by_id: dict[str, ShiftRow] = {}
        self._staff = staff
        self.kinds: Replays = {
            "shift.started": self._started,
            "shift.paused": self._paused,
            "shift.resumed": self._resumed,
            "shift.ended": self._ended,
        }

    def _started(self, entry: Entry) -> None:
        shift, officer = entry.body["shift"], entry.body["officer"]
        self._staff.must_know(officer)
        must(shift not in self.by_id, "a shift begins twice")
        on_duty = any(one.officer == officer and one.ended_at is None for one in self.by_id.values())
        must(not on_duty, "an officer begins a shift within another")
        self.by_id[shift] = ShiftRow(id=shift, officer=officer, started_at=entry.at, stretch_at=entry.at)

    def _paused(self, entry: Entry) -> None:
        shift = self._open(entry)
        must(shift.paused_at is None, "a break within a break")
        shift.paused_at = entry.at

    def _resumed(self, entry: Entry) -> None:
        shift = self._open(entry)
        must(shift.paused_at is not None, "a break ends that never began")
        shift.paused_at, shift.stretch_at = None, entry.at

    def _ended(self, entry: Entry) -> None:
        shift = self._open(entry)
        # The ledger has the note as a hash alone.
        shift.ended_at, shift.handed_to, shift.note = entry.at, entry.body["to"], entry.body["note_sha256"]

    def _open(self, entry: Entry) -> ShiftRow:
        shift = self.by_id[entry.body["shift"]]
        must(shift.officer == entry.body["officer"], "an officer acts on another one's shift")
        must(shift.ended_at is None, "a shift goes on after its end")
        return shift
