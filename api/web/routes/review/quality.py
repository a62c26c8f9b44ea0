"""The accuracy of officers, for each officer and for supervisors as trainers; and training."""

from fastapi import APIRouter, Request

from api.platform.errors import documented
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages import describe_cases, describe_hall
from api.web.messages.cases import ClaimOrNone
from api.web.messages.hall import QualitiesMessage, QualityMessage, TrainedMessage
from api.web.translations.language import of_request

router = APIRouter(route_class=Guarded, tags=["quality"], responses=documented())


@router.get("/quality/me", summary="Your accuracy")
def show_own_quality(request: Request, desk: TheDesk, who: TheOfficer) -> QualityMessage:
    """From prepared cases and decisions of the last thirty days, with exact 95 % intervals."""
    return describe_hall.quality(desk.training.record_of(who.pseudonym), of_request(request), own=True)


@router.get("/quality", summary="The accuracy of each officer")
def show_quality(request: Request, desk: TheDesk) -> QualitiesMessage:
    """For supervisors, as trainers. An alarm says that somebody should talk with the officer; not why."""
    words = of_request(request)
    return QualitiesMessage(officers=[describe_hall.quality(one, words) for one in desk.training.records()])


@router.post("/training/next", summary="Take the next case to train on")
def train_on_next(desk: TheDesk, who: TheOfficer) -> ClaimOrNone:
    """A prepared case, to be judged and decided as any other under /referrals. Null where there is none."""
    return describe_cases.claimed(desk.training.next(who), desk.settings.lease_s)


@router.get("/training", summary="How the training went")
def show_training(desk: TheDesk, who: TheOfficer) -> TrainedMessage:
    """The results of the last four hours' training."""
    return describe_hall.trained(desk.training.trained(who))
