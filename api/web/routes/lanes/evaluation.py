"""The evaluation of the matcher in service, and the metrics."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.platform import metrics
from api.platform.errors import AlarmUnknownError, documented
from api.web import gauges
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages import describe_evaluation
from api.web.messages.evaluation import Evaluation

router = APIRouter(route_class=Guarded, tags=["evaluation"], responses=documented())

_TEXTS = ("text/plain", "application/openmetrics-text")


@router.get("/evaluation", summary="How the matcher does in service")
def show_evaluation(desk: TheDesk) -> Evaluation:
    """Live error rates by lane, matcher and group, with intervals, and what is alarming in them."""
    return describe_evaluation.evaluation(desk.evaluation())


@router.post(
    "/evaluation/alarms/{alarm}/acknowledgement",
    status_code=204,
    summary="Acknowledge an alarm",
    responses=documented(AlarmUnknownError),
)
def acknowledge_alarm(
    alarm: Annotated[int, Path(ge=1, le=2**53)], desk: TheDesk, who: TheOfficer
) -> Response:
    """Somebody investigates it; the alarm stays until the window is clean again."""
    desk.acknowledge(alarm, who)
    return Response(status_code=204)


@router.get(
    "/metrics",
    summary="Metrics for a monitoring system",
    response_class=Response,
    responses={200: {"content": {text: {"schema": {"type": "string"}} for text in _TEXTS}}},
)
def show_metrics(request: Request, desk: TheDesk) -> Response:
    """For who has the token of the desk's settings, and for supervisors: OpenMetrics, or Prometheus' text."""
    found = [
        *gauges.current_metrics(desk.database, desk.settings, at=desk.clock()),
        *describe_evaluation.metrics(desk.evaluation()),
    ]
    body, media_type = metrics.answer(desk.meters, found, request.headers.get("accept", ""))
    return Response(body, media_type=media_type)
