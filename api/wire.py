"""From the desk's values to what officers get over the wire."""

from collections.abc import Iterable
from datetime import datetime

from api.schemas import (
    AchievedFmr,
    DecisionMessage,
    ImageMessage,
    ReasonMessage,
    ReasonTold,
    ReferralDetail,
    ReferralSummary,
)
from api.store.officers import SignedInOfficer
from api.store.queue import Referral, as_body
from api.words import wording
from api.words.language import Words


def summary(referral: Referral, who: SignedInOfficer, words: Words, now: datetime) -> ReferralSummary:
    """A referral as a list shows it."""
    return ReferralSummary(
        passage=referral.passage,
        lane=referral.lane,
        state=referral.state,
        opened_at=referral.opened_at,
        waiting_s=waiting_s(referral, now),
        reasons=_reasons(referral.judged.reasons, words),
        claimed_by=referral.claimed_by,
        claimed_until=referral.claimed_until,
        mine=referral.claimed_by == who.pseudonym,
        decision=DecisionMessage.model_validate(as_body(referral.decision)) if referral.decision else None,
    )


def detail(referral: Referral, who: SignedInOfficer, words: Words, now: datetime) -> ReferralDetail:
    """A referral as its officer sees it."""
    return ReferralDetail(
        **dict(summary(referral, who, words, now)),
        achieved_fmr=achieved_fmr(referral, words),
        remarks=_reasons(referral.judged.remarks, words),
        images=images(referral),
        checked=wording.checked(referral.judged, words),
        not_checked=wording.not_checked(referral.judged, words),
    )


def achieved_fmr(referral: Referral, words: Words) -> AchievedFmr | None:
    """What the comparison is worth, for a case that is decided: before, it would lead the officer's eye."""
    if referral.decision is None:
        return None
    evidence = referral.judged.evidence
    return AchievedFmr(value=wording.share(evidence), text=wording.worth(evidence, words))


def images(referral: Referral) -> list[ImageMessage]:
    """The images of a case and where to fetch them; each one once."""
    found = {image.sha256: image for image in reversed(referral.judged.images)}
    return [
        ImageMessage(
            role=image.role,
            sha256=image.sha256,
            sequence=image.sequence,
            captured_at=image.captured_at,
            eyes=image.eyes,
            href=f"/api/v1/referrals/{referral.passage}/images/{image.sha256}",
        )
        for image in reversed(found.values())
    ]


def waiting_s(referral: Referral, now: datetime) -> int:
    """How long the passenger has waited, or waited until the decision."""
    until = referral.decision.decided_at if referral.decision else now
    return max(0, int((until - referral.opened_at).total_seconds()))


def _reasons(told: Iterable[ReasonTold], words: Words) -> list[ReasonMessage]:
    return [
        ReasonMessage(code=reason.code, components=list(reason.components), text=wording.full(reason, words))
        for reason in told
    ]
