"""The evaluation in service as a message, and as gauges for a monitoring system."""

from collections.abc import Iterator

from prometheus_client import Metric

from api.lanes.evaluation.alarms import FALSE_ALARM, trials_of
from api.lanes.evaluation.series import FEWEST_OF_A_GROUP, EvaluationCounts, Report, Series
from api.platform.database.tables import AlarmRow
from api.platform.metrics import gauge
from api.web.messages.evaluation import (
    AlarmMessage,
    Evaluation,
    HoldersMessage,
    Matcher,
    RateMessage,
    SeriesMessage,
    ShadowMessage,
    StrangersMessage,
)
from lane.evaluation import intervals


def evaluation(report: Report) -> Evaluation:
    """All series of the window."""
    return Evaluation(
        since=report.since,
        at=report.at,
        false_alarm=FALSE_ALARM,
        fewest=FEWEST_OF_A_GROUP,
        series=[_series(one) for one in report.series],
    )


_FAMILIES = {
    "passengers": "Passengers who were compared with the documents of others within the window.",
    "passengers_matched": "Of those, how many would have passed with the document of somebody else.",
    "fmr_errors": "Impostor comparisons that would have passed, within the window.",
    "fmr_trials": "Impostor comparisons that would have passed: of how many.",
    "fmr_expected": "Impostor comparisons that would have passed: the share that is expected at most.",
    "fnmr_errors": "Genuine comparisons that did not match, within the window.",
    "fnmr_trials": "Genuine comparisons that did not match: of how many.",
    "fnmr_expected": "Genuine comparisons that did not match: the share that is expected at most.",
    "shadow_disagreements": "Passengers about whom a second matcher said otherwise.",
    "shadow_passengers": "Passengers about whom a second matcher said anything.",
    "alarm": "1 while a rate is above what is expected, 0.5 once somebody looks into it.",
}
"""Name of a metric → its help. A rate is for the reader to divide."""

Samples = dict[str, list[tuple[dict[str, str], float]]]


def metrics(report: Report) -> Iterator[Metric]:
    """Gauges of the window: lanes, matchers and groups are labels, and nothing is of one passenger."""
    samples: Samples = {name: [] for name in _FAMILIES}
    for one in evaluation(report).series:
        if one.lane is not None:
            _sample(one, samples)
    for name, found in samples.items():
        labels = tuple(found[0][0]) if found else ()
        family = gauge(f"evaluation_{name}", _FAMILIES[name], labels)
        for labelled, value in found:
            family.add_metric([labelled[label] for label in labels], value)
        yield family


def _sample(one: SeriesMessage, samples: Samples) -> None:
    def add(name: str, value: float, **more: str) -> None:
        samples[name].append((_labels(one) | more, value))

    add("passengers", one.strangers.passengers)
    add("passengers_matched", one.strangers.passengers_matched)
    sides: tuple[tuple[str, StrangersMessage | HoldersMessage], ...]
    sides = (("fmr", one.strangers), ("fnmr", one.holders))
    for rate, side in sides:
        for bound, counted in (("low", side.low), ("high", side.high)):
            add(f"{rate}_errors", counted.errors, bound=bound)
            add(f"{rate}_trials", counted.n, bound=bound)
        if side.expected is not None:
            add(f"{rate}_expected", side.expected)
    for shadow in one.shadows:
        add("shadow_disagreements", shadow.agreed.errors, shadow=shadow.matcher)
        add("shadow_passengers", shadow.agreed.n, shadow=shadow.matcher)
    for alarm in one.alarms:
        add("alarm", 1 if alarm.acknowledged_by is None else 0.5, rate=alarm.rate)


def _labels(one: SeriesMessage) -> dict[str, str]:
    """Whole hashes: two series with the same labels would make a reader refuse everything."""
    return {
        "lane": str(one.lane),
        "matcher": one.matcher.name,
        "sha256": one.matcher.sha256,
        "preprocessing": one.matcher.preprocessing,
        "group": one.group or "",
    }


def _series(one: Series) -> SeriesMessage:
    return SeriesMessage(
        lane=one.lane,
        group=one.group,
        matcher=Matcher.model_validate(one.matcher),
        last_at=one.last_at,
        strangers=_strangers(one),
        holders=_holders(one),
        shadows=[_shadow(name, counts) for name, counts in one.shadows.items()],
        alarms=[_alarm(alarm) for alarm in one.alarms],
    )


def _strangers(one: Series) -> StrangersMessage:
    counts = one.counts
    return StrangersMessage(
        passengers=counts.passengers,
        passengers_matched=counts.passengers_matched,
        low=_rate(counts.matched, counts.compared),
        high=_rate(counts.matched + counts.skipped_matched, counts.compared + counts.skipped),
        expected=one.fmr_limit,
    )


def _holders(one: Series) -> HoldersMessage:
    counts = one.counts
    known, perhaps = counts.unrecognised, counts.unrecognised + counts.undecided
    return HoldersMessage(
        low=_rate(known, known + counts.recognised),
        high=_rate(perhaps, perhaps + counts.recognised),
        expected=one.fnmr_limit,
        undecided=counts.undecided,
        strangers_stopped=counts.strangers_stopped,
        strangers_matched=counts.strangers_matched,
    )


def _shadow(name: str, counts: EvaluationCounts) -> ShadowMessage:
    spoke = counts.both_match + counts.both_not + counts.disagree
    agreed = _rate(counts.disagree, spoke)
    return ShadowMessage(matcher=name, agreed=agreed, both_match=counts.both_match, both_not=counts.both_not)


def _alarm(alarm: AlarmRow) -> AlarmMessage:
    names = (
        "id",
        "rate",
        "raised_at",
        "errors",
        "passengers",
        "expected",
        "acknowledged_by",
        "acknowledged_at",
    )
    fields = {name: getattr(alarm, name) for name in names}
    return AlarmMessage.model_validate(fields | {"chance": trials_of(alarm).chance})


def _rate(errors: int, n: int) -> RateMessage:
    return RateMessage.model_validate(intervals.rate(errors, n).plain())
