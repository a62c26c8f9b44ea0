"""Alarms on error rates: raised by an exact test, cleared when the window is clean; all in the ledger.

To acknowledge an alarm means that somebody investigates it; the alarm stays.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.lanes.evaluation import error_test
from api.lanes.evaluation.counts import EvaluationCounts
from api.ledger import chain
from api.platform.database.tables import AlarmRow, SeriesRow
from api.platform.errors import AlarmUnknownError

Watched = Literal["fmr", "fnmr"]


@dataclass(frozen=True, slots=True)
class RateAlarm:
    """A rate that is above what is expected."""

    id: int
    rate: Watched
    raised_at: datetime
    trials: error_test.Trials
    acknowledged_by: str | None
    acknowledged_at: datetime | None


def update(session: Session, series: SeriesRow, counts: EvaluationCounts, *, at: datetime) -> None:
    """Test both rates of a window of full hours, and raise or clear alarms."""
    trials: dict[str, error_test.Trials] = dict(_trials(series, counts))
    for row in _rows(session, series.id):
        found = trials.get(row.rate)
        if found is None or found.clean:
            _clear(session, series, row, at=at)
    known = {row.rate for row in _rows(session, series.id)}
    for rate, found in trials.items():
        if found.alarming and rate not in known:
            _raise(session, series, rate, found, at=at)


def alarms_of(session: Session, series: int) -> tuple[RateAlarm, ...]:
    return tuple(_alarm(row) for row in _rows(session, series))


def acknowledge(session: Session, alarm: int, officer: str, *, at: datetime) -> bool:
    """Note who investigates it; False where somebody does already. Raises AlarmUnknownError."""
    row = session.get(AlarmRow, alarm)
    series = session.get(SeriesRow, row.series) if row else None
    if row is None or series is None:
        raise AlarmUnknownError
    if row.acknowledged_by is not None:
        return False
    row.acknowledged_by, row.acknowledged_at = officer, at
    session.flush()
    chain.append(session, "alarm.acknowledged", {**subject_of(series, row.rate), "officer": officer}, at=at)
    return True


def clear(session: Session, series: SeriesRow, *, at: datetime) -> None:
    for row in _rows(session, series.id):
        _clear(session, series, row, at=at)


def subject_of(series: SeriesRow, rate: str) -> dict[str, Any]:
    """The subject of an alarm, as in the ledger."""
    return {
        "lane": series.lane,
        "group": series.group,
        "matcher": series.matcher,
        "sha256": series.sha256,
        "preprocessing": series.preprocessing,
        "rate": rate,
    }


def _trials(series: SeriesRow, counts: EvaluationCounts) -> Iterator[tuple[Watched, error_test.Trials]]:
    if series.fmr_limit is not None:
        matched, passengers = counts.passengers_matched, counts.passengers
        yield "fmr", error_test.of_strangers(matched, passengers, counts.compared, series.fmr_limit)
    if series.fnmr_limit is not None:
        yield "fnmr", error_test.of_holders(counts.unrecognised, counts.recognised, series.fnmr_limit)


def _raise(
    session: Session, series: SeriesRow, rate: str, trials: error_test.Trials, *, at: datetime
) -> None:
    numbers = asdict(trials)
    session.add(AlarmRow(series=series.id, rate=rate, raised_at=at, **numbers))
    session.flush()
    body = {**subject_of(series, rate), **numbers, "chance": trials.chance}
    chain.append(session, "alarm.raised", body, at=at)


def _clear(session: Session, series: SeriesRow, row: AlarmRow, *, at: datetime) -> None:
    rate = row.rate
    session.delete(row)
    session.flush()
    chain.append(session, "alarm.cleared", subject_of(series, rate), at=at)


def _rows(session: Session, series: int) -> list[AlarmRow]:
    return list(session.scalars(select(AlarmRow).where(AlarmRow.series == series).order_by(AlarmRow.rate)))


def _alarm(row: AlarmRow) -> RateAlarm:
    return RateAlarm(
        id=row.id,
        rate="fmr" if row.rate == "fmr" else "fnmr",
        raised_at=row.raised_at,
        trials=error_test.Trials(row.errors, row.passengers, row.expected),
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
    )
