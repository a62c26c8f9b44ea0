"""Gauges of the desk at one moment, and the waiting time of each case that is shown or decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import and_, case, func, select
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


def _lanes(session: Session, *, heard_since: datetime) -> Mapping[str, int]:
    """State → how many lanes reported it last; those that have not reported for a while are `silent`."""
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
    """All gauges, counted now; nothing of one passenger. Raises StoreBusyError."""
    silent_since = at - timedelta(seconds=settings.lane_silent_after_s)
    idle_since = at - timedelta(seconds=settings.session_idle_s)
    until, escalated_at = ReferralRow.claimed_until, ReferralRow.escalated_at
    is_claimed = and_(ReferralRow.claimed_by.is_not(None), until > at, until <= at + queue.LONGEST_LEASE)
    claimed, escalated = (
        func.coalesce(func.sum(case((one, 1), else_=0)), 0) for one in (is_claimed, escalated_at.is_not(None))
    )
    with database.read() as session:
        waiting, held, late, oldest = session.execute(
            select(func.count(), claimed, escalated, func.min(ReferralRow.opened_at)).where(
                ReferralRow.decision.is_(None), ReferralRow.ended.is_(None)
            )
        ).one()
        unanswerable = len(shifts.unanswerable(session, at=at))
        faces, entries = images.held(session), chain.head(session).seq
        sessions = session.scalar(select(func.count()).where(SessionRow.used_at > idle_since)) or 0
        lanes = _lanes(session, heard_since=silent_since)
    oldest_s = max(0.0, (at - oldest).total_seconds()) if oldest else 0.0
    plain = (
        ("referrals_waiting", "Passengers who wait for an officer.", waiting),
        ("referrals_escalated", "Of those, who waited longer than they should.", late),
        ("referrals_unanswerable", "Of those, whom no one on site may answer.", unanswerable),
        ("referrals_oldest_seconds", "How long the passenger has waited who waits longest.", oldest_s),
        ("claims_held", "Cases that an officer has at this moment.", held),
        ("faces_held", "Passages of which the desk holds an image.", faces),
        ("ledger_size_entries", "Entries of the ledger.", entries),
        ("sessions", "Sessions of people that have not ended.", sessions),
    )
    cases = {"open": waiting - held, "claimed": held}
    return [
        _by_state("referrals", "Cases that wait for an officer, by state.", cases),
        _by_state("lanes", "Lanes, by what they last told; silent: nothing for a while.", lanes),
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
