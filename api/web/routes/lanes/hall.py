"""The hall: the status of lanes, what supervisors see, commands and requests to lanes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.lanes.hall.overview import HallControl
from api.lanes.hall.requests import LaneRequests
from api.lanes.hall.status_report import LaneName, StatusReport, WantedState
from api.platform.errors import (
    ForgedRequestError,
    LaneUnknownError,
    NoRequestError,
    NotAllowedError,
    NotSignedInError,
    TokenRefusedError,
    documented,
)
from api.web.access.authentication import ActingOfficer, ActingSupervisor, Guarded, TheDesk, TheLane
from api.web.messages import describe_hall
from api.web.messages.hall import (
    CommandRequest,
    CommandsMessage,
    HallMessage,
    LaneCommandMessage,
    OfficerRequest,
    RequestList,
    RequestMessage,
)
from lane.decision.reason_codes import Code

router = APIRouter(route_class=Guarded, tags=["hall"])

WANTED: dict[str, WantedState] = {"open": "open", "close": "closed", "stop": "stopped"}


def hall_of(desk: TheDesk) -> HallControl:
    """The running desk's hall."""
    return desk.hall


TheHall = Annotated[HallControl, Depends(hall_of)]


@router.put(
    "/lane/status",
    summary="Tell how a lane stands",
    operation_id="tell_status",
    responses=documented(TokenRefusedError),
)
def tell_status(status: StatusReport, hall: TheHall, lane: TheLane) -> LaneCommandMessage:
    """Overwrites the status before. The answer is the last command to this lane, which it obeys.

    It includes an officer's request for one passenger, until the lane reports in `asked` that it took it up.
    """
    command, request = hall.take_status(lane, status)
    return describe_hall.command(command, request, hall.clock())


@router.get(
    "/hall",
    summary="Watch the hall",
    operation_id="show_hall",
    responses=documented(NotSignedInError, NotAllowedError),
)
def show_hall(hall: TheHall, desk: TheDesk) -> HallMessage:
    """Lanes in the order of the hall, who waits, who works, and the last two hours."""
    return describe_hall.hall(hall.hall(), desk.evaluation())


@router.post(
    "/lanes/{lane}/command",
    status_code=204,
    summary="Open, close or stop a lane",
    operation_id="command_lane",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError, LaneUnknownError),
)
def command_lane(
    lane: Annotated[LaneName, Path()], wanted: CommandRequest, hall: TheHall, who: ActingSupervisor
) -> Response:
    """`close`: a passage under way is finished. `stop`: the gate is shut at once. `open`: it serves again."""
    hall.command(lane, WANTED[wanted.command], who)
    return Response(status_code=204)


@router.post(
    "/hall/stop",
    summary="Stop every lane",
    operation_id="stop_hall",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError),
)
def stop_hall(hall: TheHall, who: ActingSupervisor) -> CommandsMessage:
    """Shut every gate; what is under way goes no further until each lane is opened again."""
    return CommandsMessage(lanes=hall.stop_all(who))


def lane_requests_of(desk: TheDesk) -> LaneRequests:
    """The running desk's requests to lanes."""
    return desk.requests


TheLaneRequests = Annotated[LaneRequests, Depends(lane_requests_of)]


@router.get(
    "/lanes/uncaptured",
    summary="See what is asked of lanes",
    operation_id="list_requests",
    responses=documented(NotSignedInError, NotAllowedError),
)
def list_requests(requests: TheLaneRequests) -> RequestList:
    """Officers' requests that no lane has taken up yet."""
    return RequestList(requests=[describe_hall.request(one) for one in requests.pending()])


@router.put(
    "/lanes/{lane}/uncaptured",
    summary="Ask for a passenger to be seen by an officer",
    operation_id="ask_for_officer",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError, LaneUnknownError),
)
def ask_for_officer(
    lane: Annotated[LaneName, Path()], wanted: OfficerRequest, requests: TheLaneRequests, who: ActingOfficer
) -> RequestMessage:
    """The passenger who is captured now, or else the next one, goes to an officer without being captured.

    It is valid once and for a short time, in place of an earlier request. It never opens a gate.
    """
    return describe_hall.request(requests.ask(lane, Code(wanted.wish), who))


@router.delete(
    "/lanes/{lane}/uncaptured",
    status_code=204,
    summary="Take back what was asked of a lane",
    operation_id="withdraw_request",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError, NoRequestError),
)
def withdraw_request(
    lane: Annotated[LaneName, Path()], requests: TheLaneRequests, who: ActingOfficer
) -> Response:
    """The next passenger is captured like everybody; one who is on the way to an officer stays there."""
    requests.withdraw(lane, who)
    return Response(status_code=204)
