"""The supervisor's pages of the hall: each works without a script, by plain forms."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import RedirectResponse, Response

from api.lanes.hall.status_report import LaneName
from api.platform.errors import LaneUnknownError
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages import describe_hall
from api.web.messages.hall import HallMessage
from api.web.pages import render
from api.web.pages.lanes import hall_views
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
_CAMERAS = {"good": N_("good"), "stale": N_("slow"), "lost": N_("lost"), "unknown": N_("not known yet")}


@router.get("/hall")
def show_hall_page(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """The hall."""
    shown = hall_views.page(_seen(desk), language.of_request(request))
    return render.page(request, "lanes/hall.html", officer=who, shown=shown)


@router.get("/hall/live")
def show_hall_live(request: Request, desk: TheDesk) -> Response:
    """The part of it that changes; asking for it is no sign that somebody sits there."""
    shown = hall_views.page(_seen(desk), language.of_request(request))
    return render.page(request, "lanes/hall_live.html", shown=shown)


@router.get("/hall/lanes/{lane}")
def show_lane(
    request: Request,
    lane: OneLane,
    desk: TheDesk,
    who: TheOfficer,
) -> Response:
    """One lane, and what may be wanted of it."""
    words = language.of_request(request)
    shown = hall_views.page(_seen(desk), words)
    tile = next((one for one in shown.tiles if one.lane == lane), None)
    if tile is None:
        raise LaneUnknownError
    wanted = tile.message.command.wanted
    return render.page(
        request,
        "lanes/lane.html",
        officer=who,
        tile=tile,
        clock=shown.clock,
        camera=words.say(_CAMERAS[tile.message.camera]),
        provider=hall_views.provider(tile.message.provider),
        commands=[(word, words.say(text), words.say(what)) for word, text, what in COMMANDS],
        wishes={code: words.say(text) for code, text in hall_views.WISHES.items()},
        asked=next((one for one in desk.requests.pending() if one.lane == lane), None),
        good_for_s=desk.requests.settings.request_s,
        wanted=next(word for word, meant in WANTED.items() if meant == wanted),
    )


@router.post("/hall/lanes/{lane}/command")
def command_lane_by_form(
    lane: OneLane,
    desk: TheDesk,
    who: TheOfficer,
    command: Annotated[str, Form(pattern="^(open|close|stop)$")],
) -> Response:
    """Open, close or stop a lane by form."""
    desk.hall.command(lane, WANTED[command], who)
    return RedirectResponse(f"/hall/lanes/{lane}", status_code=303)


@router.post("/hall/stop")
def stop_hall_by_form(desk: TheDesk, who: TheOfficer) -> Response:
    """Stop every lane by form."""
    desk.hall.stop_all(who)
    return RedirectResponse("/hall", status_code=303)


def _seen(desk: TheDesk) -> HallMessage:
    return describe_hall.hall(desk.hall.hall(), desk.evaluation())
