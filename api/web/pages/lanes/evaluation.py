"""The supervisor's page of the comparison in service: it works without a script, by plain forms."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.desk import Desk
from api.web.messages import describe_evaluation
from api.web.pages import render
from api.web.pages.lanes import evaluation_views
from api.web.pages.render import redirect_to
from api.web.translations import language

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.get("/evaluation")
def show_evaluation(request: Request, desk: TheDesk) -> Response:
    return _page(request, "lanes/evaluation.html", desk)


@router.get("/evaluation/live")
def show_evaluation_live(request: Request, desk: TheDesk) -> Response:
    """The part of it that changes; asking for it is no sign that somebody sits there."""
    return _page(request, "lanes/evaluation_live.html", desk)


@router.post("/evaluation/alarms/{alarm}/acknowledgement")
def acknowledge_alarm(
    alarm: Annotated[int, Path(ge=1, le=2**53)], desk: TheDesk, who: TheOfficer
) -> Response:
    desk.acknowledge(alarm, who)
    return redirect_to("/evaluation")


def _page(request: Request, template: str, desk: Desk) -> Response:
    report, words = describe_evaluation.evaluation(desk.evaluation()), language.of_request(request)
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
