"""Replays entries about alarms of the evaluation in service; see `api.audit.replay.account`."""

from collections.abc import Callable, Mapping
from typing import Any

from api.audit.replay.cases import must
from api.audit.replay.staff import StaffReplay
from lane.ledger.entry import Entry


class AlarmReplay:
    """Give it each entry about an alarm in order."""

    def __init__(self, staff: StaffReplay) -> None:
        self.raised: dict[str, dict[str, object]] = {}
        """The subject of each alarm → when it was raised, and who acknowledged it."""
        self._staff = staff
        self.kinds: dict[str, Callable[[Entry], None]] = {
            "alarm.raised": self._alarm_raised,
            "alarm.acknowledged": self._alarm_acknowledged,
            "alarm.cleared": self._alarm_cleared,
        }

    def _alarm_raised(self, entry: Entry) -> None:
        about = alarm_key(entry.body)
        must(about not in self.raised, "an alarm is raised twice")
        self.raised[about] = {"raised_at": entry.at, "acknowledged_by": None}

    def _alarm_acknowledged(self, entry: Entry) -> None:
        self._staff.must_know(entry.body["officer"])
        alarm = self.raised[alarm_key(entry.body)]
        must(alarm["acknowledged_by"] is None, "an alarm is acknowledged twice")
        alarm["acknowledged_by"] = entry.body["officer"]

    def _alarm_cleared(self, entry: Entry) -> None:
        del self.raised[alarm_key(entry.body)]


def alarm_key(about: Mapping[str, Any]) -> str:
    """The subject of an alarm, in one line."""
    names = ("lane", "group", "matcher", "sha256", "preprocessing", "rate")
    return " ".join(f"{name}={about[name]}" for name in names)
