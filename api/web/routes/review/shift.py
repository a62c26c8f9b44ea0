"""The own shift as JSON: begin, take a break, hand over."""

from fastapi import APIRouter

from api.platform.errors import BodyTooLargeError, NoShiftError, OfficerUnknownError, documented
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages.cases import HandOver, HandOverRequest, ShiftMessage, ShiftOrNone

router = APIRouter(route_class=Guarded, prefix="/shift", tags=["officer"], responses=documented())


@router.get("", summary="See the own shift")
def show_shift(desk: TheDesk, who: TheOfficer) -> ShiftOrNone:
    """The shift, and when a break is due; null where the officer is on none."""
    return ShiftOrNone.model_validate({"shift": desk.shifts.show(who)})


@router.post("/start", summary="Begin, or come back from a break")
def start_shift(desk: TheDesk, who: TheOfficer) -> ShiftMessage:
    """A new stretch begins after a break. The first sign-in of a day begins a shift, too."""
    return ShiftMessage.model_validate(desk.shifts.start(who))


@router.post("/break", summary="Take a break", responses=documented(NoShiftError))
def take_break(desk: TheDesk, who: TheOfficer) -> ShiftMessage:
    """The officer's cases go back to the queue, undecided."""
    return ShiftMessage.model_validate(desk.shifts.pause(who))


@router.post(
    "/end",
    summary="End the shift and hand over",
    responses=documented(NoShiftError, OfficerUnknownError, BodyTooLargeError),
)
def end_shift(wanted: HandOverRequest, desk: TheDesk, who: TheOfficer) -> HandOver:
    """The officer's cases go to the colleague, who judges them blind, or back to the queue, undecided."""
    return HandOver.model_validate(desk.shifts.end(who, wanted.note, wanted.colleague))
