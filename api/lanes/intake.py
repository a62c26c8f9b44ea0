"""Applies the entries that lanes deliver: each once, a whole batch or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.faces import images
from api.lanes import recovery
from api.lanes.evaluation import series
from api.lanes.hall import lane_states, requests
from api.lanes.tokens import is_revoked
from api.ledger import chain
from api.ledger.facts import AskedFact, ClosedFact, JudgedFact, PassageFact, StoredEntry
from api.ledger.search import owner_of
from api.platform.database.tables import LaneRow, LedgerRow, ReferralRow
from api.platform.errors import (
    ChainBrokenError,
    EntryRefusedError,
    TokenRefusedError,
)
from api.review.cases import answers, steps
from lane.ledger.chain import check_follows
from lane.ledger.entry import Entry, Head, read
from lane.platform.errors import LedgerBrokenError

_MOST_SEQ = 2**53
_YEARS = range(2000, 2200)
"""The years that a database can keep and compare in any time zone."""

Change = tuple[Literal["referral.opened", "referral.changed"], str]
"""An event and the passage that it concerns."""


@dataclass(frozen=True, slots=True)
class NewReferral:
    """A referral as it is opened. The lower its gravity, the sooner it is answered."""

    passage: str
    lane: str
    opened_at: datetime
    gravity: int
    judged: JudgedFact


def new_referral(entry: Entry, *, at: datetime) -> NewReferral | None:
    """The referral of a `passage.judged` that was received `at`; None where the machine admitted.

    Raises ValidationError where the entry is not complete.
    """
    judged = JudgedFact.model_validate(entry.body)
    if judged.outcome == "admit":
        return None
    gravity = int(steps.rank_of(judged.codes))
    return NewReferral(judged.passage, entry.chain, min(entry.at, at), gravity, judged)


def apply(
    session: Session,
    lane: str,
    stored: Sequence[StoredEntry],
    *,
    at: datetime,
    window: timedelta,
    recovered_through: int | None = None,
    needed: Mapping[str, str] = steps.DUTIES,
) -> tuple[int, set[Change]]:
    """Apply a batch in order; return how far the lane's chain is here and which referrals changed.

    Entries that are here already are skipped; an evaluation counts for `window`; `needed`: code → duty.
    Entries that are delivered again to a restored desk, up to `recovered_through`, open no referral.

    Raises ChainBrokenError, ImageMissingError or EntryRefusedError; the transaction then leaves nothing.
    """
    row = session.scalars(select(LaneRow).where(LaneRow.id == lane).with_for_update()).one()
    if is_revoked(row):
        raise TokenRefusedError
    if recovered_through is not None:
        recovery.begin(session, row, recovered_through, at=at)
    changed: set[Change] = set()
    for item in stored:
        entry = _read(item)
        if entry.chain == lane and entry.seq <= row.head_seq:
            _check_redelivered(session, lane, entry)
            continue
        head = _next(Head(row.head_seq, row.head_hash), entry, lane)
        passage = entry.body.get("passage")
        if isinstance(passage, str) and owner_of(session, passage) not in (None, lane):
            raise EntryRefusedError(entry.seq, entry.kind, "passage belongs to another lane")
        body = {"chain": lane, "payload": entry.payload, "hash": entry.hash}
        chain.append(session, "entry.received", body, at=at)
        row.head_seq, row.head_hash = head.seq, head.hash
        if not recovery.is_redelivered(session, entry):
            changed |= _take_effect(session, lane, entry, needed, at=at)
        images.note_entry(session, entry, at=at)
        if entry.kind == series.KIND:
            series.count_entry(session, lane, entry, at=at, window=window)
    return row.head_seq, changed


def _read(item: StoredEntry) -> Entry:
    try:
        entry = read(item.payload, item.hash)
    except LedgerBrokenError as error:
        raise ChainBrokenError(str(error)) from error
    if not 1 <= entry.seq <= _MOST_SEQ:
        raise EntryRefusedError(0, entry.kind, "seq")
    if entry.at.year not in _YEARS:
        raise EntryRefusedError(entry.seq, entry.kind, "at")
    return entry


def _next(head: Head, entry: Entry, lane: str) -> Head:
    try:
        return check_follows(head, entry, chain=lane)
    except LedgerBrokenError as error:
        message = f"{error}; the desk has this lane's chain up to entry {head.seq}"
        raise ChainBrokenError(message, head) from error


def _check_redelivered(session: Session, lane: str, entry: Entry) -> None:
    known = session.scalars(
        select(LedgerRow).where(LedgerRow.lane == lane, LedgerRow.lane_seq == entry.seq)
    ).one_or_none()
    inner = chain.received(read(known.payload, known.hash)) if known else None
    if inner is None or inner.hash != entry.hash:
        raise ChainBrokenError(f"entry {entry.seq} is here with another hash: the chain was rewritten")


def _take_effect(
    session: Session, lane: str, entry: Entry, needed: Mapping[str, str], *, at: datetime
) -> set[Change]:
    """Change queue and hall by an entry. Unknown kinds change nothing."""
    try:
        if entry.kind == "passage.judged":
            changed = _open_referral(session, lane, entry, needed, at=at)
            opened = ("referral.opened", str(entry.body.get("passage"))) in changed
            if opened or entry.body.get("outcome") == "admit":
                lane_states.count_passage(session, lane, referred=opened, at=entry.at, received=at)
            return changed
        if entry.kind == "passage.repeat_refused":
            return _reopen_referral(session, PassageFact.model_validate(entry.body).passage, at=at)
        if entry.kind == "lane.event":
            return _seen_at_gate(session, entry.body.get("passage"))
        if entry.kind == "passage.asked":
            requests.note_taken(session, lane, AskedFact.model_validate(entry.body).request)
        if entry.kind == "passage.closed":
            return _end_referral(session, ClosedFact.model_validate(entry.body))
    except ValidationError as error:
        faults = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise EntryRefusedError(entry.seq, entry.kind, faults) from error
    return set()


def _open_referral(
    session: Session, lane: str, entry: Entry, needed: Mapping[str, str], *, at: datetime
) -> set[Change]:
    """Open a referral, or again after a repeated capture; another judgement stays in the ledger only."""
    referral = new_referral(entry, at=at)
    known = session.get(ReferralRow, referral.passage) if referral else None
    if referral is None or not (known is None or answers.may_reopen(known)):
        return set()
    gone = images.came(session, referral.passage, [image.sha256 for image in referral.judged.images])
    if gone:
        chain.append(session, "images.missed", {"passage": referral.passage, "images": gone}, at=at)
    duty = steps.duty_of(referral.judged.codes, needed)
    if known is not None:
        known.duty = duty
        answers.reopen(session, known, referral.judged, referral.gravity, at=at)
        return {("referral.opened", referral.passage)}
    session.add(
        ReferralRow(
            passage=referral.passage,
            lane=lane,
            opened_at=referral.opened_at,
            gravity=referral.gravity,
            judged=referral.judged.model_dump_json(),
            duty=duty,
        )
    )
    session.flush()
    return {("referral.opened", referral.passage)}


def _reopen_referral(session: Session, passage: str, *, at: datetime) -> set[Change]:
    """The lane refuses to capture again: the same referral needs another answer."""
    row = session.get(ReferralRow, passage)
    if row is None or not answers.may_reopen(row):
        return set()
    answers.reopen(session, row, JudgedFact.model_validate_json(row.judged), row.gravity, at=at)
    return {("referral.opened", passage)}


def _seen_at_gate(session: Session, passage: object) -> set[Change]:
    """Report the event to the officer who has the case."""
    row = session.get(ReferralRow, passage) if isinstance(passage, str) else None
    waits = row is not None and row.decision is None and row.ended is None
    return {("referral.changed", row.passage)} if row is not None and waits else set()


def _end_referral(session: Session, closed: ClosedFact) -> set[Change]:
    row = session.get(ReferralRow, closed.passage)
    if row is None or row.ended is not None:
        return set()
    row.ended = closed.how
    session.flush()
    return {("referral.changed", closed.passage)}
