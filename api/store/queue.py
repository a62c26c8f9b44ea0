"""The queue: one officer has a case at a time, and one decision is all that it ever gets.

Claim and decision are conditional UPDATEs: whoever is second changes no row and is told why.
Nothing here is decided by time: an expired lease only gives the case back.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, CursorResult, and_, case, func, select, update
from sqlalchemy.orm import Session

from api.errors import (
    AlreadyDecidedError,
    ApiError,
    ClaimHeldError,
    ClaimMissingError,
    GroundRefusedError,
    ImageUnknownError,
    PassageClosedError,
    ReferralUnknownError,
    StoreError,
)
from api.schemas import JudgedTold, ReferralState
from api.store import chain
from api.store.tables import LedgerRow, ReferralRow
from lane.errors import LedgerBrokenError
from lane.ledger import read
from lane.referral import GROUNDS, Answer, Decision, Ground, PassageId

MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Referral:
    """A case at one moment."""

    passage: str
    lane: str
    opened_at: datetime
    grave: bool
    judged: JudgedTold
    state: ReferralState
    ended: str | None
    claimed_by: str | None
    claimed_until: datetime | None
    decision: Decision | None
    shown: bool
    """Whether it was shown under the present claim."""


def listed(
    session: Session,
    state: ReferralState | Literal["waiting"] | None,
    *,
    at: datetime,
    limit: int = MOST_LISTED,
) -> list[Referral]:
    """Waiting cases first, the gravest, then the oldest; then decided and ended ones, the last first.

    `waiting` is open or claimed. What was decided long ago never takes the place of who waits.
    """
    waits = _waiting()
    over_at = case((waits, None), else_=func.coalesce(ReferralRow.decided_at, ReferralRow.opened_at))
    query = (
        select(ReferralRow)
        .where(_in_state(state, at))
        .order_by(
            case((waits, 0), else_=1),
            case((waits, ReferralRow.gravity)),
            case((waits, ReferralRow.opened_at)),
            over_at.desc(),
        )
        .limit(limit)
    )
    return [_referral(row, at) for row in session.scalars(query)]


def count_waiting(session: Session) -> int:
    """How many cases are open or claimed, however many are listed."""
    return session.scalar(select(func.count()).select_from(ReferralRow).where(_waiting())) or 0


def one(session: Session, passage: str, *, at: datetime) -> Referral:
    """One case. Raises ReferralUnknownError."""
    return _referral(_row(session, passage), at)


def claim(
    session: Session, passage: str, officer: str, *, at: datetime, lease: timedelta
) -> tuple[datetime, bool]:
    """Take a free case, or renew the own claim; return until when it is the officer's, and if it was free.

    Raises ClaimHeldError, AlreadyDecidedError, PassageClosedError or ReferralUnknownError.
    """
    until = at + lease
    if _change(session, passage, _waiting(), _claimed_by(officer, at), claimed_until=until):
        return until, False
    free = ReferralRow.claimed_by.is_(None) | (ReferralRow.claimed_until <= at)
    if not _change(session, passage, _waiting(), free, claimed_by=officer, claimed_until=until, shown=False):
        raise _why_not(session, passage, otherwise=ClaimHeldError())
    body = {"passage": passage, "officer": officer, "until": until.isoformat()}
    chain.append(session, "referral.claimed", body, at=at)
    return until, True


def release(session: Session, passage: str, officer: str, *, at: datetime) -> bool:
    """Give a case back; False where it was not the officer's, which is no fault."""
    _row(session, passage)
    mine = _claimed_by(officer, at)
    if not _change(session, passage, _waiting(), mine, claimed_by=None, claimed_until=None):
        return False
    chain.append(session, "referral.released", {"passage": passage, "officer": officer}, at=at)
    return True


def note_shown(session: Session, passage: str, officer: str, *, at: datetime) -> None:
    """Record, once a claim, what the officer with the case was shown."""
    if not _change(session, passage, _claimed_by(officer, at), ReferralRow.shown.is_(False), shown=True):
        return
    judged = _referral(_row(session, passage), at).judged
    body = {
        "passage": passage,
        "officer": officer,
        "images": [image.sha256 for image in judged.images],
        "reasons": [reason.code for reason in judged.reasons],
    }
    chain.append(session, "referral.shown", body, at=at)


def decide(
    session: Session, passage: str, officer: str, answer: Answer, ground: Ground, note: str, *, at: datetime
) -> tuple[Decision, bool]:
    """Decide a case that the officer has; return the decision, and whether it is new.

    The same officer with the same answer, ground and note gets the same decision again.
    Raises GroundRefusedError, ClaimMissingError, AlreadyDecidedError, PassageClosedError or
    ReferralUnknownError.
    """
    if ground not in GROUNDS[answer]:
        raise GroundRefusedError
    decision = Decision(str(uuid4()), PassageId(passage), answer, ground, officer, at)
    values = {"decision": decision.id, "answer": answer.value, "ground": ground.value, "note": note}
    mine = _claimed_by(officer, at)
    if not _change(session, passage, _waiting(), mine, decided_by=officer, decided_at=at, **values):
        return _same_again(session, decision, note), False
    if _recorded(session, passage) is not None:
        raise _contradiction(passage)
    body = {
        "passage": passage,
        "decision": as_body(decision),
        "note_sha256": note_hash(note),
        "claimed_until": _until(session, passage).isoformat(),
    }
    chain.append(session, "referral.decided", body, at=at)
    return decision, True


def decision_of(session: Session, passage: str) -> Decision | None:
    """The decision on a passage, if there is one: the one that the ledger has.

    Raises StoreError where the queue says something else than the ledger: nobody is let through by that.
    """
    row = session.get(ReferralRow, passage)
    said, told = decision_in(row) if row else None, _recorded(session, passage)
    if (said and as_body(said)) != told:
        raise _contradiction(passage)
    return said


def decision_in(row: ReferralRow) -> Decision | None:
    """The decision as the queue has it; only `decision_of` compares it with the ledger."""
    if row.decision is None or row.decided_at is None:
        return None
    return Decision(
        id=row.decision,
        passage=PassageId(row.passage),
        answer=Answer(str(row.answer)),
        ground=Ground(str(row.ground)),
        officer=str(row.decided_by),
        decided_at=row.decided_at,
    )


def may_see_image(session: Session, passage: str, sha256: str, officer: str, *, at: datetime) -> None:
    """Whether the officer has the case, and it has the image. Of a case that is over nobody sees one.

    Raises ClaimMissingError, ImageUnknownError or ReferralUnknownError.
    """
    referral = one(session, passage, at=at)
    if referral.state in ("decided", "ended"):
        raise ImageUnknownError
    if referral.claimed_by != officer:
        raise ClaimMissingError
    if sha256 not in {image.sha256 for image in referral.judged.images}:
        raise ImageUnknownError


def as_body(decision: Decision) -> dict[str, Any]:
    """A decision as the ledger and the wire carry it."""
    return {
        "id": decision.id,
        "passage": decision.passage,
        "answer": decision.answer.value,
        "ground": decision.ground.value,
        "officer": decision.officer,
        "decided_at": decision.decided_at.isoformat(),
    }


def from_body(body: Mapping[str, Any]) -> Decision:
    """A decision as the ledger has it. Raises KeyError, TypeError or ValueError where it is none."""
    return Decision(
        id=body["id"],
        passage=PassageId(body["passage"]),
        answer=Answer(body["answer"]),
        ground=Ground(body["ground"]),
        officer=body["officer"],
        decided_at=datetime.fromisoformat(body["decided_at"]),
    )


def note_hash(note: str) -> str:
    """What the ledger keeps of a note."""
    return hashlib.sha256(note.encode()).hexdigest()


def _recorded(session: Session, passage: str) -> Mapping[str, Any] | None:
    """The decision on a passage that the ledger has. Raises StoreError where it has more than one."""
    rows = session.execute(
        select(LedgerRow.payload, LedgerRow.hash).where(
            LedgerRow.passage == passage, LedgerRow.lane.is_(None)
        )
    )
    try:
        entries = [read(payload, hash_) for payload, hash_ in rows]
    except LedgerBrokenError as error:
        raise _contradiction(passage) from error
    decided = [entry.body.get("decision") for entry in entries if entry.kind == "referral.decided"]
    if len(decided) > 1:
        raise _contradiction(passage)
    return decided[0] if decided else None


def _contradiction(passage: str) -> StoreError:
    return StoreError(f"passage {passage}: queue and ledger contradict: run `python -m api ledger verify`")


def _until(session: Session, passage: str) -> datetime:
    until = _row(session, passage).claimed_until
    if until is None:
        raise ClaimMissingError
    return until


def _change(session: Session, passage: str, *conditions: ColumnElement[bool], **values: object) -> bool:
    """One conditional UPDATE: whether it found the case in that condition."""
    statement = update(ReferralRow).where(ReferralRow.passage == passage, *conditions).values(**values)
    result = session.execute(statement, execution_options={"synchronize_session": False})
    session.expire_all()
    return isinstance(result, CursorResult) and result.rowcount == 1


def _same_again(session: Session, wanted: Decision, note: str) -> Decision:
    """The decision that is there already, if it is the one that is wanted; else why there can be none."""
    known = decision_of(session, wanted.passage)
    same = known and replace(known, id=wanted.id, decided_at=wanted.decided_at) == wanted
    if known and same and _row(session, wanted.passage).note == note:
        return known
    raise _why_not(session, wanted.passage, otherwise=ClaimMissingError())


def _why_not(session: Session, passage: str, *, otherwise: ApiError) -> ApiError:
    row = _row(session, passage)
    if row.decision is not None:
        return AlreadyDecidedError()
    return PassageClosedError() if row.ended is not None else otherwise


def _row(session: Session, passage: str) -> ReferralRow:
    row = session.get(ReferralRow, passage)
    if row is None:
        raise ReferralUnknownError
    return row


def _waiting() -> ColumnElement[bool]:
    return and_(ReferralRow.decision.is_(None), ReferralRow.ended.is_(None))


def _claimed_by(officer: str, at: datetime) -> ColumnElement[bool]:
    return and_(ReferralRow.claimed_by == officer, ReferralRow.claimed_until > at)


def _in_state(state: str | None, at: datetime) -> ColumnElement[bool]:
    claimed = and_(ReferralRow.claimed_by.is_not(None), ReferralRow.claimed_until > at)
    free = ReferralRow.claimed_by.is_(None) | (ReferralRow.claimed_until <= at)
    conditions: dict[str | None, ColumnElement[bool]] = {
        None: ReferralRow.passage.is_not(None),
        "waiting": _waiting(),
        "open": and_(_waiting(), free),
        "claimed": and_(_waiting(), claimed),
        "decided": ReferralRow.decision.is_not(None),
        "ended": and_(ReferralRow.decision.is_(None), ReferralRow.ended.is_not(None)),
    }
    return conditions[state]


def _referral(row: ReferralRow, at: datetime) -> Referral:
    has_claim = row.claimed_until is not None and row.claimed_until > at
    state = _state(row, has_claim=has_claim)
    return Referral(
        passage=row.passage,
        lane=row.lane,
        opened_at=row.opened_at,
        grave=row.gravity == 0,
        judged=JudgedTold.model_validate_json(row.judged),
        state=state,
        ended=row.ended,
        claimed_by=row.claimed_by if state == "claimed" else None,
        claimed_until=row.claimed_until if state == "claimed" else None,
        decision=decision_in(row),
        shown=row.shown,
    )


def _state(row: ReferralRow, *, has_claim: bool) -> ReferralState:
    if row.decision is not None:
        return "decided"
    if row.ended is not None:
        return "ended"
    return "claimed" if has_claim else "open"
