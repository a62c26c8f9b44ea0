"""Gauges of the desk at one moment, and the waiting time of each case that is shown or decided."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from api.faces import images
from api.lanes.evaluation.series import Report
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
from api.web.messages.evaluation import HoldersMessage, SeriesMessage, StrangersMessage, evaluation_message
from lane.ledger.entry import Entry, read
from lane.platform.errors import LedgerBrokenError

SILENT = "silent"
Samples = list[tuple[dict[str, str], float]]
"""Of each sample its labels and its value."""


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


def current_metrics(database: Database, settings: Settings, report: Report, *, at: datetime) -> list[Metric]:
    """All gauges, counted now, with those of the evaluation in service; nothing of one passenger.

    Raises StoreBusyError.
    """
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
        _family("referrals", "Cases that wait for an officer, by state.", _by_state(cases)),
        _family("lanes", "Lanes, by what they last told; silent: nothing for a while.", _by_state(lanes)),
        *(_family(name, help_text, [({}, value)]) for name, help_text, value in plain),
        *_evaluation(report),
    ]


def _by_state(counts: Mapping[str, int]) -> Samples:
    return [({"state": state}, count) for state, count in counts.items()]


def _family(name: str, help_text: str, samples: Samples) -> GaugeMetricFamily:
    labels = tuple(samples[0][0]) if samples else ()
    family = gauge(name, help_text, labels)
    for labelled, value in samples:
        family.add_metric([labelled[label] for label in labels], value)
    return family


_OF_EVALUATION = {
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


def _evaluation(report: Report) -> Iterator[Metric]:
    """Lanes, matchers and groups are labels, and nothing is of one passenger."""
    samples: dict[str, Samples] = {name: [] for name in _OF_EVALUATION}
    for one in evaluation_message(report).series:
        if one.lane is not None:
            _sample(one, samples)
    for name, help_text in _OF_EVALUATION.items():
        yield _family(f"evaluation_{name}", help_text, samples[name])


def _sample(one: SeriesMessage, samples: dict[str, Samples]) -> None:
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
