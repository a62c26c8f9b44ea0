"""The evaluation in service as a message, and as gauges for a monitoring system."""

from collections.abc import Iterator, Mapping
from typing import Literal

from prometheus_client import Metric

from api.lanes.evaluation.alarms import RateAlarm
from api.lanes.evaluation.counts import EvaluationCounts
from api.lanes.evaluation.error_test import FALSE_ALARM
from api.lanes.evaluation.report import FEWEST_OF_A_GROUP, Report
from api.lanes.evaluation.series import Series
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


def metrics(report: Report) -> Iterator[Metric]:
    """Gauges of the window: lanes, matchers and groups are labels, and nothing is of one passenger."""
    series = [one for one in evaluation(report).series if one.lane is not None]
    for name, help_text, samples in _families(series):
        labels = tuple(samples[0][0]) if samples else ()
        family = gauge(f"evaluation_{name}", help_text, labels)
        for labelled, value in samples:
            family.add_metric([labelled[label] for label in labels], value)
        yield family


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


def _alarm(alarm: RateAlarm) -> AlarmMessage:
    return AlarmMessage(
        id=alarm.id,
        rate=alarm.rate,
        raised_at=alarm.raised_at,
        errors=alarm.trials.errors,
        passengers=alarm.trials.passengers,
        expected=alarm.trials.expected,
        chance=alarm.trials.chance,
        acknowledged_by=alarm.acknowledged_by,
        acknowledged_at=alarm.acknowledged_at,
    )


def _rate(errors: int, n: int) -> RateMessage:
    return RateMessage.model_validate(intervals.rate(errors, n).plain())


Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def _families(series: list[SeriesMessage]) -> Iterator[tuple[str, str, list[Sample]]]:
    labelled = [(_labels(one), one) for one in series]
    yield (
        "passengers",
        "Passengers who were compared with strangers' documents within the window.",
        [(labels, one.strangers.passengers) for labels, one in labelled],
    )
    yield (
        "passengers_matched",
        "Of those, how many would have passed with a stranger's document.",
        [(labels, one.strangers.passengers_matched) for labels, one in labelled],
    )
    yield from _rates("fmr", "Strangers' documents that would have done", labelled, "strangers")
    yield from _rates("fnmr", "Holders who were not recognised", labelled, "holders")
    yield (
        "shadow_disagreements",
        "Passengers about whom a second matcher said otherwise.",
        [(labels | {"shadow": s.matcher}, s.agreed.errors) for labels, one in labelled for s in one.shadows],
    )
    yield (
        "shadow_passengers",
        "Passengers about whom a second matcher said anything.",
        [(labels | {"shadow": s.matcher}, s.agreed.n) for labels, one in labelled for s in one.shadows],
    )
    yield (
        "alarm",
        "1 while a rate is above what is expected, 0.5 once somebody looks into it.",
        [(labels | {"rate": a.rate}, _loudness(a)) for labels, one in labelled for a in one.alarms],
    )


def _rates(
    name: str,
    help_text: str,
    labelled: list[tuple[dict[str, str], SeriesMessage]],
    which: Literal["strangers", "holders"],
) -> Iterator[tuple[str, str, list[Sample]]]:
    """Errors and trials of both bounds, and what is expected; a rate is for the reader to divide."""
    counted = [(labels, one.strangers if which == "strangers" else one.holders) for labels, one in labelled]
    bounds = [
        (labels | {"bound": bound}, rate)
        for labels, side in counted
        for bound, rate in (("low", side.low), ("high", side.high))
    ]
    yield (
        f"{name}_errors",
        f"{help_text}, within the window.",
        [(labels, one.errors) for labels, one in bounds],
    )
    yield f"{name}_trials", f"{help_text}: of how many.", [(labels, one.n) for labels, one in bounds]
    expected: list[Sample] = [
        (labels, side.expected) for labels, side in counted if side.expected is not None
    ]
    yield f"{name}_expected", f"{help_text}: the share that is expected at most.", expected


def _labels(one: SeriesMessage) -> dict[str, str]:
    """Whole hashes: two series with the same labels would make a reader refuse everything."""
    matcher = one.matcher
    return {
        "lane": str(one.lane),
        "matcher": matcher.name,
        "sha256": matcher.sha256,
        "preprocessing": matcher.preprocessing,
        "group": one.group or "",
    }


def _loudness(alarm: AlarmMessage) -> float:
    return 1 if alarm.acknowledged_by is None else 0.5
