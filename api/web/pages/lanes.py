"""The pages about lanes: the hall, requests for an officer, lanes' tokens, the comparison in service.

Each works without a script, by plain forms.
"""

from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from pydantic import Field

from api.lanes.hall.status_report import LaneName
from api.platform.errors import LaneUnknownError
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.desk import Desk
from api.web.messages.evaluation import evaluation_message
from api.web.messages.hall import HallMessage, Wish, hall_message
from api.web.messages.people import NewLaneName
from api.web.pages import evaluation_views, hall_views, render
from api.web.pages.render import redirect_to
from api.web.routes.lanes import WANTED, OneLane
from api.web.translations import language
from api.web.translations.language import N_
from lane.decision.reason_codes import Code

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

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
    return _hall_page(request, "lanes/hall.html", _hall(desk))


@router.get("/hall/live")
def show_hall_live(request: Request, desk: TheDesk) -> Response:
    """The part of it that changes; asking for it is no sign that somebody sits there."""
    return _hall_page(request, "lanes/hall_live.html", _hall(desk))


@router.get("/hall/lanes/{lane}")
def show_lane(request: Request, lane: OneLane, desk: TheDesk) -> Response:
    hall = _hall(desk)
    shown = next((one for one in hall.lanes if one.lane == lane), None)
    if shown is None:
        raise LaneUnknownError
    return _hall_page(
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
    return hall_message(desk.hall.hall(), desk.evaluation())


def _hall_page(request: Request, template: str, hall: HallMessage, **values: Any) -> Response:
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


# --- requests: a passenger who is to be seen by an officer and not by the camera

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
    return _back_to(lane, back)


@router.post("/requests/{lane}/withdraw")
def withdraw_request(lane: OneLane, desk: TheDesk, who: TheOfficer, back: ToHall = "") -> Response:
    desk.requests.withdraw(lane, who)
    return _back_to(lane, back)


def _back_to(lane: str, back: str) -> Response:
    return redirect_to(f"/hall/lanes/{lane}" if back else "/requests")


# --- tokens


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


# --- the comparison in service


@router.get("/evaluation")
def show_evaluation(request: Request, desk: TheDesk) -> Response:
    return _evaluation_page(request, "lanes/evaluation.html", desk)


@router.get("/evaluation/live")
def show_evaluation_live(request: Request, desk: TheDesk) -> Response:
    """The part of it that changes; asking for it is no sign that somebody sits there."""
    return _evaluation_page(request, "lanes/evaluation_live.html", desk)


@router.post("/evaluation/alarms/{alarm}/acknowledgement")
def acknowledge_alarm(
    alarm: Annotated[int, Path(ge=1, le=2**53)], desk: TheDesk, who: TheOfficer
) -> Response:
    desk.acknowledge(alarm, who)
    return redirect_to("/evaluation")


def _evaluation_page(request: Request, template: str, desk: Desk) -> Response:
    report, words = evaluation_message(desk.evaluation()), language.of_request(request)
    matchers = evaluation_views.by_matcher(report)
    return render.page(
        request,
        template,
        since=report.since,
        matchers=matchers,
        state=evaluation_views.worst(matchers),
        texts=evaluation_views,
        one_in=partial(evaluation_views.one_in, words=words),
        between=partial(evaluation_views.between, words=words),
    )
