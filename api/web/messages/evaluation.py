"""The messages about the evaluation in service: counts and rates, nothing of one passenger."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.lanes.evaluation.alarms import FALSE_ALARM, trials_of
from api.lanes.evaluation.series import FEWEST_OF_A_GROUP, EvaluationCounts, Report, Series
from api.platform.database.tables import AlarmRow
from api.platform.messages import Sha256, StrictMessage
from lane.evaluation import intervals


class Matcher(StrictMessage):
    """A matcher: its file, and what is done to a picture before it."""

    name: str
    sha256: Sha256
    preprocessing: Sha256


class RateMessage(StrictMessage):
    """`errors` of `n`, with the exact 95 % interval (Clopper and Pearson); null where nothing was counted."""

    errors: int
    n: int
    rate: float | None = Field(description="A fraction, 0 to 1.")
    low: float | None
    high: float | None


class AlarmMessage(StrictMessage):
    """A rate is above what is expected, and chance does not explain it."""

    id: int
    rate: Literal["fmr", "fnmr"]
    raised_at: datetime
    errors: int
    passengers: int
    expected: float = Field(description="The share of passengers that was expected.")
    chance: float = Field(description="How often so many errors come by chance where all is as expected.")
    acknowledged_by: str | None = Field(description="A supervisor's pseudonym.")
    acknowledged_at: datetime | None


class StrangersMessage(StrictMessage):
    """Impostor comparisons: each passenger with the documents of others who came before. A live FMR.

    `low` leaves out references that look like the passenger's own: they may be a second document of the same
    person. `high` counts them as impostor comparisons. The truth lies in between. The intervals take
    comparisons for independent; those of one passenger are not, so they are somewhat too narrow. Alarms count
    passengers.
    """

    passengers: int
    passengers_matched: int
    low: RateMessage
    high: RateMessage
    expected: float | None


class HoldersMessage(StrictMessage):
    """Genuine comparisons: each passenger with the own document. A live FNMR.

    `low` counts as non-matches those whom an officer admitted after the matcher did not recognise them;
    `high` also those on whom no officer said whether they were the holders. `strangers_stopped` and
    `strangers_matched` count those whom an officer found to be somebody else: not matched, and matched.
    """

    low: RateMessage
    high: RateMessage
    expected: float | None
    undecided: int
    strangers_stopped: int
    strangers_matched: int


class ShadowMessage(StrictMessage):
    """How often a second matcher agreed."""

    matcher: str
    agreed: RateMessage = Field(description="`errors` are the disagreements.")
    both_match: int
    both_not: int


class SeriesMessage(StrictMessage):
    """One lane, or the whole site; one matcher; everybody, or one group."""

    lane: str | None = Field(description="Null: the whole site.")
    group: str | None = Field(description="A nationality that the site counts by itself. Null: everybody.")
    matcher: Matcher
    last_at: datetime
    strangers: StrangersMessage
    holders: HoldersMessage
    shadows: list[ShadowMessage]
    alarms: list[AlarmMessage]


class Evaluation(StrictMessage):
    """How the matcher does in service."""

    since: datetime = Field(description="The window's beginning: a full hour.")
    at: datetime
    false_alarm: float = Field(description="Of one look at one rate, at most; looks are an hour apart.")
    fewest: int = Field(
        description="A group with fewer passengers is left out: one of them might be recognised."
    )
    series: list[SeriesMessage]


def evaluation_message(report: Report) -> Evaluation:
    return Evaluation(
        since=report.since,
        at=report.at,
        false_alarm=FALSE_ALARM,
        fewest=FEWEST_OF_A_GROUP,
        series=[_series(one) for one in report.series],
    )


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
    return AlarmMessage.model_validate(
        {
            "id": alarm.id,
            "rate": alarm.rate,
            "raised_at": alarm.raised_at,
            "errors": alarm.errors,
            "passengers": alarm.passengers,
            "expected": alarm.expected,
            "chance": trials_of(alarm).chance,
            "acknowledged_by": alarm.acknowledged_by,
            "acknowledged_at": alarm.acknowledged_at,
        }
    )


def _rate(errors: int, n: int) -> RateMessage:
    return RateMessage.model_validate(intervals.rate(errors, n).plain())
