"""The own shift as JSON: begin, take a break, hand over."""

from fastapi import APIRouter

from api.platform.errors import BodyTooLargeError, NoShiftError, OfficerUnknownError, documented
from api.review.handover import ShiftState
from api.web.access.authentication import ActingOfficer, Guarded, TheDesk, TheOfficer
from api.web.messages.cases import HandOver, HandOverRequest, ShiftMessage, ShiftOrNone

router = APIRouter(route_class=Guarded, prefix="/shift", tags=["officer"])


@router.get("", summary="See the own shift", operation_id="show_shift", responses=documented())
def show_shift(desk: TheDesk, who: TheOfficer) -> ShiftOrNone:
    """The shift, and when a break is due; null where the officer is on none."""
    duty = desk.shifts.show(who)
    return ShiftOrNone(shift=None if duty is None else _told(duty))


@router.post(
    "/start", summary="Begin, or come back from a break", operation_id="start_shift", responses=documented()
)
def start_shift(desk: TheDesk, who: ActingOfficer) -> ShiftMessage:
    """A new stretch begins after a break. Who signs in for the first time on a day begins a shift by that."""
    return _told(desk.shifts.start(who))


@router.post("/break", summary="Take a break", operation_id="take_break", responses=documented(NoShiftError))
def take_break(desk: TheDesk, who: ActingOfficer) -> ShiftMessage:
    """The officer's cases go back to the queue, undecided."""
    return _told(desk.shifts.pause(who))


@router.post(
    "/end",
    summary="End the shift and hand over",
    operation_id="end_shift",
    responses=documented(NoShiftError, OfficerUnknownError, BodyTooLargeError),
)
def end_shift(wanted: HandOverRequest, desk: TheDesk, who: ActingOfficer) -> HandOver:
    """The officer's cases go to the colleague, who judges them blind, or back to the queue, undecided."""
    ended = desk.shifts.end(who, wanted.note, wanted.colleague)
    return HandOver(handed=list(ended.handed), released=list(ended.released))


def _told(duty: ShiftState) -> ShiftMessage:
    return ShiftMessage(
        started_at=duty.started_at,
        stretch_began_at=duty.stretch_began_at,
        on_break=duty.on_break,
        break_due_at=duty.break_due_at,
        break_due=duty.break_due,
        planned_end_at=duty.planned_end_at,
    )
