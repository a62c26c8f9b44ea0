"""The hall: the status of lanes, what supervisors see, commands and requests to lanes."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.lanes.hall.status_report import LaneName, StatusReport, WantedState
from api.platform.errors import LaneUnknownError, NoRequestError, documented
from api.web.access.authentication import Guarded, TheDesk, TheLane, TheOfficer
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

router = APIRouter(route_class=Guarded, tags=["hall"], responses=documented())

WANTED: dict[str, WantedState] = {"open": "open", "close": "closed", "stop": "stopped"}


@router.put("/lane/status", summary="Tell how a lane stands")
def tell_status(status: StatusReport, desk: TheDesk, lane: TheLane) -> LaneCommandMessage:
    """Overwrites the status before. The answer is the last command to this lane, which it obeys.

    It includes an officer's request for one passenger, until the lane reports in `asked` that it took it up.
    """
    command, request = desk.hall.take_status(lane, status)
    return describe_hall.command(command, request, desk.hall.clock())


@router.get("/hall", summary="Watch the hall")
def show_hall(desk: TheDesk) -> HallMessage:
    """Lanes in the order of the hall, who waits, who works, and the last two hours."""
    return describe_hall.hall(desk.hall.hall(), desk.evaluation())


@router.post(
    "/lanes/{lane}/command",
    status_code=204,
    summary="Open, close or stop a lane",
    responses=documented(LaneUnknownError),
)
def command_lane(
    lane: Annotated[LaneName, Path()], wanted: CommandRequest, desk: TheDesk, who: TheOfficer
) -> Response:
    """`close`: a passage under way is finished. `stop`: the gate is shut at once. `open`: it serves again."""
    desk.hall.command(lane, WANTED[wanted.command], who)
    return Response(status_code=204)


@router.post("/hall/stop", summary="Stop every lane")
def stop_hall(desk: TheDesk, who: TheOfficer) -> CommandsMessage:
    """Shut every gate; what is under way goes no further until each lane is opened again."""
    return CommandsMessage(lanes=desk.hall.stop_all(who))


@router.get("/lanes/uncaptured", summary="See what is asked of lanes")
def list_requests(desk: TheDesk) -> RequestList:
    """Officers' requests that no lane has taken up yet."""
    return RequestList(requests=[describe_hall.request(one) for one in desk.requests.pending()])


@router.put(
    "/lanes/{lane}/uncaptured",
    summary="Ask for a passenger to be seen by an officer",
    responses=documented(LaneUnknownError),
)
def ask_for_officer(
    lane: Annotated[LaneName, Path()], wanted: OfficerRequest, desk: TheDesk, who: TheOfficer
) -> RequestMessage:
    """The passenger who is captured now, or else the next one, goes to an officer without being captured.

    It is valid once and for a short time, in place of an earlier request. It never opens a gate.
    """
    return describe_hall.request(desk.requests.ask(lane, Code(wanted.wish), who))


@router.delete(
    "/lanes/{lane}/uncaptured",
    status_code=204,
    summary="Take back what was asked of a lane",
    responses=documented(NoRequestError),
)
def withdraw_request(lane: Annotated[LaneName, Path()], desk: TheDesk, who: TheOfficer) -> Response:
    """The next passenger is captured like everybody; one who is on the way to an officer stays there."""
    desk.requests.withdraw(lane, who)
    return Response(status_code=204)
