"""Replays entries about alarms on error rates and on officers' accuracy; see `api.audit.replay.account`."""

from collections.abc import Mapping
from typing import Any

from api.audit.replay.rules import Replays, must
from api.audit.replay.staff import StaffReplay
from api.platform.database.tables import AlarmRow, QualityAlarmRow
from lane.ledger.entry import Entry


class AlarmReplay:
    def __init__(self, staff: StaffReplay) -> None:
        self.rates: dict[str, AlarmRow] = {}
        self.accuracy: dict[str, QualityAlarmRow] = {}
        self._staff = staff
        self.kinds: Replays = {
            "alarm.raised": self._rate_raised,
            "alarm.acknowledged": self._rate_acknowledged,
            "alarm.cleared": self._rate_cleared,
            "quality.alarm_raised": self._accuracy_raised,
            "quality.alarm_cleared": self._accuracy_cleared,
        }

    def _rate_raised(self, entry: Entry) -> None:
        about = rate_key(entry.body)
        must(about not in self.rates, "an alarm is raised twice")
        self.rates[about] = AlarmRow(raised_at=entry.at)

    def _rate_acknowledged(self, entry: Entry) -> None:
        self._staff.must_know(entry.body["officer"])
        alarm = self.rates[rate_key(entry.body)]
        must(alarm.acknowledged_by is None, "an alarm is acknowledged twice")
        alarm.acknowledged_by = entry.body["officer"]

    def _rate_cleared(self, entry: Entry) -> None:
        del self.rates[rate_key(entry.body)]

    def _accuracy_raised(self, entry: Entry) -> None:
        self._staff.must_know(entry.body["officer"])
        about = accuracy_key(entry)
        must(about not in self.accuracy, "an alarm is raised twice")
        columns = {name: entry.body[name] for name in ("officer", "kind", "found", "n")}
        self.accuracy[about] = QualityAlarmRow(**columns)

    def _accuracy_cleared(self, entry: Entry) -> None:
        del self.accuracy[accuracy_key(entry)]


def rate_key(about: Mapping[str, Any]) -> str:
    names = ("lane", "group", "matcher", "sha256", "preprocessing", "rate")
    return " ".join(f"{name}={about[name]}" for name in names)


def accuracy_key(entry: Entry) -> str:
    return f"{entry.body['officer']} {entry.body['kind']}"
