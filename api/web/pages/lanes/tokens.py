"""The administrator's page about lanes' tokens: works without a script, by plain forms."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import Field

from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages.people import NewLaneName
from api.web.pages import render
from api.web.pages.render import redirect_to
from api.web.routes.lanes.tokens import OneLane

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.get("/lanes")
def list_lane_tokens(request: Request, desk: TheDesk) -> Response:
    return render.page(request, "lanes/tokens.html", lanes=desk.lane_tokens.listed(), now=desk.clock())


@router.post("/lanes")
def add_lane(
    request: Request, desk: TheDesk, who: TheOfficer, lane: Annotated[NewLaneName, Form()]
) -> Response:
    return _token_page(request, lane, desk.lane_tokens.add(lane, None, who))


@router.post("/lanes/{lane}/rotation")
def rotate_lane(
    request: Request,
    lane: OneLane,
    desk: TheDesk,
    who: TheOfficer,
    overlap_minutes: Annotated[int, Form(), Field(ge=0, le=1440)] = 60,
) -> Response:
    return _token_page(request, lane, desk.lane_tokens.rotate(lane, overlap_minutes * 60, None, who))


@router.post("/lanes/{lane}/revocation")
def revoke_lane(lane: OneLane, desk: TheDesk, who: TheOfficer) -> Response:
    desk.lane_tokens.revoke(lane, who)
    return redirect_to("/lanes")


def _token_page(request: Request, lane: str, token: str) -> Response:
    return render.page(request, "lanes/new_token.html", lane=lane, token=token)
