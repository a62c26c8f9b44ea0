"""The supervisor's pages of the hall: each works without a script, by plain forms."""

from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from api.lanes.hall.status_report import LaneName
from api.platform.errors import LaneUnknownError
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.desk import Desk
from api.web.messages import describe_hall
from api.web.messages.hall import HallMessage
from api.web.pages import render
from api.web.pages.lanes import hall_views
from api.web.pages.render import redirect_to
from api.web.routes.lanes.hall import WANTED
from api.web.translations import language
from api.web.translations.language import N_

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

OneLane = Annotated[LaneName, Path()]
COMMANDS = (
    (
        "open",
        N_("Open the lane"),
        N_("The lane serves passengers again, by its own rules. No gate opens by this."),
    ),
    ("close", N_("Close the lane"), N_("The passage under way is finished, and nobody new is served.")),
    ("stop", N_("Stop the lane"), N_("The gate is shut at once. The passage under way goes no further.")),
)


@router.get("/hall")
def show_hall_page(request: Request, desk: TheDesk) -> Response:
    return _page(request, "lanes/hall.html", _hall(desk))


@router.get("/hall/live")
def show_hall_live(request: Request, desk: TheDesk) -> Response:
    """The part of it that changes; asking for it is no sign that somebody sits there."""
    return _page(request, "lanes/hall_live.html", _hall(desk))


@router.get("/hall/lanes/{lane}")
def show_lane(request: Request, lane: OneLane, desk: TheDesk) -> Response:
    hall = _hall(desk)
    shown = next((one for one in hall.lanes if one.lane == lane), None)
    if shown is None:
        raise LaneUnknownError
    return _page(
        request,
        "lanes/lane.html",
        hall,
        lane=shown,
        commands=COMMANDS,
        wanted=WANTED,
        asked=next((one for one in desk.requests.pending() if one.lane == lane), None),
        good_for_s=desk.requests.settings.request_s,
    )


@router.post("/hall/lanes/{lane}/command")
def command_lane(
    lane: OneLane,
    desk: TheDesk,
    who: TheOfficer,
    command: Annotated[str, Form(pattern="^(open|close|stop)$")],
) -> Response:
    desk.hall.command(lane, WANTED[command], who)
    return redirect_to(f"/hall/lanes/{lane}")


@router.post("/hall/stop")
def stop_hall(desk: TheDesk, who: TheOfficer) -> Response:
    desk.hall.stop_all(who)
    return redirect_to("/hall")


def _hall(desk: Desk) -> HallMessage:
    return describe_hall.hall(desk.hall.hall(), desk.evaluation())


def _page(request: Request, template: str, hall: HallMessage, **values: Any) -> Response:
    words, longest_s = language.of_request(request), hall.queue.longest_s
    return render.page(
        request,
        template,
        hall=hall,
        texts=hall_views,
        unwell=partial(hall_views.unwell, hall=hall, words=words),
        plots=hall_views.plots(hall.points, words),
        oldest_at=None if longest_s is None else hall.at - timedelta(seconds=longest_s),
        **values,
    )
