"""The accuracy of officers, for each officer and for supervisors as trainers; and training."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.platform.errors import ForgedRequestError, NotAllowedError, NotSignedInError, documented
from api.review.training import Training
from api.web.access.authentication import ActingOfficer, Guarded, TheDesk, TheOfficer
from api.web.messages import describe_cases, describe_hall
from api.web.messages.cases import ClaimOrNone
from api.web.messages.hall import QualitiesMessage, QualityMessage, TrainedMessage
from api.web.translations.language import of_request

router = APIRouter(route_class=Guarded, tags=["quality"])


def training_of(desk: TheDesk) -> Training:
    """The running desk's trainer."""
    return desk.training


TheTraining = Annotated[Training, Depends(training_of)]


@router.get(
    "/quality/me",
    summary="Your accuracy",
    operation_id="show_own_quality",
    responses=documented(NotSignedInError, NotAllowedError),
)
def show_own_quality(request: Request, training: TheTraining, who: TheOfficer) -> QualityMessage:
    """From prepared cases and decisions of the last thirty days, with exact 95 % intervals."""
    return describe_hall.quality(training.record_of(who.pseudonym), of_request(request), own=True)


@router.get(
    "/quality",
    summary="The accuracy of each officer",
    operation_id="show_quality",
    responses=documented(NotSignedInError, NotAllowedError),
)
def show_quality(request: Request, training: TheTraining) -> QualitiesMessage:
    """For supervisors, as trainers. An alarm says that somebody should talk with the officer; not why."""
    words = of_request(request)
    return QualitiesMessage(officers=[describe_hall.quality(one, words) for one in training.records()])


@router.post(
    "/training/next",
    summary="Take the next case to train on",
    operation_id="train_on_next",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError),
)
def train_on_next(training: TheTraining, desk: TheDesk, who: ActingOfficer) -> ClaimOrNone:
    """A prepared case, to be judged and decided as any other under /referrals. Null where there is none."""
    return describe_cases.claimed(training.next(who), desk.settings.lease_s)


@router.get(
    "/training",
    summary="How the training went",
    operation_id="show_training",
    responses=documented(NotSignedInError, NotAllowedError),
)
def show_training(training: TheTraining, who: TheOfficer) -> TrainedMessage:
    """The results of the last four hours' training."""
    return describe_hall.trained(training.trained(who))
