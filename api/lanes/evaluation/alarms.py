"""Alarms on error rates: raised by an exact test, once an hour at most; all in the ledger.

An alarm is cleared when the window is clean. To acknowledge it means that somebody investigates it; it stays.

False alarms: while the true rate is as expected, one test raises an alarm with a probability of at most
`FALSE_ALARM`. So the 24 × 366 tests of a year raise one with at most 0.9 %, for each rate, however the tests
depend on each other (union bound).

That takes one passenger's outcome to say nothing of the next one's. Of strangers this is not quite so: a
document whose photo is like many people is met by a hundred passengers. Where documents differ threefold in
this (coefficient of variation), none of 400 simulated windows raised a false alarm; where they differ tenfold
and the true rate is exactly what is expected at most, one in twenty did. And after a lane got a stricter
calibration, what it counted by the laxer one is held against the stricter limit until the window has passed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.ledger import chain
from api.platform.database.tables import AlarmRow, SeriesRow
from api.platform.errors import AlarmUnknownError
from lane.evaluation.intervals import chance

FALSE_ALARM = 1e-6
"""The probability of a false alarm, for one test."""
FEWEST_ERRORS = 3
FEWEST_PASSENGERS = 30


@dataclass(frozen=True, slots=True)
class Trials:
    """Passengers of a window, how many of them went wrong, and the share of whom that is expected."""

    errors: int
    passengers: int
    expected: float

    @property
    def expected_errors(self) -> float:
        """The mean where the share is as expected."""
        return self.passengers * self.expected

    @property
    def chance(self) -> float:
        """How often so many errors or more come by chance where all is as expected."""
        return chance(self.errors, self.passengers, self.expected)

    @property
    def alarming(self) -> bool:
        """Whether there are more errors than chance explains, and enough of them to judge."""
        enough = self.errors >= FEWEST_ERRORS and self.passengers >= FEWEST_PASSENGERS
        return enough and self.errors >= self.expected_errors + 1 and self.chance <= FALSE_ALARM

    @property
    def clean(self) -> bool:
        return self.errors <= self.expected_errors


def of_strangers(matched: int, passengers: int, compared: int, limit: float) -> Trials:
    """Of `passengers`, `matched` would have passed with the document of one stranger or more.

    Each was compared with several, `compared` in all, and what comes of these comparisons hangs together: a
    face that is like many matches many. So passengers are counted, not comparisons. One of them matches any
    of its n strangers with a probability of at most n times `limit`, however the n hang together (union
    bound); and so many of them, or more, come at most as often as with the mean of all these probabilities
    for each (Hoeffding 1956, from one error above the mean on).
    """
    expected = min(1.0, limit * compared / passengers) if passengers else 0.0
    return Trials(matched, passengers, expected)


def of_holders(unrecognised: int, recognised: int, limit: float) -> Trials:
    """Of all holders, `unrecognised` did not match their own document."""
    return Trials(unrecognised, unrecognised + recognised, limit)


def trials_of(row: AlarmRow) -> Trials:
    """What raised this alarm."""
    return Trials(row.errors, row.passengers, row.expected)


def update(session: Session, series: SeriesRow, trials: Mapping[str, Trials], *, at: datetime) -> None:
    """Raise or clear the alarms of a series; `trials`: each watched rate in a window of full hours."""
    known = {row.rate: row for row in alarms_of(session, series.id)}
    for rate, row in known.items():
        found = trials.get(rate)
        if found is None or found.clean:
            _clear(session, series, row, at=at)
    for rate, found in trials.items():
        if found.alarming and rate not in known:
            _raise(session, series, rate, found, at=at)


def alarms_of(session: Session, series: int) -> list[AlarmRow]:
    return list(session.scalars(select(AlarmRow).where(AlarmRow.series == series).order_by(AlarmRow.rate)))


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
    for row in alarms_of(session, series.id):
        _clear(session, series, row, at=at)


def subject_of(series: SeriesRow, rate: str) -> dict[str, Any]:
    return {
        "lane": series.lane,
        "group": series.group,
        "matcher": series.matcher,
        "sha256": series.sha256,
        "preprocessing": series.preprocessing,
        "rate": rate,
    }


def _raise(session: Session, series: SeriesRow, rate: str, trials: Trials, *, at: datetime) -> None:
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
