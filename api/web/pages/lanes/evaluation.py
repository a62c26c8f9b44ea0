"""The supervisor's page of the comparison in service: it works without a script, by plain forms."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages import describe_evaluation
from api.web.pages import render
from api.web.pages.lanes import evaluation_views
from api.web.translations import language

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.get("/evaluation")
def show_evaluation(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """How the comparison does in service."""
    words = language.of_request(request)
    shown = evaluation_views.page(describe_evaluation.evaluation(desk.evaluation()), words)
    return render.page(request, "lanes/evaluation.html", officer=who, shown=shown)


@router.get("/evaluation/live")
def show_evaluation_live(request: Request, desk: TheDesk) -> Response:
    """The part of it that changes; asking for it is no sign that somebody sits there."""
    shown = evaluation_views.page(
        describe_evaluation.evaluation(desk.evaluation()), language.of_request(request)
    )
    return render.page(request, "lanes/evaluation_live.html", shown=shown)


@router.post("/evaluation/alarms/{alarm}/acknowledgement")
def acknowledge(alarm: Annotated[int, Path(ge=1, le=2**53)], desk: TheDesk, who: TheOfficer) -> Response:
    """Say by form that somebody looks into it."""
    desk.acknowledge(alarm, who)
    return _to("/evaluation")


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)
