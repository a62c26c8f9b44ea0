"""A passenger who is to be seen by an officer and not by the camera: asked by plain forms."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from api.lanes.hall.status_report import LaneName
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages.hall import Wish
from api.web.pages import render
from api.web.pages.lanes import hall_views
from api.web.pages.render import redirect_to
from lane.decision.reason_codes import Code

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

ToHall = Annotated[str, Form(pattern="^(|hall)$")]


@router.get("/requests")
def list_requests(request: Request, desk: TheDesk) -> Response:
    return render.page(
        request,
        "lanes/requests.html",
        lanes=desk.requests.lanes(),
        texts=hall_views,
        asked=desk.requests.pending(),
        good_for_s=desk.requests.settings.request_s,
    )


@router.post("/requests")
def ask_for_officer(
    desk: TheDesk,
    who: TheOfficer,
    lane: Annotated[LaneName, Form()],
    wish: Annotated[Wish, Form()],
    back: ToHall = "",
) -> Response:
    desk.requests.ask(lane, Code(wish), who)
    return _to(lane, back)


@router.post("/requests/{lane}/withdraw")
def withdraw_request(
    lane: Annotated[LaneName, Path()], desk: TheDesk, who: TheOfficer, back: ToHall = ""
) -> Response:
    desk.requests.withdraw(lane, who)
    return _to(lane, back)


def _to(lane: str, back: str) -> Response:
    return redirect_to(f"/hall/lanes/{lane}" if back else "/requests")
