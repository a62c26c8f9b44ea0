"""The own shift as JSON: begin, take a break, hand over."""

from fastapi import APIRouter

from api.platform.errors import BodyTooLargeError, NoShiftError, OfficerUnknownError, documented
from api.review.shifts import ShiftState
from api.web.access.authentication import ActingOfficer, Guarded, TheDesk, TheOfficer
from api.web.messages.cases import HandOver, HandOverRequest, ShiftMessage, ShiftOrNone

router = APIRouter(route_class=Guarded, prefix="/shift", tags=["officer"])


@router.get("", summary="See the own shift", operation_id="show_shift", responses=documented())
def show_shift(desk: TheDesk, who: TheOfficer) -> ShiftOrNone:
    """The shift, and when a break is due; null where the officer is on none."""
    state = desk.shifts.show(who)
    return ShiftOrNone(shift=None if state is None else _shift_message(state))


@router.post(
    "/start", summary="Begin, or come back from a break", operation_id="start_shift", responses=documented()
)
def start_shift(desk: TheDesk, who: ActingOfficer) -> ShiftMessage:
    """A new stretch begins after a break. The first sign-in of a day begins a shift, too."""
    return _shift_message(desk.shifts.start(who))


@router.post("/break", summary="Take a break", operation_id="take_break", responses=documented(NoShiftError))
def take_break(desk: TheDesk, who: ActingOfficer) -> ShiftMessage:
    """The officer's cases go back to the queue, undecided."""
    return _shift_message(desk.shifts.pause(who))


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


def _shift_message(state: ShiftState) -> ShiftMessage:
    return ShiftMessage(
        started_at=state.started_at,
        stretch_began_at=state.stretch_began_at,
        on_break=state.on_break,
        break_due_at=state.break_due_at,
        break_due=state.break_due,
        planned_end_at=state.planned_end_at,
    )
