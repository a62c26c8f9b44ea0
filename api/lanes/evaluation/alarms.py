"""Alarms: raised by an exact test, and there until the window is clean again; each change is in the ledger.

Acknowledging one says that somebody looks into it. It quietens the alarm and changes nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.lanes.evaluation import error_test
from api.lanes.evaluation.counts import Counts
from api.ledger import chain
from api.platform.database.tables import AlarmRow, SeriesRow
from api.platform.errors import AlarmUnknownError

Watched = Literal["fmr", "fnmr"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rate that is above what is expected."""

    id: int
    rate: Watched
    raised_at: datetime
    trials: error_test.Trials
    acknowledged_by: str | None
    acknowledged_at: datetime | None


def look(session: Session, series: SeriesRow, counts: Counts, *, at: datetime) -> None:
    """Test both rates of a window of full hours: raise what alarms, clear what is clean again."""
    trials: dict[str, error_test.Trials] = dict(_trials(series, counts))
    for row in _rows(session, series.id):
        found = trials.get(row.rate)
        if found is None or found.clean:
            _clear(session, series, row, at=at)
    known = {row.rate for row in _rows(session, series.id)}
    for rate, found in trials.items():
        if found.alarming and rate not in known:
            _raise(session, series, rate, found, at=at)


def of(session: Session, series: int) -> tuple[Alarm, ...]:
    """What is alarming now."""
    return tuple(_alarm(row) for row in _rows(session, series))


def acknowledge(session: Session, alarm: int, officer: str, *, at: datetime) -> bool:
    """Note who looks into it; False where somebody does already. Raises AlarmUnknownError."""
    row = session.get(AlarmRow, alarm)
    series = session.get(SeriesRow, row.series) if row else None
    if row is None or series is None:
        raise AlarmUnknownError
    if row.acknowledged_by is not None:
        return False
    row.acknowledged_by, row.acknowledged_at = officer, at
    session.flush()
    chain.append(session, "alarm.acknowledged", {**key(series, row.rate), "officer": officer}, at=at)
    return True


def clear(session: Session, series: SeriesRow, *, at: datetime) -> None:
    """Nothing is left to be alarmed about."""
    for row in _rows(session, series.id):
        _clear(session, series, row, at=at)


def key(series: SeriesRow, rate: str) -> dict[str, Any]:
    """What an alarm is about, as the ledger has it."""
    return {
        "lane": series.lane,
        "group": series.group,
        "matcher": series.matcher,
        "sha256": series.sha256,
        "preprocessing": series.preprocessing,
        "rate": rate,
    }


def _trials(series: SeriesRow, counts: Counts) -> Iterator[tuple[Watched, error_test.Trials]]:
    if series.fmr_limit is not None:
        matched, passengers = counts.passengers_matched, counts.passengers
        yield "fmr", error_test.of_strangers(matched, passengers, counts.compared, series.fmr_limit)
    if series.fnmr_limit is not None:
        yield "fnmr", error_test.of_holders(counts.unrecognised, counts.recognised, series.fnmr_limit)


def _raise(
    session: Session, series: SeriesRow, rate: str, trials: error_test.Trials, *, at: datetime
) -> None:
    numbers = {
        "errors": trials.errors,
        "passengers": trials.passengers,
        "expected": trials.expected,
        "chance": trials.chance,
    }
    numbers_kept = {name: numbers[name] for name in ("errors", "passengers", "expected")}
    session.add(AlarmRow(series=series.id, rate=rate, raised_at=at, **numbers_kept))
    session.flush()
    chain.append(session, "alarm.raised", {**key(series, rate), **numbers}, at=at)


def _clear(session: Session, series: SeriesRow, row: AlarmRow, *, at: datetime) -> None:
    rate = row.rate
    session.delete(row)
    session.flush()
    chain.append(session, "alarm.cleared", key(series, rate), at=at)


def _rows(session: Session, series: int) -> list[AlarmRow]:
    return list(session.scalars(select(AlarmRow).where(AlarmRow.series == series).order_by(AlarmRow.rate)))


def _alarm(row: AlarmRow) -> Alarm:
    return Alarm(
        id=row.id,
        rate="fmr" if row.rate == "fmr" else "fnmr",
        raised_at=row.raised_at,
        trials=error_test.Trials(row.errors, row.passengers, row.expected),
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
    )
