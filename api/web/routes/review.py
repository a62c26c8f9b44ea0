"""Officers' work as JSON: the queue, its cases and its events, the own shift, training, and accuracy."""

from collections.abc import AsyncIterator
from time import monotonic, time
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.people.officers import SignedInOfficer
from api.platform import errors
from api.platform.errors import documented
from api.platform.events import MOST_OF_A_SESSION, Listener
from api.platform.messages import PassageName, Sha256
from api.review.cases.answers import Judgement, OfficerAnswer
from api.review.cases.steps import ReferralState
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.desk import Desk
from api.web.messages import describe_cases
from api.web.messages.cases import (
    ClaimMessage,
    ClaimOrNone,
    DecisionAnswer,
    DecisionRequest,
    HandOver,
    HandOverRequest,
    JudgementRequest,
    ReferralDetail,
    ReferralList,
    ShiftMessage,
    ShiftOrNone,
)
from api.web.messages.hall import (
    QualitiesMessage,
    QualityMessage,
    TrainedMessage,
    quality_message,
    training_message,
)
from api.web.translations.language import of_request

events = APIRouter(route_class=Guarded, tags=["referrals"], responses=documented())
referrals = APIRouter(route_class=Guarded, prefix="/referrals", tags=["referrals"], responses=documented())
shift = APIRouter(route_class=Guarded, prefix="/shift", tags=["officer"], responses=documented())
quality = APIRouter(route_class=Guarded, tags=["quality"], responses=documented())

_ACTING = (errors.ReferralUnknownError,)
_ANSWERING = (
    errors.PassageClosedError,
    errors.GroundRefusedError,
    errors.NoteMissingError,
    errors.RepeatRefusedError,
    errors.BodyTooLargeError,
)


@referrals.get("", summary="List referrals")
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


@referrals.post("/next", summary="Claim the referral that comes first")
def claim_next_referral(desk: TheDesk, who: TheOfficer) -> ClaimOrNone:
    """The own case where there is one; else the first that this officer may take, by the queue's order."""
    return describe_cases.claimed(desk.cases.claim_next(who), desk.settings.lease_s)


@referrals.get("/{passage}", summary="Look at a referral", responses=documented(errors.ReferralUnknownError))
def show_referral(request: Request, passage: PassageName, desk: TheDesk, who: TheOfficer) -> ReferralDetail:
    """As much as the officer's step shows: faces alone at first, then what the machine found; no score."""
    return describe_cases.detail(desk.cases.view(passage, who), who, of_request(request), desk.clock())


@referrals.post(
    "/{passage}/claim",
    summary="Claim a referral, or renew the claim",
    responses=documented(
        *_ACTING,
        errors.ClaimHeldError,
        errors.OtherOfficerNeededError,
        errors.AlreadyDecidedError,
        errors.PassageClosedError,
    ),
)
def claim_referral(passage: PassageName, desk: TheDesk, who: TheOfficer) -> ClaimMessage:
    """Until the claim ends, only this officer can decide; when it ends, the case is free again, undecided."""
    until = desk.cases.claim(passage, who)
    return ClaimMessage(passage=passage, claimed_until=until, lease_s=desk.settings.lease_s)


@referrals.delete(
    "/{passage}/claim", status_code=204, summary="Give a referral back", responses=documented(*_ACTING)
)
def release_referral(passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    """The case is free for the next officer, who judges blind from the beginning."""
    desk.cases.release(passage, who)
    return Response(status_code=204)


@referrals.post(
    "/{passage}/judgement",
    summary="Judge the faces",
    responses=documented(
        *_ACTING,
        errors.ClaimMissingError,
        errors.NotShownError,
        errors.AlreadyJudgedError,
        errors.AlreadyDecidedError,
        errors.PassageClosedError,
        errors.BodyTooLargeError,
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


@referrals.post(
    "/{passage}/decision",
    summary="Decide a referral",
    responses=documented(
        *_ACTING, errors.ClaimMissingError, errors.NotRevealedError, errors.AlreadyDecidedError, *_ANSWERING
    ),
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


@referrals.post(
    "/{passage}/correction",
    summary="Correct the own decision",
    responses=documented(
        *_ACTING,
        errors.NotDecidedError,
        errors.NotYourDecisionError,
        errors.AlreadyHandedError,
        errors.SecondOfficerNeededError,
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


@referrals.get(
    "/{passage}/images/{sha256}",
    summary="Fetch an image of a referral",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(
            errors.ReferralUnknownError,
            errors.ImageUnknownError,
            errors.ClaimMissingError,
            errors.KeyLostError,
            errors.KeyWrongError,
            errors.ImageChangedError,
            errors.KeyringError,
        ),
    },
)
def show_image(
    passage: PassageName, sha256: Annotated[Sha256, Path()], desk: TheDesk, who: TheOfficer
) -> Response:
    """One JPEG image, for the officer who has the case, as long as it is theirs."""
    return Response(desk.cases.image(passage, sha256, who), media_type="image/jpeg")


# --- the own shift


@shift.get("", summary="See the own shift")
def show_shift(desk: TheDesk, who: TheOfficer) -> ShiftOrNone:
    """The shift, and when a break is due; null where the officer is on none."""
    return ShiftOrNone.model_validate({"shift": desk.shifts.show(who)})


@shift.post("/start", summary="Begin, or come back from a break")
def start_shift(desk: TheDesk, who: TheOfficer) -> ShiftMessage:
    """A new stretch begins after a break. The first sign-in of a day begins a shift, too."""
    return ShiftMessage.model_validate(desk.shifts.start(who))


@shift.post("/break", summary="Take a break", responses=documented(errors.NoShiftError))
def take_break(desk: TheDesk, who: TheOfficer) -> ShiftMessage:
    """The officer's cases go back to the queue, undecided."""
    return ShiftMessage.model_validate(desk.shifts.pause(who))


@shift.post(
    "/end",
    summary="End the shift and hand over",
    responses=documented(errors.NoShiftError, errors.OfficerUnknownError, errors.BodyTooLargeError),
)
def end_shift(wanted: HandOverRequest, desk: TheDesk, who: TheOfficer) -> HandOver:
    """The officer's cases go to the colleague, who judges them blind, or back to the queue, undecided."""
    return HandOver.model_validate(desk.shifts.end(who, wanted.note, wanted.colleague))


# --- accuracy and training


@quality.get("/quality/me", summary="Your accuracy")
def show_own_quality(request: Request, desk: TheDesk, who: TheOfficer) -> QualityMessage:
    """From prepared cases and decisions of the last thirty days, with exact 95 % intervals."""
    return quality_message(desk.accuracy.record_of(who.pseudonym), of_request(request), own=True)


@quality.get("/quality", summary="The accuracy of each officer")
def show_quality(request: Request, desk: TheDesk) -> QualitiesMessage:
    """For supervisors, as trainers. An alarm says that somebody should talk with the officer; not why."""
    words = of_request(request)
    return QualitiesMessage(officers=[quality_message(one, words) for one in desk.accuracy.records()])


@quality.post("/training/next", summary="Take the next case to train on")
def train_on_next(desk: TheDesk, who: TheOfficer) -> ClaimOrNone:
    """A prepared case, to be judged and decided as any other under /referrals. Null where there is none."""
    return describe_cases.claimed(desk.training.next(who), desk.settings.lease_s)


@quality.get("/training", summary="How the training went")
def show_training(desk: TheDesk, who: TheOfficer) -> TrainedMessage:
    """The results of the last four hours' training."""
    return training_message(desk.training.trained(who))


# --- events

_STILL_HERE_S = 10.0
_LOOK_AGAIN_S = 1.0
"""Events come in bursts: the session is not looked up for each of them."""
_COME_BACK_MS = 2000
_OF_THE_HALL = {"lane.changed", "staff.changed"}


async def listening(desk: TheDesk, who: TheOfficer) -> AsyncIterator[Listener]:
    """A listener for the time of the request, for a signed-in officer only."""
    listener = desk.broker.listen(who.session_sha256, MOST_OF_A_SESSION)
    try:
        yield listener
    finally:
        desk.broker.leave(listener)


@events.get(
    "/events",
    summary="Follow the queue",
    response_class=EventSourceResponse,
    responses=documented(errors.TooManyListenersError, streams=True),
)
async def follow_events(
    desk: TheDesk, who: TheOfficer, listener: Annotated[Listener, Depends(listening)]
) -> AsyncIterator[ServerSentEvent]:
    """`referral.opened`, `referral.changed`, `referral.decided` and `referral.handed` (the lane has it),
    each with {"passage": id}; to supervisors `lane.changed` and `staff.changed`, with nothing.

    The stream ends with the session, or when the client does not keep up; EventSource then comes again.
    """
    yield ServerSentEvent(comment="following", retry=_COME_BACK_MS)
    looked_at = float("-inf")
    while not listener.dropped:
        if monotonic() - looked_at >= _LOOK_AGAIN_S:
            if not await run_in_threadpool(_still_signed_in, desk, who):
                return
            looked_at = monotonic()
        event = await listener.next_event(_STILL_HERE_S)
        if event is None:
            yield ServerSentEvent(comment="still here")
        elif event.name in _OF_THE_HALL and not who.supervises:
            continue  # lanes change all the time: an officer's page is left alone by that
        elif event.officer not in ("", who.pseudonym):
            continue
        else:
            desk.meters.event_delay.observe(max(0.0, time() - event.published_at))
            data = {"passage": event.passage} if event.name.startswith("referral.") else {}
            yield ServerSentEvent(event=event.name, data=data)


def _still_signed_in(desk: Desk, who: SignedInOfficer) -> bool:
    try:
        desk.officer_of(who.session_sha256, acting=False)
    except errors.NotSignedInError:
        return False
    return True
