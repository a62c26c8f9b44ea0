"""A passenger who is to be seen by an officer and not by the camera: asked by plain forms."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import RedirectResponse, Response

from api.lanes.hall.status_report import LaneName
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages.hall import Wish
from api.web.pages import render
from api.web.pages.lanes.hall_views import WISHES
from api.web.translations import language
from lane.decision.reason_codes import Code

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

ToHall = Annotated[str, Form(pattern="^(|hall)$")]


@router.get("/requests")
def show_requests(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """What can be asked of a lane, and what is asked now."""
    words = language.of_request(request)
    said = {code: words.say(text) for code, text in WISHES.items()}
    return render.page(
        request,
        "lanes/requests.html",
        officer=who,
        lanes=desk.requests.lanes(),
        wishes=said,
        asked=[(one, said[one.code]) for one in desk.requests.pending()],
        good_for_s=desk.requests.settings.request_s,
    )


@router.post("/requests")
def ask_by_form(
    desk: TheDesk,
    who: TheOfficer,
    lane: Annotated[LaneName, Form()],
    wish: Annotated[Wish, Form()],
    back: ToHall = "",
) -> Response:
    """Ask for the next passenger of a lane."""
    desk.requests.ask(lane, Code(wish), who)
    return _to(lane, back)


@router.post("/requests/{lane}/withdraw")
def withdraw_by_form(
    lane: Annotated[LaneName, Path()], desk: TheDesk, who: TheOfficer, back: ToHall = ""
) -> Response:
    """Take back what was asked."""
    desk.requests.withdraw(lane, who)
    return _to(lane, back)


def _to(lane: str, back: str) -> RedirectResponse:
    return RedirectResponse(f"/hall/lanes/{lane}" if back else "/requests", status_code=303)
