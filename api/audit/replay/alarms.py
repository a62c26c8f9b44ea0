"""Alarms of the evaluation in service as the ledger tells them; see `api.audit.replay.account`."""

from collections.abc import Callable, Mapping
from typing import Any

from api.audit.replay.cases import must
from api.audit.replay.staff import Staffbook
from lane.ledger.chain import Entry


class Alarmbook:
    """Give it each entry about an alarm in order."""

    def __init__(self, staff: Staffbook) -> None:
        self.alarms: dict[str, dict[str, object]] = {}
        """What an alarm is about → when it was raised, and who acknowledged it."""
        self._staff = staff
        self.kinds: dict[str, Callable[[Entry], None]] = {
            "alarm.raised": self._alarm_raised,
            "alarm.acknowledged": self._alarm_acknowledged,
            "alarm.cleared": self._alarm_cleared,
        }

    def _alarm_raised(self, entry: Entry) -> None:
        about = alarm_key(entry.body)
        must(about not in self.alarms, "an alarm is raised twice")
        self.alarms[about] = {"raised_at": entry.at, "acknowledged_by": None}

    def _alarm_acknowledged(self, entry: Entry) -> None:
        self._staff.must_know(entry.body["officer"])
        alarm = self.alarms[alarm_key(entry.body)]
        must(alarm["acknowledged_by"] is None, "an alarm is acknowledged twice")
        alarm["acknowledged_by"] = entry.body["officer"]

    def _alarm_cleared(self, entry: Entry) -> None:
        del self.alarms[alarm_key(entry.body)]


def alarm_key(about: Mapping[str, Any]) -> str:
    """What an alarm is about, in one line."""
    names = ("lane", "group", "matcher", "sha256", "preprocessing", "rate")
    return " ".join(f"{name}={about[name]}" for name in names)
