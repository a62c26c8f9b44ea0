"""The queue as JSON: list, look, claim, decide."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api import wire
from api.auth import ActingOfficer, Guarded, TheDesk, TheOfficer
from api.errors import (
    AlreadyDecidedError,
    BodyTooLargeError,
    ClaimHeldError,
    ClaimMissingError,
    ForgedRequestError,
    GroundRefusedError,
    ImageChangedError,
    ImageUnknownError,
    KeyLostError,
    KeyringError,
    KeyWrongError,
    NotSignedInError,
    PassageClosedError,
    ReferralUnknownError,
    documented,
)
from api.schemas import (
    ClaimMessage,
    DecisionMessage,
    DecisionRequest,
    PassageName,
    ReferralDetail,
    ReferralList,
    ReferralState,
    Sha256,
)
from api.store.queue import as_body
from api.words.language import of_request

router = APIRouter(route_class=Guarded, prefix="/referrals", tags=["referrals"])

_ACTING = (NotSignedInError, ForgedRequestError, ReferralUnknownError)


@router.get(
    "", summary="List referrals", operation_id="list_referrals", responses=documented(NotSignedInError)
)
def list_referrals(
    request: Request,
    desk: TheDesk,
    who: TheOfficer,
    state: Annotated[ReferralState | None, Query(description="Only those in this state.")] = None,
) -> ReferralList:
    """Who waits, the gravest first, then the oldest; then who was decided on, the last first."""
    words = of_request(request)
    now = desk.clock()
    found = [wire.summary(referral, who, words, now) for referral in desk.referrals(state)]
    return ReferralList(referrals=found, waiting=desk.waiting())


@router.get(
    "/{passage}",
    summary="Look at a referral",
    operation_id="show_referral",
    responses=documented(NotSignedInError, ReferralUnknownError),
)
def show_referral(request: Request, passage: PassageName, desk: TheDesk, who: TheOfficer) -> ReferralDetail:
    """What the officer is told: reasons, what was and what was not checked, and images; no score."""
    return wire.detail(desk.referral(passage, who), who, of_request(request), desk.clock())


@router.post(
    "/{passage}/claim",
    summary="Claim a referral, or renew the claim",
    operation_id="claim_referral",
    responses=documented(*_ACTING, ClaimHeldError, AlreadyDecidedError, PassageClosedError),
)
def claim_referral(passage: PassageName, desk: TheDesk, who: ActingOfficer) -> ClaimMessage:
    """Until the claim ends, only this officer can decide; when it ends, the case is free again, undecided."""
    until = desk.claim(passage, who)
    return ClaimMessage(passage=passage, claimed_until=until, lease_s=desk.settings.lease_s)


@router.delete(
    "/{passage}/claim",
    status_code=204,
    summary="Give a referral back",
    operation_id="release_referral",
    responses=documented(*_ACTING),
)
def release_referral(passage: PassageName, desk: TheDesk, who: ActingOfficer) -> Response:
    """The case is free for the next officer."""
    desk.release(passage, who)
    return Response(status_code=204)


@router.post(
    "/{passage}/decision",
    summary="Decide a referral",
    operation_id="decide_referral",
    responses=documented(
        *_ACTING,
        ClaimMissingError,
        AlreadyDecidedError,
        PassageClosedError,
        GroundRefusedError,
        BodyTooLargeError,
    ),
)
def decide_referral(
    passage: PassageName, wanted: DecisionRequest, desk: TheDesk, who: ActingOfficer
) -> DecisionMessage:
    """Needs the officer's own, unexpired claim. Sending exactly the same again gives the same decision."""
    decision = desk.decide(passage, who, wanted.answer, wanted.ground, wanted.note)
    return DecisionMessage.model_validate(as_body(decision))


@router.get(
    "/{passage}/images/{sha256}",
    summary="Fetch an image of a referral",
    operation_id="show_image",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(
            NotSignedInError,
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
    return Response(desk.image(passage, sha256, who), media_type="image/jpeg")
