"""Lanes: who may deliver, images, and entries that are applied once, whole batches or nothing."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.faces import images
from api.lanes import recovery
from api.lanes.evaluation import series
from api.lanes.hall import lane_states, stored_requests
from api.ledger import chain
from api.ledger.facts import AskedFact, ClosedFact, JudgedFact, PassageFact, StoredEntry
from api.ledger.search import owner_of
from api.people import officers
from api.platform.database.tables import LaneRow, LedgerRow, ReferralRow
from api.platform.errors import (
    ChainBrokenError,
    EntryRefusedError,
    LaneUnknownError,
    NameTakenError,
    TokenRefusedError,
)
from api.platform.tokens import new_token, token_hash
from api.review.cases import answers, duties
from lane.ledger.chain import Entry, Head, check_follows, read
from lane.platform.errors import LedgerBrokenError

_MOST_SEQ = 2**53
_YEARS = range(2000, 2200)
"""What a database can keep and compare in any time zone; a lane that says else has a fault."""
_REVOKED = "revoked "

Change = tuple[Literal["referral.opened", "referral.changed"], str]
"""What happened to the referral of a passage."""


@dataclass(frozen=True, slots=True)
class Question:
    """A referral as it is opened. The lower its gravity, the sooner it is answered."""

    passage: str
    lane: str
    opened_at: datetime
    gravity: int
    judged: JudgedFact


def add(
    session: Session,
    lane: str,
    *,
    at: datetime,
    expires_at: datetime | None = None,
    by: str = officers.COMMAND_LINE,
) -> str:
    """Register a lane and return its token, which is kept nowhere. Raises NameTakenError."""
    token = new_token()
    session.add(LaneRow(id=lane, token_sha256=token_hash(token), added_at=at, token_until=expires_at))
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError("lane") from error
    body = {
        "lane": lane,
        "token_sha256": token_hash(token),
        "expires_at": expires_at and expires_at.isoformat(),
        "by": by,
    }
    chain.append(session, "lane.added", body, at=at)
    return token


def revoke(session: Session, lane: str, *, at: datetime, by: str = officers.COMMAND_LINE) -> None:
    """Take a lane's tokens from it, for good; what it delivered stays. Raises LaneUnknownError."""
    row = session.get(LaneRow, lane)
    if row is None:
        raise LaneUnknownError
    if not is_revoked(row):
        # The hash of no token: hexadecimal digits never begin like this. Each its own: the column is unique.
        row.token_sha256 = _REVOKED + secrets.token_hex(28)
        row.former_sha256 = row.former_until = row.token_until = None
        chain.append(session, "lane.revoked", {"lane": lane, "by": by}, at=at)


def is_revoked(row: LaneRow) -> bool:
    """Whether this lane may not deliver any more."""
    return row.token_sha256.startswith(_REVOKED)


def question(entry: Entry, *, at: datetime) -> Question | None:
    """What a lane's `passage.judged` asks an officer, received `at`; None where the machine admitted.

    Raises ValidationError (a ValueError) where the entry is not complete.
    """
    judged = JudgedFact.model_validate(entry.body)
    if judged.outcome == "admit":
        return None
    gravity = int(duties.rank_of(judged.codes))
    return Question(judged.passage, entry.chain, min(entry.at, at), gravity, judged)


def apply(
    session: Session,
    lane: str,
    stored: Sequence[StoredEntry],
    *,
    at: datetime,
    window: timedelta,
    recovered_through: int | None = None,
    needed: Mapping[str, str] = duties.DUTIES,
) -> tuple[int, set[Change]]:
    """Apply a batch in order; return how far the lane's chain is here and which referrals changed.

    Entries that are here already are skipped; an evaluation counts for `window`; `needed` says which codes
    need which duty. What is told again up to `recovered_through`, because the desk was restored, asks nobody
    anything. Raises ChainBrokenError,
    ImageMissingError or EntryRefusedError; the caller's transaction then leaves nothing of the batch.
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
            _same_as_before(session, lane, entry)
            continue
        head = _next(Head(row.head_seq, row.head_hash), entry, lane)
        _one_owner(session, lane, entry)
        body = {"chain": lane, "payload": entry.payload, "hash": entry.hash}
        chain.append(session, "entry.received", body, at=at)
        row.head_seq, row.head_hash = head.seq, head.hash
        if not recovery.is_told_again(session, entry):
            changed |= _take_effect(session, lane, entry, needed, at=at)
        images.note_told(session, entry, at=at)
        if entry.kind == series.KIND:
            series.take(session, lane, entry, at=at, window=window)
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


def _same_as_before(session: Session, lane: str, entry: Entry) -> None:
    known = session.scalars(
        select(LedgerRow).where(LedgerRow.lane == lane, LedgerRow.lane_seq == entry.seq)
    ).one_or_none()
    inner = chain.received(read(known.payload, known.hash)) if known else None
    if inner is None or inner.hash != entry.hash:
        raise ChainBrokenError(f"entry {entry.seq} is here with another hash: the chain was rewritten")


def _one_owner(session: Session, lane: str, entry: Entry) -> None:
    passage = entry.body.get("passage")
    owner = owner_of(session, passage) if isinstance(passage, str) else None
    if owner not in (None, lane):
        raise EntryRefusedError(entry.seq, entry.kind, "passage belongs to another lane")


def _take_effect(
    session: Session, lane: str, entry: Entry, needed: Mapping[str, str], *, at: datetime
) -> set[Change]:
    """What an entry means for the queue. Kinds that the desk does not know mean nothing to it."""
    try:
        if entry.kind == "passage.judged":
            changed = _ask(session, lane, entry, needed, at=at)
            opened = ("referral.opened", str(entry.body.get("passage"))) in changed
            if opened or entry.body.get("outcome") == "admit":
                lane_states.count(session, lane, referred=opened, at=entry.at, received=at)
            return changed
        if entry.kind == "passage.repeat_refused":
            return _ask_the_same(session, PassageFact.model_validate(entry.body).passage, at=at)
        if entry.kind == "lane.event":
            return _seen_at_gate(session, entry.body.get("passage"))
        if entry.kind == "passage.asked":
            stored_requests.note_taken(session, lane, AskedFact.model_validate(entry.body).request)
        if entry.kind == "passage.closed":
            return _end_referral(session, ClosedFact.model_validate(entry.body))
    except ValidationError as error:
        faults = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise EntryRefusedError(entry.seq, entry.kind, faults) from error
    return set()


def _ask(
    session: Session, lane: str, entry: Entry, needed: Mapping[str, str], *, at: datetime
) -> set[Change]:
    """Open a referral, or open it again after a repeated capture.

    In any other case a passage keeps its question, and what a lane says of it later stays in the ledger.
    """
    asked = question(entry, at=at)
    known = session.get(ReferralRow, asked.passage) if asked else None
    if asked is None or not (known is None or answers.may_reopen(known)):
        return set()
    _images_came(session, asked, at=at)
    duty = duties.duty_of(asked.judged.codes, needed)
    if known is not None:
        known.duty = duty
        answers.reopen(session, known, asked.judged, asked.gravity, at=at)
        return {("referral.opened", asked.passage)}
    session.add(
        ReferralRow(
            passage=asked.passage,
            lane=lane,
            opened_at=asked.opened_at,
            gravity=asked.gravity,
            judged=asked.judged.model_dump_json(),
            duty=duty,
        )
    )
    session.flush()
    return {("referral.opened", asked.passage)}


def _images_came(session: Session, asked: Question, *, at: datetime) -> None:
    gone = images.came(session, asked.passage, [image.sha256 for image in asked.judged.images])
    if gone:
        chain.append(session, "images.missed", {"passage": asked.passage, "images": gone}, at=at)


def _ask_the_same(session: Session, passage: str, *, at: datetime) -> set[Change]:
    """The lane captures no more than its policy allows: another answer is needed."""
    row = session.get(ReferralRow, passage)
    if row is None or not answers.may_reopen(row):
        return set()
    answers.reopen(session, row, JudgedFact.model_validate_json(row.judged), row.gravity, at=at)
    return {("referral.opened", passage)}


def _seen_at_gate(session: Session, passage: object) -> set[Change]:
    """Who has the case learns of it, once the findings are revealed."""
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
