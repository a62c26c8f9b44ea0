"""The evaluation's page beside its message: the state of each rate in plain words, and a picture of it."""

import math
from dataclasses import dataclass
from typing import Literal

from api.lanes.evaluation.alarms import FEWEST_PASSENGERS
from api.web.messages.evaluation import Evaluation, RateMessage, SeriesMessage
from api.web.translations.language import N_, Words

State = Literal["few", "above", "open", "within", "watched", "worse"]

WIDTH = 600
"""The width of a plot; its scale is logarithmic, from 1 in a million to 1."""
DECADES = 6
TICKS = ("1/1,000,000", "1/10,000", "1/100", "1")

STATES: dict[State, str] = {
    "few": N_("Too few to say"),
    "above": N_("Above what is expected; chance is not ruled out"),
    "open": N_("Nothing unusual so far"),
    "within": N_("Within what is expected"),
    "watched": N_("More than is expected, being looked into"),
    "worse": N_("More than is expected"),
}
"""`open`: no more than is expected was counted, but more may be true; `within`: that is ruled out."""

HEADLINES: dict[State, str] = {
    "few": N_("Too few passengers to say how the comparison does"),
    "above": N_("The comparison errs more than is expected so far; chance is not ruled out"),
    "open": N_("Nothing unusual so far"),
    "within": N_("The comparison errs no more than is expected"),
    "watched": N_("The comparison errs more than is expected, and somebody looks into it"),
    "worse": N_("The comparison errs more than is expected"),
}


ALARMS = {
    "fmr": N_(
        "%(errors)s of %(passengers)s passengers would have passed with the document of somebody else. "
        "At most %(expected)s was expected."
    ),
    "fnmr": N_(
        "%(errors)s of %(passengers)s genuine comparisons did not match. At most %(expected)s was expected."
    ),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """The places of a rate in its plot: its range, the counted rate, and the expected one."""

    low: int
    width: int
    counted: int | None
    expected: int | None


def by_matcher(report: Evaluation) -> list[list[SeriesMessage]]:
    """The series of each matcher, the one in use first."""
    found: dict[str, list[SeriesMessage]] = {}
    for one in report.series:
        found.setdefault(one.matcher.model_dump_json(), []).append(one)
    return sorted(found.values(), key=lambda series: max(one.last_at for one in series), reverse=True)


def site_of(series: list[SeriesMessage]) -> SeriesMessage:
    """The whole site, among the series of one matcher."""
    return next(one for one in series if one.lane is None and one.group is None)


def worst(matchers: list[list[SeriesMessage]]) -> State | None:
    """An alarm of any matcher, lane or group; else the lesser of what the matcher in use has proved.

    None where nothing was counted.
    """
    alarms = [alarm for series in matchers for one in series for alarm in one.alarms]
    if alarms:
        return "worse" if any(alarm.acknowledged_by is None for alarm in alarms) else "watched"
    if not matchers:
        return None
    site, order = site_of(matchers[0]), ["above", "few", "open", "within"]
    return min((state(site, "fmr"), state(site, "fnmr")), key=order.index)


def state(one: SeriesMessage, which: Literal["fmr", "fnmr"]) -> State:
    """What was proved of one rate of a series."""
    alarms = [alarm for alarm in one.alarms if alarm.rate == which]
    if alarms:
        return "worse" if any(alarm.acknowledged_by is None for alarm in alarms) else "watched"
    side = one.strangers if which == "fmr" else one.holders
    passengers = one.strangers.passengers if which == "fmr" else one.holders.low.n
    if side.low.high is None or passengers < FEWEST_PASSENGERS:
        return "few"
    if side.expected is None:
        return "open"
    if (side.low.rate or 0.0) > side.expected:
        return "above"
    return "within" if side.low.high <= side.expected else "open"


def one_in(rate: float, words: Words) -> str:
    if rate <= 0:
        return words.say(N_("none"))
    if rate >= 0.15:
        return words.say(N_("%(number)s in 10"), number=f"{rate * 10:.0f}")
    return words.say(N_("1 in %(number)s"), number=f"{_two_digits(1 / rate):,}")


def bar(rate: RateMessage, expected: float | None) -> Bar | None:
    """The picture of a rate; None where nothing was tried."""
    if rate.low is None or rate.high is None or rate.rate is None:
        return None
    low, high = _across(rate.low), _across(rate.high)
    counted = _across(rate.rate) if rate.rate > 0 else None
    return Bar(low, max(4, high - low), counted, _across(expected) if expected is not None else None)


def between(rate: RateMessage, words: Words) -> str:
    if rate.low is None or rate.high is None:
        return ""
    high = one_in(rate.high, words)
    if rate.low <= 0:
        return words.say(N_("at most %(high)s"), high=high)
    return words.say(N_("between %(low)s and %(high)s"), low=one_in(rate.low, words), high=high)


def _across(rate: float) -> int:
    """Pixels from the left."""
    decades = math.log10(rate) + DECADES if rate > 0 else 0.0
    return round(WIDTH * min(max(decades / DECADES, 0.0), 1.0))


def _two_digits(number: float) -> int:
    digits = max(0, math.floor(math.log10(number)) - 1)
    return int(round(number / 10**digits) * 10**digits)
