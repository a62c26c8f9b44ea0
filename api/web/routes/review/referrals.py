"""The queue as JSON: list, take, look, judge, decide, correct."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.platform.errors import (
    AlreadyDecidedError,
    AlreadyHandedError,
    AlreadyJudgedError,
    BodyTooLargeError,
    ClaimHeldError,
    ClaimMissingError,
    GroundRefusedError,
    ImageChangedError,
    ImageUnknownError,
    KeyLostError,
    KeyringError,
    KeyWrongError,
    NotDecidedError,
    NoteMissingError,
    NotRevealedError,
    NotShownError,
    NotYourDecisionError,
    OtherOfficerNeededError,
    PassageClosedError,
    ReferralUnknownError,
    RepeatRefusedError,
    SecondOfficerNeededError,
    documented,
)
from api.platform.messages import PassageName, Sha256
from api.review.cases.answers import Judgement, OfficerAnswer
from api.review.cases.steps import ReferralState
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages import describe_cases
from api.web.messages.cases import (
    ClaimMessage,
    ClaimOrNone,
    DecisionAnswer,
    DecisionRequest,
    JudgementRequest,
    ReferralDetail,
    ReferralList,
)
from api.web.translations.language import of_request

router = APIRouter(route_class=Guarded, prefix="/referrals", tags=["referrals"], responses=documented())

_ACTING = (ReferralUnknownError,)
_ANSWERING = (PassageClosedError, GroundRefusedError, NoteMissingError, RepeatRefusedError, BodyTooLargeError)


@router.get("", summary="List referrals")
def list_referrals(
    request: Request,
    desk: TheDesk,
    who: TheOfficer,
    state: Annotated[ReferralState | None, Query(description="Only those in this state.")] = None,
) -> ReferralList:
    """Who waits, in the order in which they are answered; then who was decided on, the last first."""
    words = of_request(request)
    now = desk.clock()
    nobodys = desk.cases.unanswerable(who)
    found = [describe_cases.summary(one, who, words, now, nobodys) for one in desk.cases.listed(state, who)]
    return ReferralList(referrals=found, waiting=desk.cases.waiting(who))


@router.post("/next", summary="Claim the referral that comes first")
def claim_next_referral(desk: TheDesk, who: TheOfficer) -> ClaimOrNone:
    """The own case where there is one; else the first that this officer may take, by the queue's order."""
    return describe_cases.claimed(desk.cases.claim_next(who), desk.settings.lease_s)


@router.get("/{passage}", summary="Look at a referral", responses=documented(ReferralUnknownError))
def show_referral(request: Request, passage: PassageName, desk: TheDesk, who: TheOfficer) -> ReferralDetail:
    """As much as the officer's step shows: faces alone at first, then what the machine found; no score."""
    return describe_cases.detail(desk.cases.view(passage, who), who, of_request(request), desk.clock())


@router.post(
    "/{passage}/claim",
    summary="Claim a referral, or renew the claim",
    responses=documented(
        *_ACTING, ClaimHeldError, OtherOfficerNeededError, AlreadyDecidedError, PassageClosedError
    ),
)
def claim_referral(passage: PassageName, desk: TheDesk, who: TheOfficer) -> ClaimMessage:
    """Until the claim ends, only this officer can decide; when it ends, the case is free again, undecided."""
    until = desk.cases.claim(passage, who)
    return ClaimMessage(passage=passage, claimed_until=until, lease_s=desk.settings.lease_s)


@router.delete(
    "/{passage}/claim", status_code=204, summary="Give a referral back", responses=documented(*_ACTING)
)
def release_referral(passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    """The case is free for the next officer, who judges blind from the beginning."""
    desk.cases.release(passage, who)
    return Response(status_code=204)


@router.post(
    "/{passage}/judgement",
    summary="Judge the faces",
    responses=documented(
        *_ACTING,
        ClaimMissingError,
        NotShownError,
        AlreadyJudgedError,
        AlreadyDecidedError,
        PassageClosedError,
        BodyTooLargeError,
    ),
)
def judge_referral(
    request: Request, passage: PassageName, given: JudgementRequest, desk: TheDesk, who: TheOfficer
) -> ReferralDetail:
    """Say whether the faces show the same person, once under a claim; then the findings are revealed.

    The case must have been looked at under this claim. Sending the same again gives the same case.
    """
    viewed = [view.model_dump() for view in given.viewed]
    features = {str(name): str(seen) for name, seen in given.features.items()}
    desk.cases.judge(passage, who, Judgement(given.verdict, given.confidence, features, viewed))
    return describe_cases.detail(desk.cases.view(passage, who), who, of_request(request), desk.clock())


@router.post(
    "/{passage}/decision",
    summary="Decide a referral",
    responses=documented(*_ACTING, ClaimMissingError, NotRevealedError, AlreadyDecidedError, *_ANSWERING),
)
def decide_referral(
    request: Request, passage: PassageName, wanted: DecisionRequest, desk: TheDesk, who: TheOfficer
) -> DecisionAnswer:
    """Needs the officer's own, unexpired claim and the reveal; the same again gives the same answer.

    To admit against a confident result of the machine takes a second officer: the case goes back to the
    queue, and the second judges without knowing of the first.
    """
    given = desk.cases.decide(passage, who, OfficerAnswer(wanted.answer, wanted.ground, wanted.note))
    known = desk.cases.inserted.prepared_decision(passage, who) if given.decision else None
    return describe_cases.decision_answer(
        given, describe_cases.feedback(known, of_request(request)) if known else None
    )


@router.post(
    "/{passage}/correction",
    summary="Correct the own decision",
    responses=documented(
        *_ACTING,
        NotDecidedError,
        NotYourDecisionError,
        AlreadyHandedError,
        SecondOfficerNeededError,
        *_ANSWERING,
    ),
)
def correct_referral(
    passage: PassageName, wanted: DecisionRequest, desk: TheDesk, who: TheOfficer
) -> DecisionAnswer:
    """Put another decision in place of the own one until the lane has it; both stay in the ledger."""
    return describe_cases.decision_answer(
        desk.cases.correct(passage, who, OfficerAnswer(wanted.answer, wanted.ground, wanted.note))
    )


@router.get(
    "/{passage}/images/{sha256}",
    summary="Fetch an image of a referral",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(
            ReferralUnknownError,
            ImageUnknownError,
            ClaimMissingError,
            KeyLostError,
            KeyWrongError,
            ImageChangedError,
            KeyringError,
        ),
    },
)
def show_image(
    passage: PassageName, sha256: Annotated[Sha256, Path()], desk: TheDesk, who: TheOfficer
) -> Response:
    """One JPEG image, for the officer who has the case, as long as it is theirs."""
    return Response(desk.cases.image(passage, sha256, who), media_type="image/jpeg")
