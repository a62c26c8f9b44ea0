"""Replays entries about faces: erased, missed, under a legal hold; see `api.audit.replay.account`."""

from collections.abc import Callable

from api.audit.replay.cases import must
from api.audit.replay.staff import StaffReplay
from api.people import officers
from api.people.roles import Task, having
from lane.ledger.entry import Entry


class FacesReplay:
    """Give it each entry about faces in order."""

    def __init__(self, staff: StaffReplay) -> None:
        self.erased: dict[str, str] = {}
        """Passage → why its faces were erased."""
        self.holds: dict[str, dict[str, object]] = {}
        """Passage → the legal hold on its faces."""
        self.lifted: list[dict[str, object]] = []
        """Legal holds that are over, in the order in which they were lifted."""
        self._missed: dict[str, set[str]] = {}
        self._staff = staff
        self.kinds: dict[str, Callable[[Entry], None]] = {
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
        self.holds[passage] = {
            "placed_by": entry.body["officer"],
            "placed_at": entry.at,
            "reason_sha256": entry.body["reason_sha256"],
        }

    def _hold_lifted(self, entry: Entry) -> None:
        self._may_hold(entry.body["officer"])
        must(isinstance(entry.body["reason_sha256"], str), "a legal hold is lifted without a reason")
        self.lifted.append(
            {
                "passage": entry.body["passage"],
                **self.holds.pop(entry.body["passage"]),
                "lifted_by": entry.body["officer"],
                "lifted_at": entry.at,
                "lift_reason_sha256": entry.body["reason_sha256"],
            }
        )

    def _may_hold(self, officer: str) -> None:
        roles = having(Task.AUDIT, Task.ADMINISTER)
        may = officer == officers.COMMAND_LINE or self._staff.roles.get(officer) in roles
        must(may, "a legal hold is placed or lifted by somebody who may not")
