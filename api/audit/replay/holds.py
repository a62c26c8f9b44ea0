"""Replays entries about faces: erased, missed, under a legal hold; see `api.audit.replay.account`."""

from dataclasses import dataclass, replace
from datetime import datetime

from api.audit.replay.rules import Replays, must
from api.audit.replay.staff import StaffReplay
from api.people import officers
from api.people.roles import Task
from lane.ledger.entry import Entry


@dataclass(frozen=True, slots=True)
class Hold:
    """What the row of a legal hold must hold; of each reason its hash."""

    passage: str
    placed_by: str
    placed_at: datetime
    reason: str
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    lift_reason: str | None = None


class FacesReplay:
    def __init__(self, staff: StaffReplay) -> None:
        self.erased: dict[str, str] = {}
        """Passage → why its faces were erased."""
        self.holds: dict[str, Hold] = {}
        """Passage → the legal hold on its faces."""
        self.lifted: list[Hold] = []
        self._missed: dict[str, set[str]] = {}
        self._staff = staff
        self.kinds: Replays = {
            "images.missed": self._images_missed,
            "passage.erased": self._erased,
            "hold.placed": self._hold_placed,
            "hold.lifted": self._hold_lifted,
        }

    def missed(self, passage: str) -> set[str]:
        """Images of a passage that never came: the lane had kept them as long as it may."""
        return self._missed.get(passage, set())

    def _images_missed(self, entry: Entry) -> None:
        self._missed.setdefault(entry.body["passage"], set()).update(entry.body["images"])

    def _erased(self, entry: Entry) -> None:
        passage, because = entry.body["passage"], entry.body["because"]
        must(passage not in self.erased, "faces are erased twice")
        must(passage not in self.holds, "faces under a legal hold are erased")
        must(because in ("passed_through", "retention", "never_told"), "faces are erased without a reason")
        must(isinstance(entry.body["images"], list), "an erasure does not say of what")
        self.erased[passage] = because

    def _hold_placed(self, entry: Entry) -> None:
        passage = entry.body["passage"]
        self._may_hold(entry.body["officer"])
        must(passage not in self.holds, "a legal hold is placed twice")
        must(passage not in self.erased, "a legal hold is placed on erased faces")
        reason = entry.body["reason_sha256"]
        self.holds[passage] = Hold(passage, entry.body["officer"], entry.at, reason)

    def _hold_lifted(self, entry: Entry) -> None:
        self._may_hold(entry.body["officer"])
        reason = entry.body["reason_sha256"]
        must(isinstance(reason, str), "a legal hold is lifted without a reason")
        hold = self.holds.pop(entry.body["passage"])
        lifted = replace(hold, lifted_by=entry.body["officer"], lifted_at=entry.at, lift_reason=reason)
        self.lifted.append(lifted)

    def _may_hold(self, officer: str) -> None:
        may = officer == officers.COMMAND_LINE or self._staff.may(officer, Task.AUDIT, Task.ADMINISTER)
        must(may, "a legal hold is placed or lifted by somebody who may not")
