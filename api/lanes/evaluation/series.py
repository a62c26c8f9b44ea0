"""Counts of the matcher in service: by lane, matcher, group and hour.

Each passage is counted once, from the lane's `passage.evaluated` and the officer's decision; no other data of
a passenger is kept. An invalid entry is kept in the ledger and counts nothing: statistics never refuse a
delivery. Counts older than the window are removed, and so are series without counts.
"""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from api.lanes.evaluation import alarms
from api.lanes.evaluation.alarms import Trials
from api.ledger.facts import EvaluatedFact, MatcherFact
from api.platform.database.tables import AlarmRow, CountsRow, LedgerRow, SeriesRow
from api.platform.errors import StoreError
from api.review.cases import decisions
from lane.decision.referral import Answer, Decision, Ground
from lane.ledger.entry import Entry, read
from lane.platform.errors import LedgerBrokenError

log = logging.getLogger(__name__)

KIND = "passage.evaluated"
WHOLE_SITE, EVERYBODY, NO_SHADOW = "", "", ""
MOST_SERIES = 64
"""The most series of one lane, so that none fills the disk with invented groups and matchers."""
FEWEST_OF_A_GROUP = 20


@dataclass(frozen=True, slots=True)
class EvaluationCounts:
    """Counts, of passengers where nothing else is said."""

    passengers: int = 0
    """Matched their own document, and were compared with strangers'."""
    passengers_matched: int = 0
    """Of those: would have passed with the document of one stranger or more."""
    compared: int = 0
    """Comparisons with strangers' documents."""
    matched: int = 0
    skipped: int = 0
    """Comparisons with documents that may be the same person's."""
    skipped_matched: int = 0
    recognised: int = 0
    """Matched their own document, and no officer found them to be somebody else."""
    unrecognised: int = 0
    """Did not match their own document, and an officer admitted them."""
    undecided: int = 0
    """Did not match their own document, and no officer said whether it was theirs."""
    strangers_stopped: int = 0
    """Did not match the document, and an officer found that it was not theirs."""
    strangers_matched: int = 0
    """Matched the document, and an officer found that it was not theirs."""
    both_match: int = 0
    both_not: int = 0
    disagree: int = 0


NAMES = tuple(field.name for field in fields(EvaluationCounts))


@dataclass(frozen=True, slots=True)
class Series:
    """The counts of one lane, matcher and group within the window, and its alarms."""

    lane: str | None
    group: str | None
    matcher: MatcherFact
    last_at: datetime
    fmr_limit: float | None
    fnmr_limit: float | None
    counts: EvaluationCounts
    shadows: Mapping[str, EvaluationCounts]
    alarms: list[AlarmRow]


@dataclass(frozen=True, slots=True)
class Report:
    since: datetime
    at: datetime
    series: tuple[Series, ...]


def count_entry(session: Session, lane: str, entry: Entry, *, at: datetime, window: timedelta) -> None:
    """Count a lane's `passage.evaluated`, received `at`, once a passage. An invalid one counts nothing.

    Raises only where the database takes no writing: then the delivery cannot be kept either.
    """
    try:
        with session.begin_nested():
            _count_entry(session, lane, entry, at=at, window=window)
    except Exception as error:  # counts decide about no passenger: no fault in them refuses a delivery
        if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
            raise
        log.error("entry %s of lane %s is not counted", entry.seq, lane, exc_info=error)


def _count_entry(session: Session, lane: str, entry: Entry, *, at: datetime, window: timedelta) -> None:
    try:
        fact = EvaluatedFact.model_validate(entry.body)
        decision = decisions.of_passage(session, fact.passage)
    except (ValidationError, StoreError) as error:
        log.warning("entry %s of lane %s is not counted: %s", entry.seq, lane, type(error).__name__)
        return
    if fact.matcher is None or _is_repeated(session, lane, fact.passage):
        return
    hour = at.replace(minute=0, second=0, microsecond=0)
    shadow = fact.shadow.matcher.name if fact.shadow.matcher and fact.shadow.agreement else NO_SHADOW
    begun = False
    for where, group in _series_of(lane, fact.group):
        row = _series(session, where, fact, group, at=at)
        if row is None:
            break
        counted = select(CountsRow.shadow).where(CountsRow.series == row.id, CountsRow.hour == hour)
        begins = session.scalar(counted.limit(1)) is None
        _add(session, row.id, hour, shadow, counts_of(fact, decision, in_group=bool(group)))
        if begins and where == WHOLE_SITE:
            _set_site_limits(session, row, hour - window, hour + timedelta(hours=1))
        if begins:
            alarms.update(session, row, _trials(row, summed(session, row.id, hour - window, hour)), at=at)
        begun |= begins
    if begun:
        _forget_old(session, hour - window, at=at)


def _trials(row: SeriesRow, counts: EvaluationCounts) -> dict[str, Trials]:
    """The rates of a series for which the lane told a limit."""
    found = {}
    if row.fmr_limit is not None:
        matched, passengers = counts.passengers_matched, counts.passengers
        found["fmr"] = alarms.of_strangers(matched, passengers, counts.compared, row.fmr_limit)
    if row.fnmr_limit is not None:
        found["fnmr"] = alarms.of_holders(counts.unrecognised, counts.recognised, row.fnmr_limit)
    return found


def listed(session: Session, *, at: datetime, window: timedelta) -> list[Series]:
    """All series of the window: the whole site first, then lane by lane."""
    since, until = window_start(at, window), at + timedelta(hours=1)
    rows = session.scalars(select(SeriesRow).order_by(SeriesRow.lane, SeriesRow.matcher, SeriesRow.id)).all()
    return [
        Series(
            lane=row.lane or None,
            group=row.group or None,
            matcher=MatcherFact(name=row.matcher, sha256=row.sha256, preprocessing=row.preprocessing),
            last_at=row.last_at,
            fmr_limit=row.fmr_limit,
            fnmr_limit=row.fnmr_limit,
            counts=summed(session, row.id, since, until),
            shadows=_by_shadow(session, row.id, since, until),
            alarms=alarms.alarms_of(session, row.id),
        )
        for row in rows
    ]


def window_start(at: datetime, window: timedelta) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) - window


def counts_of(fact: EvaluatedFact, decision: Decision | None, *, in_group: bool) -> EvaluationCounts:
    """The counts of one passenger; `in_group`: only strangers of the same group."""
    others = fact.cohort.in_group if in_group else fact.cohort.others
    numbers: dict[str, int] = {}
    if others is not None and fact.own_match:
        numbers = {
            "passengers": int(others.compared > 0),
            "passengers_matched": int(others.matched > 0),
            "compared": others.compared,
            "matched": others.matched,
            "skipped": others.skipped,
            "skipped_matched": others.skipped_matched,
        }
    counted = (_outcome(fact.own_match, decision), fact.shadow.agreement)
    return EvaluationCounts(**numbers, **{name: 1 for name in counted if name})


def summed(
    session: Session, series: int, since: datetime, until: datetime, shadow: str | None = None
) -> EvaluationCounts:
    """The counts of a series within this time, of one second matcher alone where that is named."""
    sums = [func.coalesce(func.sum(getattr(CountsRow, name)), 0) for name in NAMES]
    query = select(*sums).where(*_within(series, since, until))
    found = session.execute(query if shadow is None else query.where(CountsRow.shadow == shadow)).one()
    return EvaluationCounts(**dict(zip(NAMES, map(int, found), strict=True)))


def _within(series: int, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return CountsRow.series == series, CountsRow.hour >= since, CountsRow.hour < until


def _outcome(own_match: bool | None, decision: Decision | None) -> str | None:  # noqa: FBT001 - a verdict
    """The count that this passenger belongs to, if there is one."""
    stranger = decision is not None and decision.ground is Ground.DIFFERENT_PERSON
    if own_match is None:
        return None
    if own_match:
        return "strangers_matched" if stranger else "recognised"
    if stranger:
        return "strangers_stopped"
    admitted = decision is not None and decision.answer is Answer.ADMIT
    return "unrecognised" if admitted else "undecided"


def _series_of(lane: str, group: str | None) -> Iterator[tuple[str, str]]:
    """The lane and group of each series; the lane first, since the site counts only what the lane may."""
    for series_group in (EVERYBODY, group):
        if series_group is not None:
            yield from ((lane, series_group), (WHOLE_SITE, series_group))


def _is_repeated(session: Session, lane: str, passage: str) -> bool:
    """Whether the ledger has more than this one evaluation of the passage."""
    rows = session.execute(
        select(LedgerRow.payload, LedgerRow.hash).where(LedgerRow.passage == passage, LedgerRow.lane == lane)
    )
    return sum(_is_evaluation(payload, hash_) for payload, hash_ in rows) > 1


def _is_evaluation(payload: str, hash_: str) -> bool:
    try:
        body = read(payload, hash_).body
        return read(str(body.get("payload")), str(body.get("hash"))).kind == KIND
    except LedgerBrokenError:
        return False


def _series(
    session: Session, lane: str, fact: EvaluatedFact, group: str, *, at: datetime
) -> SeriesRow | None:
    """The row of this series; None where the lane has too many already. The site has those of its lanes."""
    matcher = fact.matcher
    if matcher is None:
        return None
    columns = {
        "group": group,
        "matcher": matcher.name,
        "sha256": matcher.sha256,
        "preprocessing": matcher.preprocessing,
    }
    row = session.scalars(select(SeriesRow).filter_by(lane=lane, **columns)).one_or_none()
    if row is None:
        known = session.scalar(select(func.count()).where(SeriesRow.lane == lane)) or 0
        if lane != WHOLE_SITE and known >= MOST_SERIES:
            log.warning("lane %s tells of more matchers and groups than are counted", lane)
            return None
        row = SeriesRow(lane=lane, last_at=at, **columns)
        session.add(row)
    row.last_at = at
    if lane != WHOLE_SITE:
        row.fmr_limit, row.fnmr_limit = fact.limits.fmr, fact.limits.fnmr
    session.flush()
    return row


def _set_site_limits(session: Session, site: SeriesRow, since: datetime, until: datetime) -> None:
    """The limits of the site: the mean of its lanes' limits, weighted by their comparisons."""
    of_lanes = select(SeriesRow).where(SeriesRow.lane != WHOLE_SITE)
    alike = of_lanes.filter_by(
        group=site.group, matcher=site.matcher, sha256=site.sha256, preprocessing=site.preprocessing
    )
    counts = [(row, summed(session, row.id, since, until)) for row in session.scalars(alike).all()]
    site.fmr_limit = _mean([(row.fmr_limit, found.compared) for row, found in counts])
    site.fnmr_limit = _mean(
        [(row.fnmr_limit, found.recognised + found.unrecognised) for row, found in counts]
    )
    session.flush()


def _mean(limits: Iterable[tuple[float | None, int]]) -> float | None:
    """The mean of what is known, weighted; unweighted where no weight is. None where nothing is known."""
    known = [(limit, weight) for limit, weight in limits if limit is not None]
    if not known:
        return None
    whole = sum(weight for _, weight in known)
    if whole == 0:
        return math.fsum(limit for limit, _ in known) / len(known)
    return math.fsum(limit * weight for limit, weight in known) / whole


def _add(session: Session, series: int, hour: datetime, shadow: str, counts: EvaluationCounts) -> None:
    row = session.get(CountsRow, (series, hour, shadow))
    if row is None:
        row = CountsRow(series=series, hour=hour, shadow=shadow, **dict.fromkeys(NAMES, 0))
        session.add(row)
    for name in NAMES:
        setattr(row, name, getattr(row, name) + getattr(counts, name))
    session.flush()


def _by_shadow(
    session: Session, series: int, since: datetime, until: datetime
) -> dict[str, EvaluationCounts]:
    seen = select(CountsRow.shadow).where(*_within(series, since, until), CountsRow.shadow != NO_SHADOW)
    shadows = session.scalars(seen.distinct().order_by(CountsRow.shadow)).all()
    return {shadow: summed(session, series, since, until, shadow) for shadow in shadows}


def _forget_old(session: Session, before: datetime, *, at: datetime) -> None:
    """Remove old counts, and series without counts together with their alarms."""
    session.execute(delete(CountsRow).where(CountsRow.hour < before))
    gone = select(SeriesRow).where(~select(CountsRow.series).where(CountsRow.series == SeriesRow.id).exists())
    for row in session.scalars(gone).all():
        alarms.clear(session, row, at=at)
        session.delete(row)
    session.flush()
