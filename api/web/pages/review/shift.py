"""The own shift by plain forms: begin, take a break, hand over."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.pages import render
from api.web.pages.render import redirect_to

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.post("/shift/start")
def start_shift(desk: TheDesk, who: TheOfficer) -> Response:
    desk.shifts.start(who)
    return redirect_to("/queue")


@router.post("/shift/break")
def take_break(desk: TheDesk, who: TheOfficer) -> Response:
    """Take a break; the own cases go back to the queue, undecided."""
    desk.shifts.pause(who)
    return redirect_to("/queue")


@router.get("/shift/end")
def show_hand_over(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    colleagues = desk.shifts.colleagues(who)
    return render.page(request, "review/hand_over.html", ended=None, colleagues=colleagues)


@router.post("/shift/end")
def end_shift(
    request: Request,
    desk: TheDesk,
    who: TheOfficer,
    note: Annotated[str, Form(max_length=2000)] = "",
    colleague: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """End the shift; the own cases go to the colleague, who judges them blind, or back to the queue.

    Colleagues are called by name here: nobody learns in passing who is behind which pseudonym.
    """
    shifts = desk.shifts
    ended = shifts.end(who, note, shifts.colleague_named(colleague, who) if colleague else None)
    return render.page(request, "review/hand_over.html", ended=ended)
