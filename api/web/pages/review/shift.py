"""The own shift by plain forms: begin, take a break, hand over."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.pages import render

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.post("/shift/start")
def start_shift(desk: TheDesk, who: TheOfficer) -> Response:
    """Begin, or come back from a break."""
    desk.shifts.start(who)
    return _to_queue()


@router.post("/shift/break")
def take_break(desk: TheDesk, who: TheOfficer) -> Response:
    """Take a break; the own cases go back to the queue, undecided."""
    desk.shifts.pause(who)
    return _to_queue()


@router.get("/shift/end")
def show_hand_over(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """What the next shift should know, and who takes over."""
    colleagues = desk.shifts.colleagues(who)
    return render.page(request, "review/hand_over.html", officer=who, ended=None, colleagues=colleagues)


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
    return render.page(request, "review/hand_over.html", officer=who, ended=ended)


def _to_queue() -> RedirectResponse:
    return RedirectResponse("/queue", status_code=303)
