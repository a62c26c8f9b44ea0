"""Lanes as JSON: status, hall, commands and requests, tokens, the matcher in service, and the metrics."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.lanes.hall.status_report import LaneName, StatusReport, WantedState
from api.platform import errors, metrics
from api.platform.errors import documented
from api.web import gauges
from api.web.access.authentication import Guarded, TheDesk, TheLane, TheOfficer
from api.web.messages.evaluation import Evaluation, evaluation_message
from api.web.messages.hall import (
    CommandRequest,
    CommandsMessage,
    HallMessage,
    LaneCommandMessage,
    OfficerRequest,
    RequestList,
    RequestMessage,
    command_message,
    hall_message,
    request_message,
)
from api.web.messages.people import LaneList, LaneTokenMessage, NewLane, Rotation
from lane.decision.reason_codes import Code

hall = APIRouter(route_class=Guarded, tags=["hall"], responses=documented())
tokens = APIRouter(route_class=Guarded, prefix="/lane-tokens", tags=["people"], responses=documented())
evaluation = APIRouter(route_class=Guarded, tags=["evaluation"], responses=documented())

OneLane = Annotated[LaneName, Path()]
WANTED: dict[str, WantedState] = {"open": "open", "close": "closed", "stop": "stopped"}


@hall.put("/lane/status", summary="Tell how a lane stands")
def tell_status(status: StatusReport, desk: TheDesk, lane: TheLane) -> LaneCommandMessage:
    """Overwrites the status before. The answer is the last command to this lane, which it obeys.

    It includes an officer's request for one passenger, until the lane reports in `asked` that it took it up.
    """
    command, request = desk.hall.take_status(lane, status)
    return command_message(command, request, desk.hall.clock())


@hall.get("/hall", summary="Watch the hall")
def show_hall(desk: TheDesk) -> HallMessage:
    """Lanes in the order of the hall, who waits, who works, and the last two hours."""
    return hall_message(desk.hall.hall(), desk.evaluation())


@hall.post(
    "/lanes/{lane}/command",
    status_code=204,
    summary="Open, close or stop a lane",
    responses=documented(errors.LaneUnknownError),
)
def command_lane(lane: OneLane, wanted: CommandRequest, desk: TheDesk, who: TheOfficer) -> Response:
    """`close`: a passage under way is finished. `stop`: the gate is shut at once. `open`: it serves again."""
    desk.hall.command(lane, WANTED[wanted.command], who)
    return Response(status_code=204)


@hall.post("/hall/stop", summary="Stop every lane")
def stop_hall(desk: TheDesk, who: TheOfficer) -> CommandsMessage:
    """Shut every gate; what is under way goes no further until each lane is opened again."""
    return CommandsMessage(lanes=desk.hall.stop_all(who))


# --- requests: a passenger who is to be seen by an officer and not by the camera


@hall.get("/lanes/uncaptured", summary="See what is asked of lanes")
def list_requests(desk: TheDesk) -> RequestList:
    """Officers' requests that no lane has taken up yet."""
    return RequestList(requests=[request_message(one) for one in desk.requests.pending()])


@hall.put(
    "/lanes/{lane}/uncaptured",
    summary="Ask for a passenger to be seen by an officer",
    responses=documented(errors.LaneUnknownError),
)
def ask_for_officer(lane: OneLane, wanted: OfficerRequest, desk: TheDesk, who: TheOfficer) -> RequestMessage:
    """The passenger who is captured now, or else the next one, goes to an officer without being captured.

    It is valid once and for a short time, in place of an earlier request. It never opens a gate.
    """
    return request_message(desk.requests.ask(lane, Code(wanted.wish), who))


@hall.delete(
    "/lanes/{lane}/uncaptured",
    status_code=204,
    summary="Take back what was asked of a lane",
    responses=documented(errors.NoRequestError),
)
def withdraw_request(lane: OneLane, desk: TheDesk, who: TheOfficer) -> Response:
    """The next passenger is captured like everybody; one who is on the way to an officer stays there."""
    desk.requests.withdraw(lane, who)
    return Response(status_code=204)


# --- lanes' tokens


@tokens.get("", summary="List lanes' tokens")
def list_lane_tokens(desk: TheDesk) -> LaneList:
    """Which lanes may deliver, when each last came, when its token ends. No token."""
    return LaneList.model_validate({"lanes": desk.lane_tokens.listed()})


@tokens.post("", status_code=201, summary="Register a lane", responses=documented(errors.NameTakenError))
def add_lane(wanted: NewLane, desk: TheDesk, who: TheOfficer) -> LaneTokenMessage:
    """The token in the answer is shown this once: the desk keeps its hash."""
    token = desk.lane_tokens.add(wanted.lane, wanted.expires_days, who)
    return LaneTokenMessage(lane=wanted.lane, token=token)


@tokens.post(
    "/{lane}/rotation", summary="Give a lane a new token", responses=documented(errors.LaneUnknownError)
)
def rotate_lane(lane: OneLane, wanted: Rotation, desk: TheDesk, who: TheOfficer) -> LaneTokenMessage:
    """The token is shown this once. The former one works until the overlap ends; older ones are refused."""
    token = desk.lane_tokens.rotate(lane, wanted.overlap_s, wanted.expires_days, who)
    return LaneTokenMessage(lane=lane, token=token)


@tokens.delete(
    "/{lane}",
    status_code=204,
    summary="Take a lane's tokens from it",
    responses=documented(errors.LaneUnknownError),
)
def revoke_lane(lane: OneLane, desk: TheDesk, who: TheOfficer) -> Response:
    """At once and for good; what the lane delivered stays."""
    desk.lane_tokens.revoke(lane, who)
    return Response(status_code=204)


# --- the matcher in service, and the metrics

_METRICS_TYPES = ("text/plain", "application/openmetrics-text")


@evaluation.get("/evaluation", summary="How the matcher does in service")
def show_evaluation(desk: TheDesk) -> Evaluation:
    """Live error rates by lane, matcher and group, with intervals, and what is alarming in them."""
    return evaluation_message(desk.evaluation())


@evaluation.post(
    "/evaluation/alarms/{alarm}/acknowledgement",
    status_code=204,
    summary="Acknowledge an alarm",
    responses=documented(errors.AlarmUnknownError),
)
def acknowledge_alarm(
    alarm: Annotated[int, Path(ge=1, le=2**53)], desk: TheDesk, who: TheOfficer
) -> Response:
    """Somebody investigates it; the alarm stays until the window is clean again."""
    desk.acknowledge(alarm, who)
    return Response(status_code=204)


@evaluation.get(
    "/metrics",
    summary="Metrics for a monitoring system",
    response_class=Response,
    responses={200: {"content": {text: {"schema": {"type": "string"}} for text in _METRICS_TYPES}}},
)
def show_metrics(request: Request, desk: TheDesk) -> Response:
    """For who has the token of the desk's settings, and for supervisors: OpenMetrics, or Prometheus' text."""
    found = gauges.current_metrics(desk.database, desk.settings, desk.evaluation(), at=desk.clock())
    body, media_type = metrics.answer(desk.meters, found, request.headers.get("accept", ""))
    return Response(body, media_type=media_type)
