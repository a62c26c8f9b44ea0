"""The supervisor's page: how the comparison does in service, in plain words, and a picture of each rate."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from api.lanes.evaluation.error_test import FEWEST_PASSENGERS
from api.web.messages.evaluation import AlarmMessage, Evaluation, RateMessage, SeriesMessage, ShadowMessage
from api.web.translations.language import N_, Words

State = Literal["few", "above", "open", "within", "watched", "worse"]

WIDTH = 600
"""The width of a plot; its scale is logarithmic, from 1 in a million to 1."""
DECADES = 6
_TICKS = ("1/1,000,000", "1/10,000", "1/100", "1")

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


@dataclass(frozen=True, slots=True)
class Bar:
    """The places of a rate in its plot: its range, the counted rate, and the expected one."""

    low: int
    width: int
    counted: int | None
    expected: int | None


@dataclass(frozen=True, slots=True)
class RateView:
    """A rate in words, and its picture."""

    errors: str
    n: str
    about: str
    between: str
    expected: str
    state: State
    state_text: str
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class RatesRow:
    """A lane, or a nationality, with both rates."""

    name: str
    strangers: RateView
    holders: RateView


@dataclass(frozen=True, slots=True)
class ShadowView:
    """The figures of a second matcher."""

    name: str
    agreed: str
    n: str


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm in words."""

    id: int
    where: str
    text: str
    raised_at: datetime
    by: str | None

    def clock(self, form: str) -> str:
        """The time with its zone, for a browser that runs no script."""
        return self.raised_at.strftime(f"{form} (UTC%z)")


@dataclass(frozen=True, slots=True)
class Section:
    """Everything about one matcher: the whole site, then lanes, then nationalities."""

    matcher: str
    file: str
    strangers: RateView
    perhaps: RateView | None
    """Strangers, where what may be the same person's document is counted too and changes something."""
    holders: RateView
    undecided: str | None
    """How many on whom no officer said whether the document was theirs."""
    taken_for_holders: str | None
    """How many strangers the comparison took for the holder, as an officer found."""
    seconds: tuple[ShadowView, ...]
    lanes: tuple[RatesRow, ...]
    groups: tuple[RatesRow, ...]
    warnings: tuple[AlarmView, ...]


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    """The page: the worst that is to be said, then matcher by matcher, the one in use first."""

    state: State | None
    headline: str
    since: datetime
    sections: tuple[Section, ...]
    ticks: tuple[str, ...]

    def clock(self, form: str) -> str:
        """The window's beginning, for a browser that runs no script."""
        return self.since.strftime(f"{form} (UTC%z)")


def page(report: Evaluation, words: Words) -> EvaluationPage:
    """The evaluation as a page."""
    matchers = {one.matcher.model_dump_json(): one for one in report.series}
    newest = sorted(matchers, key=lambda key: max(_ages(report.series, key)), reverse=True)
    sections = tuple(
        _section([one for one in report.series if one.matcher.model_dump_json() == key], words)
        for key in newest
    )
    state = _worst(sections) if sections else None
    headline = words.say(HEADLINES[state]) if state else words.say(N_("Nothing was counted yet"))
    return EvaluationPage(state, headline, report.since, sections, _TICKS)


def one_in(rate: float, words: Words) -> str:
    """A rate as people say it."""
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


def _ages(series: Iterable[SeriesMessage], key: str) -> list[datetime]:
    return [one.last_at for one in series if one.matcher.model_dump_json() == key]


def _section(series: list[SeriesMessage], words: Words) -> Section:
    site = next(one for one in series if one.lane is None and one.group is None)
    lanes = [one for one in series if one.lane is not None and one.group is None]
    groups = [one for one in series if one.lane is None and one.group is not None]
    changed = site.strangers.high.n != site.strangers.low.n
    holders = site.holders
    return Section(
        matcher=site.matcher.name,
        file=f"{site.matcher.sha256[:12]} · {site.matcher.preprocessing[:12]}",
        strangers=_strangers(site, words),
        perhaps=_rate_view(site.strangers.high, None, (), FEWEST_PASSENGERS, words) if changed else None,
        holders=_holders(site, words),
        undecided=f"{holders.undecided:,}" if holders.undecided else None,
        taken_for_holders=f"{holders.strangers_matched:,}" if holders.strangers_matched else None,
        seconds=tuple(_shadow_view(one) for one in site.shadows),
        lanes=tuple(_row(str(one.lane), one, words) for one in lanes),
        groups=tuple(_row(str(one.group), one, words) for one in groups),
        warnings=tuple(_alarm_view(one, alarm, words) for one in series for alarm in one.alarms),
    )


def _row(name: str, one: SeriesMessage, words: Words) -> RatesRow:
    return RatesRow(name, _strangers(one, words), _holders(one, words))


def _strangers(one: SeriesMessage, words: Words) -> RateView:
    strangers = one.strangers
    alarms = [alarm for alarm in one.alarms if alarm.rate == "fmr"]
    return _rate_view(strangers.low, strangers.expected, alarms, strangers.passengers, words)


def _holders(one: SeriesMessage, words: Words) -> RateView:
    alarms = [alarm for alarm in one.alarms if alarm.rate == "fnmr"]
    return _rate_view(one.holders.low, one.holders.expected, alarms, one.holders.low.n, words)


def _rate_view(
    rate: RateMessage,
    expected: float | None,
    alarms: Iterable[AlarmMessage],
    passengers: int,
    words: Words,
) -> RateView:
    state = _state(rate, expected, list(alarms), passengers)
    return RateView(
        errors=f"{rate.errors:,}",
        n=f"{rate.n:,}",
        about=one_in(rate.rate or 0.0, words),
        between=_between(rate, words),
        expected=one_in(expected, words) if expected is not None else "",
        state=state,
        state_text=words.say(STATES[state]),
        bar=bar(rate, expected),
    )


def _state(rate: RateMessage, expected: float | None, alarms: list[AlarmMessage], passengers: int) -> State:
    if alarms:
        return "worse" if any(alarm.acknowledged_by is None for alarm in alarms) else "watched"
    if rate.high is None or passengers < FEWEST_PASSENGERS:
        return "few"
    if expected is None:
        return "open"
    if (rate.rate or 0.0) > expected:
        return "above"
    return "within" if rate.high <= expected else "open"


def _between(rate: RateMessage, words: Words) -> str:
    if rate.low is None or rate.high is None:
        return ""
    high = one_in(rate.high, words)
    if rate.low <= 0:
        return words.say(N_("at most %(high)s"), high=high)
    return words.say(N_("between %(low)s and %(high)s"), low=one_in(rate.low, words), high=high)


def _shadow_view(shadow: ShadowMessage) -> ShadowView:
    agreed = shadow.agreed
    return ShadowView(shadow.matcher, f"{agreed.n - agreed.errors:,}", f"{agreed.n:,}")


_ALARMS = {
    "fmr": N_(
        "%(errors)s of %(passengers)s passengers would have passed with the document of somebody else. "
        "At most %(expected)s was expected."
    ),
    "fnmr": N_(
        "%(errors)s of %(passengers)s holders were not recognised. At most %(expected)s was expected."
    ),
}


def _alarm_view(one: SeriesMessage, alarm: AlarmMessage, words: Words) -> AlarmView:
    where = one.lane or words.say(N_("Whole site"))
    return AlarmView(
        id=alarm.id,
        where=f"{where} · {one.group}" if one.group else where,
        text=words.say(
            _ALARMS[alarm.rate],
            errors=f"{alarm.errors:,}",
            passengers=f"{alarm.passengers:,}",
            expected=one_in(alarm.expected, words),
        ),
        raised_at=alarm.raised_at,
        by=alarm.acknowledged_by,
    )


def _worst(sections: tuple[Section, ...]) -> State:
    """An alarm of any matcher, lane or group; else the lesser of what the matcher in use has proved."""
    if any(warned.by is None for section in sections for warned in section.warnings):
        return "worse"
    if any(section.warnings for section in sections):
        return "watched"
    order: list[State] = ["above", "few", "open", "within"]
    return min((sections[0].strangers.state, sections[0].holders.state), key=order.index)


def _across(rate: float) -> int:
    """Pixels from the left."""
    decades = math.log10(rate) + DECADES if rate > 0 else 0.0
    return round(WIDTH * min(max(decades / DECADES, 0.0), 1.0))


def _two_digits(number: float) -> int:
    digits = max(0, math.floor(math.log10(number)) - 1)
    return int(round(number / 10**digits) * 10**digits)
