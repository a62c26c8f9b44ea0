"""The queue: who waits, in which order, and one officer who has a case at a time.

A claim is a conditional UPDATE: the second officer changes no row and gets the reason. Time decides nothing
here: an expired lease only gives the case back, and the next officer judges blind from the beginning.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from sqlalchemy import ColumnElement, CursorResult, and_, case, func, or_, select, true, update
from sqlalchemy.orm import Session

from api.ledger import chain
from api.ledger.facts import JudgedFact
from api.people.officers import SignedInOfficer
from api.platform.database.tables import OpinionRow, ReferralRow, SeededRow
from api.platform.errors import (
    AlreadyDecidedError,
    ApiError,
    ClaimHeldError,
    ClaimMissingError,
    ImageUnknownError,
    OtherOfficerNeededError,
    PassageClosedError,
    ReferralUnknownError,
)
from api.review.cases import decisions, steps
from api.review.cases.steps import Item, ReferralState, Stage, Step
from lane.decision.referral import Decision

MOST_LISTED = 200
LONGEST_LEASE = timedelta(seconds=600)

ListedState = ReferralState | Literal["waiting"] | None


@dataclass(frozen=True, slots=True)
class Opinion:
    officer: str
    verdict: steps.Verdict
    confidence: int

    @classmethod
    def of(cls, row: OpinionRow | SeededRow) -> Self:
        return cls(row.officer, steps.Verdict(str(row.verdict)), int(row.confidence or 0))


@dataclass(frozen=True, slots=True)
class Referral:
    passage: str
    lane: str
    opened_at: datetime
    grave: bool
    judged: JudgedFact
    state: ReferralState
    ended: str | None
    claimed_by: str | None
    claimed_until: datetime | None
    decision: Decision | None
    handed_at: datetime | None
    round: int
    stage: Stage
    step: Step
    """The step of the officer who has the case, or decided it."""
    claim: int
    shown: bool
    """Whether the present step was shown under the present claim."""
    escalated: bool
    duty: str
    """The duty that the case needs; empty where it needs none."""
    proposed_by: frozenset[str]
    """The officer who proposed an answer in this round, to which another must agree."""
    opinion: Opinion | None
    """The blind judgement under the present claim, or the one before the decision."""
    gate: tuple[str, ...] = ()
    """Codes of what the gate's sensors saw since the lane asked; filled where the case is looked at."""
    repeat_refused: bool = False
    """Whether the lane was asked to capture again and does so no more; filled where `gate` is."""

    def step_of(self, officer: str) -> Step | None:
        """The step of this officer; None for one who neither has the case nor decided it."""
        if self.decision is not None:
            return Step.DECIDED if self.decision.officer == officer else None
        return self.step if self.claimed_by == officer else None


def listed(
    session: Session,
    state: ListedState,
    officer: SignedInOfficer | None,
    *,
    at: datetime,
    limit: int = MOST_LISTED,
) -> list[Referral]:
    """What this officer may see: waiting cases in the order of answering, then the others, the last first.

    `waiting` is open or claimed. What was decided long ago never takes the place of who waits. Without an
    officer everything, for whoever asks `has_duty` of each.
    """
    waits = is_waiting()
    visible = true() if officer is None else _visible(officer)
    over_at = case((waits, None), else_=func.coalesce(ReferralRow.decided_at, ReferralRow.opened_at))
    query = (
        select(ReferralRow)
        .where(_in_state(state, at), visible)
        .order_by(
            case((waits, 0), else_=1), *(case((waits, key)) for key in _answering_order()), over_at.desc()
        )
        .limit(limit)
    )
    return _referrals(session, session.scalars(query).all(), at)


def count_waiting(session: Session, officer: SignedInOfficer) -> int:
    """How many cases are open or claimed, however many are listed; a supervisor gets the number of all."""
    query = select(func.count()).select_from(ReferralRow).where(is_waiting())
    return session.scalar(query if officer.supervises else query.where(_visible(officer))) or 0


def for_officer(session: Session, passage: str, officer: SignedInOfficer, *, at: datetime) -> Referral:
    """One case, for somebody who has the duty that it needs. Raises ReferralUnknownError."""
    referral = one(session, passage, at=at)
    if not has_duty(referral, officer):
        raise ReferralUnknownError
    return referral


def one(session: Session, passage: str, *, at: datetime) -> Referral:
    """One case. Raises ReferralUnknownError."""
    [referral] = _referrals(session, [row_of(session, passage)], at)
    return referral


def is_mine(session: Session, passage: str, officer: SignedInOfficer, *, at: datetime) -> bool:
    """Whether the officer has the case; False where it is free to take. Raises what `claim` raises."""
    referral = for_officer(session, passage, officer, at=at)
    if referral.state not in ("open", "claimed"):
        raise why_not(session, passage, otherwise=ClaimHeldError())
    mine = referral.claimed_by == officer.pseudonym
    if referral.state == "claimed" and not mine:
        raise ClaimHeldError
    if not may_take(referral, officer):
        raise OtherOfficerNeededError
    return mine


def renew(session: Session, passage: str, officer: str, *, at: datetime, lease: timedelta) -> datetime | None:
    """Keep the own case for longer; None where it is not the officer's, or no longer."""
    until = at + lease
    mine = change(session, passage, is_waiting(), claimed_by(officer, at), claimed_until=until)
    return until if mine else None


def claim(
    session: Session, passage: str, officer: SignedInOfficer, *, at: datetime, lease: timedelta
) -> tuple[datetime, bool]:
    """Take a free case, or renew the own claim; return until when it is the officer's, and if it was free.

    Raises ClaimHeldError, OtherOfficerNeededError, ReferralUnknownError, or as `why_not` says.
    """
    renewed = renew(session, passage, officer.pseudonym, at=at, lease=lease)
    if renewed is not None:
        return renewed, False
    referral = for_officer(session, passage, officer, at=at)
    if referral.state == "open" and not may_take(referral, officer):
        raise OtherOfficerNeededError
    until = at + lease
    step = Step.BLIND if comparable(referral.judged) else Step.REVEALED
    values = {"claimed_by": officer.pseudonym, "claimed_until": until, "claims": referral.claim + 1}
    if not change(session, passage, is_waiting(), _free(at), step=step.value, shown=False, **values):
        raise why_not(session, passage, otherwise=ClaimHeldError())
    body = {
        "passage": passage,
        "officer": officer.pseudonym,
        "claim": referral.claim + 1,
        "step": step.value,
        "until": until.isoformat(),
    }
    chain.append(session, "referral.claimed", body, at=at)
    return until, True


def claim_next(
    session: Session, officer: SignedInOfficer, *, at: datetime, lease: timedelta
) -> tuple[str, datetime, bool] | None:
    """The case that comes first, for an officer who has none; the own one where there is one. None: nobody
    waits whom this officer may take. Like `claim`, it says whether the case was free."""
    mine = _own(session, officer.pseudonym, at)
    passage = (
        mine[0]
        if mine
        else session.scalar(
            select(ReferralRow.passage)
            .where(is_waiting(), _free(at), _takeable(officer))
            .order_by(*_answering_order())
            .limit(1)
            .with_for_update(skip_locked=True)
        )
    )
    if passage is None:
        return None
    until, taken = claim(session, passage, officer, at=at, lease=lease)
    return passage, until, taken


def release(session: Session, passage: str, officer: str, *, at: datetime) -> bool:
    """Give a case back; False where it was not the officer's, which is no fault."""
    row_of(session, passage)
    mine = claimed_by(officer, at)
    if not change(session, passage, is_waiting(), mine, claimed_by=None, claimed_until=None):
        return False
    chain.append(session, "referral.released", {"passage": passage, "officer": officer}, at=at)
    return True


def release_all(session: Session, officer: str, *, at: datetime) -> list[str]:
    mine = _own(session, officer, at)
    return [passage for passage in mine if release(session, passage, officer, at=at)]


def release_others(session: Session, officer: SignedInOfficer, *, at: datetime) -> list[str]:
    """Give back every case about which this officer may not be asked any more; return which."""
    return [
        passage
        for passage in _own(session, officer.pseudonym, at)
        if not (officer.works and may_take(one(session, passage, at=at), officer))
        and release(session, passage, officer.pseudonym, at=at)
    ]


def note_shown(session: Session, passage: str, officer: str, *, at: datetime) -> None:
    """Record, once a step, what the officer with the case was shown."""
    mine = (is_waiting(), claimed_by(officer, at))
    if not change(session, passage, *mine, ReferralRow.shown.is_(False), shown=True):
        return
    referral = one(session, passage, at=at)
    items = steps.SHOWS[referral.step]
    reasons = [reason.code for reason in referral.judged.reasons] if Item.REASONS in items else []
    body = {
        "passage": passage,
        "officer": officer,
        "claim": referral.claim,
        "step": referral.step.value,
        "items": sorted(items),
        "images": [image.sha256 for image in referral.judged.images],
        "reasons": reasons,
    }
    chain.append(session, "referral.shown", body, at=at)


def may_see_image(session: Session, passage: str, sha256: str, officer: str, *, at: datetime) -> None:
    """Raises ClaimMissingError or ReferralUnknownError; ImageUnknownError also of a case that is over."""
    referral = one(session, passage, at=at)
    if referral.state in ("decided", "ended"):
        raise ImageUnknownError
    if referral.claimed_by != officer:
        raise ClaimMissingError
    if sha256 not in {image.sha256 for image in referral.judged.images}:
        raise ImageUnknownError


def waits_for(session: Session, officer: SignedInOfficer, *, at: datetime) -> bool:
    """Whether a traveller waits whom this officer could take, or the officer has one."""
    takeable = and_(_free(at), _takeable(officer))
    mine = claimed_by(officer.pseudonym, at)
    found = select(ReferralRow.passage).where(is_waiting(), or_(takeable, mine)).limit(1)
    return session.scalar(found) is not None


def overdue(session: Session, *, at: datetime, after: timedelta) -> list[str]:
    """Cases that wait longer than `after` and are not escalated yet."""
    late = (is_waiting(), ReferralRow.escalated_at.is_(None), ReferralRow.opened_at <= at - after)
    return list(session.scalars(select(ReferralRow.passage).where(*late).order_by(*_answering_order())))


def escalate(session: Session, passage: str, *, at: datetime) -> bool:
    """Put a case before all others, once a round. This decides nothing."""
    if not change(session, passage, is_waiting(), ReferralRow.escalated_at.is_(None), escalated_at=at):
        return False
    row = row_of(session, passage)
    waited_s = max(0, int((at - row.opened_at).total_seconds()))
    chain.append(session, "referral.escalated", {"passage": passage, "waited_s": waited_s}, at=at)
    return True


def has_duty(referral: Referral, officer: SignedInOfficer) -> bool:
    """Whether the case needs no duty, or one that the officer has."""
    return not referral.duty or referral.duty in officer.duties


def may_take(referral: Referral, officer: SignedInOfficer) -> bool:
    """Whether this officer is one who may be asked about the case now."""
    apart = steps.may_take(
        referral.stage, officer.pseudonym, referral.proposed_by, supervises=officer.supervises
    )
    return apart and has_duty(referral, officer)


def unanswerable(session: Session, present: Collection[SignedInOfficer], *, at: datetime) -> list[str]:
    """Free cases that none of those present may take, in the order of answering.

    One that needs a duty which nobody has; one whose third opinion only a supervisor could give who has
    answered already. It waits on: nothing is decided by who is missing.
    """
    working = [one for one in present if one.works]
    free = select(ReferralRow).where(is_waiting(), _free(at)).order_by(*_answering_order())
    if working:
        free = free.where(or_(ReferralRow.stage != Stage.FIRST.value, ReferralRow.duty != ""))
    cases = _referrals(session, session.scalars(free).all(), at)
    return [one.passage for one in cases if not any(may_take(one, officer) for officer in working)]


def change(session: Session, passage: str, *conditions: ColumnElement[bool], **values: object) -> bool:
    """One conditional UPDATE: whether it found the case in that condition."""
    statement = update(ReferralRow).where(ReferralRow.passage == passage, *conditions).values(**values)
    result = session.execute(statement, execution_options={"synchronize_session": False})
    session.expire_all()
    return isinstance(result, CursorResult) and result.rowcount == 1


def why_not(session: Session, passage: str, *, otherwise: ApiError) -> ApiError:
    row = row_of(session, passage)
    if row.decision is not None:
        return AlreadyDecidedError()
    return PassageClosedError() if row.ended is not None else otherwise


def row_of(session: Session, passage: str) -> ReferralRow:
    """The row of a case. Raises ReferralUnknownError."""
    row = session.get(ReferralRow, passage)
    if row is None:
        raise ReferralUnknownError
    return row


def is_waiting() -> ColumnElement[bool]:
    return and_(ReferralRow.decision.is_(None), ReferralRow.ended.is_(None))


def claimed_by(officer: str, at: datetime) -> ColumnElement[bool]:
    """The officer has the case, and the lease has not ended."""
    return and_(ReferralRow.claimed_by == officer, *_lasts(at))


def _own(session: Session, officer: str, at: datetime) -> Sequence[str]:
    mine = select(ReferralRow.passage).where(is_waiting(), claimed_by(officer, at))
    return session.scalars(mine.order_by(*_answering_order())).all()


def lasts(until: datetime | None, at: datetime) -> bool:
    """The lease has not ended and could have begun: a clock set back leaves nobody a case for hours."""
    return until is not None and at < until <= at + LONGEST_LEASE


def _lasts(at: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """`lasts`, asked of the database."""
    return ReferralRow.claimed_until > at, ReferralRow.claimed_until <= at + LONGEST_LEASE


def _free(at: datetime) -> ColumnElement[bool]:
    until = ReferralRow.claimed_until
    return or_(ReferralRow.claimed_by.is_(None), until <= at, until > at + LONGEST_LEASE)


def _visible(officer: SignedInOfficer) -> ColumnElement[bool]:
    """`has_duty`, asked of the database."""
    return ReferralRow.duty.in_(["", *sorted(officer.duties)])


def _takeable(officer: SignedInOfficer) -> ColumnElement[bool]:
    """`may_take`, asked of the database."""
    proposed = select(OpinionRow.id).where(
        OpinionRow.passage == ReferralRow.passage,
        OpinionRow.round == ReferralRow.round,
        OpinionRow.kind == "proposed",
        OpinionRow.officer == officer.pseudonym,
    )
    apart = and_(_visible(officer), ~proposed.exists())
    return apart if officer.supervises else and_(apart, ReferralRow.stage != Stage.THIRD.value)


def _answering_order() -> tuple[Any, ...]:
    """The order in which cases are answered: escalated, then the gravest, then who waits longest."""
    escalated = case((ReferralRow.escalated_at.is_(None), 1), else_=0)
    return escalated, ReferralRow.gravity, ReferralRow.opened_at


def comparable(judged: JudgedFact) -> bool:
    """Whether there are two faces to compare: a document photo and a live picture."""
    return {"document", "live"} <= {image.role for image in judged.images}


def _in_state(state: str | None, at: datetime) -> ColumnElement[bool]:
    claimed = and_(ReferralRow.claimed_by.is_not(None), *_lasts(at))
    conditions: dict[str | None, ColumnElement[bool]] = {
        None: ReferralRow.passage.is_not(None),
        "waiting": is_waiting(),
        "open": and_(is_waiting(), _free(at)),
        "claimed": and_(is_waiting(), claimed),
        "decided": ReferralRow.decision.is_not(None),
        "ended": and_(ReferralRow.decision.is_(None), ReferralRow.ended.is_not(None)),
    }
    return conditions[state]


def _referrals(session: Session, rows: Sequence[ReferralRow], at: datetime) -> list[Referral]:
    """The cases of these rows, with the opinions on each."""
    opinions: dict[str, list[OpinionRow]] = {row.passage: [] for row in rows}
    for opinion in session.scalars(
        select(OpinionRow).where(OpinionRow.passage.in_(opinions)).order_by(OpinionRow.at)
    ):
        opinions[opinion.passage].append(opinion)
    return [_referral(row, opinions[row.passage], at) for row in rows]


def _referral(row: ReferralRow, opinions: Sequence[OpinionRow], at: datetime) -> Referral:
    state = _state(row, at)
    decision = decisions.in_row(row)
    judged = [one for one in opinions if (one.claim, one.kind) == (row.claims, "judged")]
    return Referral(
        passage=row.passage,
        lane=row.lane,
        opened_at=row.opened_at,
        grave=row.gravity == 0,
        judged=JudgedFact.model_validate_json(row.judged),
        state=state,
        ended=row.ended,
        claimed_by=row.claimed_by if state == "claimed" else None,
        claimed_until=row.claimed_until if state == "claimed" else None,
        decision=decision,
        handed_at=row.handed_at,
        round=row.round,
        stage=Stage(row.stage),
        step=Step.DECIDED if decision else Step(row.step),
        claim=row.claims,
        shown=row.shown,
        escalated=row.escalated_at is not None,
        duty=row.duty,
        proposed_by=frozenset(
            one.officer for one in opinions if (one.round, one.kind) == (row.round, "proposed")
        ),
        opinion=Opinion.of(judged[0]) if judged else None,
    )


def _state(row: ReferralRow, at: datetime) -> ReferralState:
    if row.decision is not None:
        return "decided"
    if row.ended is not None:
        return "ended"
    return "claimed" if lasts(row.claimed_until, at) else "open"
