"""Gauges of the desk at one moment, and the waiting time of each case that is shown or decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from api.faces import images
from api.lanes.hall import lane_states
from api.lanes.hall.status_report import State
from api.ledger import chain
from api.platform.database.database import Database
from api.platform.database.tables import LedgerRow, ReferralRow, SessionRow
from api.platform.errors import ApiError
from api.platform.metrics import Meters, gauge
from api.platform.settings import Settings
from api.review import shifts
from api.review.cases import queue
from lane.ledger.entry import Entry, read
from lane.platform.errors import LedgerBrokenError

SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Gauges:
    """Counts of what is there; nothing of one passenger."""

    open: int
    claimed: int
    oldest_s: float
    """0 where nobody waits."""
    ledger_entries: int
    sessions: int
    faces: int
    """Passages of which images are held."""
    escalated: int
    unanswerable: int
    lanes: Mapping[str, int]
    """State → how many lanes reported it last; those that have not reported for a while are `silent`."""


def count(session: Session, *, at: datetime, silent_after: timedelta, idle: timedelta) -> Gauges:
    """Count in the database."""
    until = ReferralRow.claimed_until
    claimed = and_(ReferralRow.claimed_by.is_not(None), until > at, until <= at + queue.LONGEST_LEASE)
    waiting, held, oldest = session.execute(
        select(func.count(), func.sum(case((claimed, 1), else_=0)), func.min(ReferralRow.opened_at)).where(
            _waiting()
        )
    ).one()
    return Gauges(
        open=waiting - (held or 0),
        claimed=held or 0,
        oldest_s=max(0.0, (at - oldest).total_seconds()) if oldest else 0.0,
        ledger_entries=chain.head(session).seq,
        sessions=session.scalar(select(func.count()).where(SessionRow.used_at > at - idle)) or 0,
        faces=images.held(session),
        escalated=session.scalar(
            select(func.count()).where(_waiting(), ReferralRow.escalated_at.is_not(None))
        )
        or 0,
        unanswerable=len(shifts.unanswerable(session, at=at)),
        lanes=_lanes(session, heard_since=at - silent_after),
    )


def case_opened_at(session: Session, entry: Entry) -> datetime | None:
    """Since when the case of `entry` waits; None where the ledger has an earlier entry of this kind."""
    passage = str(entry.body.get("passage"))
    rows = session.execute(
        select(LedgerRow.payload, LedgerRow.hash).where(
            LedgerRow.passage == passage, LedgerRow.lane.is_(None), LedgerRow.seq < entry.seq
        )
    )
    try:
        first = not any(read(payload, hash_).kind == entry.kind for payload, hash_ in rows)
    except LedgerBrokenError:
        return None
    return (
        session.scalar(select(ReferralRow.opened_at).where(ReferralRow.passage == passage)) if first else None
    )


def _waiting() -> ColumnElement[bool]:
    return and_(ReferralRow.decision.is_(None), ReferralRow.ended.is_(None))


def _lanes(session: Session, *, heard_since: datetime) -> Mapping[str, int]:
    found = dict.fromkeys((*get_args(State), SILENT), 0)
    for lane in lane_states.lanes(session):
        silent = lane.status is None or lane.at is None or lane.at < heard_since
        found[SILENT if silent or lane.status is None else lane.status.state] += 1
    return found


@dataclass(frozen=True, slots=True)
class WriteMeter:
    """Observes the database's writers, for the metrics."""

    meters: Meters
    database: Database

    def waited(self, seconds: float) -> None:
        """A writer had its turn."""
        self.meters.turns.observe(seconds)

    def recorded(self, entries: Sequence[Entry]) -> None:
        """Count committed entries. Never raises."""
        for entry in entries:
            self.meters.recorded.labels(entry.kind).inc()
            if entry.kind in ("referral.shown", "referral.decided"):
                self._waited_for(entry)

    def _waited_for(self, entry: Entry) -> None:
        try:
            with self.database.read() as session:
                opened = case_opened_at(session, entry)
        except ApiError:
            return
        if opened is not None:
            meter = self.meters.shown if entry.kind == "referral.shown" else self.meters.decided
            meter.observe(max(0.0, (entry.at - opened).total_seconds()))


def current_metrics(database: Database, settings: Settings, *, at: datetime) -> list[Metric]:
    """All gauges, counted now. Raises StoreBusyError."""
    silent_after, idle = (
        timedelta(seconds=settings.lane_silent_after_s),
        timedelta(seconds=settings.session_idle_s),
    )
    with database.read() as session:
        found = count(session, at=at, silent_after=silent_after, idle=idle)
    cases = {"open": found.open, "claimed": found.claimed}
    plain = (
        ("referrals_waiting", "Passengers who wait for an officer.", found.open + found.claimed),
        ("referrals_escalated", "Of those, who waited longer than they should.", found.escalated),
        ("referrals_unanswerable", "Of those, whom no one on site may answer.", found.unanswerable),
        ("referrals_oldest_seconds", "How long the passenger has waited who waits longest.", found.oldest_s),
        ("claims_held", "Cases that an officer has at this moment.", found.claimed),
        ("faces_held", "Passages of which the desk holds an image.", found.faces),
        ("ledger_size_entries", "Entries of the ledger.", found.ledger_entries),
        ("sessions", "Sessions of people that have not ended.", found.sessions),
    )
    return [
        _by_state("referrals", "Cases that wait for an officer, by state.", cases),
        _by_state("lanes", "Lanes, by what they last told; silent: nothing for a while.", found.lanes),
        *(_one(name, help_text, value) for name, help_text, value in plain),
    ]


def _by_state(name: str, help_text: str, counts: Mapping[str, int]) -> GaugeMetricFamily:
    family = gauge(name, help_text, ("state",))
    for state, count in counts.items():
        family.add_metric([state], count)
    return family


def _one(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    family = gauge(name, help_text)
    family.add_metric([], value)
    return family
