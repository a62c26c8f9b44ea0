"""The hall: what lanes tell of themselves, and what supervisors see and want."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.lanes.hall.overview import HallControl
from api.lanes.hall.requesting import LaneRequests
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
    CommandHeard,
    CommandRequest,
    CommandsMessage,
    HallMessage,
    RequestList,
    RequestMessage,
    RequestWanted,
)
from lane.decision.reason_codes import Code

router = APIRouter(route_class=Guarded, tags=["hall"])

WANTED: dict[str, WantedState] = {"open": "open", "close": "closed", "stop": "stopped"}


def watching_of(desk: TheDesk) -> HallControl:
    """The running desk's hall."""
    return desk.hall


TheWatching = Annotated[HallControl, Depends(watching_of)]


@router.put(
    "/lane/status",
    summary="Tell how a lane stands",
    operation_id="tell_status",
    responses=documented(TokenRefusedError),
)
def tell_status(told: StatusReport, watching: TheWatching, lane: TheLane) -> CommandHeard:
    """Overwrites what was told before. The answer is the last command to this lane, which it obeys.

    With it comes what an officer asks for one passenger, until the lane tells in `asked` that it took it up.
    """
    command, asked = watching.take_status(lane, told)
    return describe_hall.command(command, asked, watching.clock())


@router.get(
    "/hall",
    summary="Watch the hall",
    operation_id="show_hall",
    responses=documented(NotSignedInError, NotAllowedError),
)
def show_hall(watching: TheWatching, desk: TheDesk) -> HallMessage:
    """Lanes in the order of the hall, who waits, who works, and the last two hours."""
    return describe_hall.hall(watching.hall(), desk.evaluation())


@router.post(
    "/lanes/{lane}/command",
    status_code=204,
    summary="Open, close or stop a lane",
    operation_id="command_lane",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError, LaneUnknownError),
)
def command_lane(
    lane: Annotated[LaneName, Path()], wanted: CommandRequest, watching: TheWatching, who: ActingSupervisor
) -> Response:
    """`close`: a passage under way is finished. `stop`: the gate is shut at once. `open`: it serves again."""
    watching.command(lane, WANTED[wanted.command], who)
    return Response(status_code=204)


@router.post(
    "/hall/stop",
    summary="Stop every lane",
    operation_id="stop_hall",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError),
)
def stop_hall(watching: TheWatching, who: ActingSupervisor) -> CommandsMessage:
    """Shut every gate; what is under way goes no further until each lane is opened again."""
    return CommandsMessage(lanes=watching.stop_all(who))


def requesting_of(desk: TheDesk) -> LaneRequests:
    """What officers ask of the running desk's lanes."""
    return desk.requests


TheRequesting = Annotated[LaneRequests, Depends(requesting_of)]


@router.get(
    "/lanes/uncaptured",
    summary="See what is asked of lanes",
    operation_id="list_requests",
    responses=documented(NotSignedInError, NotAllowedError),
)
def list_requests(requesting: TheRequesting) -> RequestList:
    """What officers asked for passengers, and no lane has taken up yet."""
    return RequestList(requests=[describe_hall.request(one) for one in requesting.pending()])


@router.put(
    "/lanes/{lane}/uncaptured",
    summary="Ask for a passenger to be seen by an officer",
    operation_id="ask_for_officer",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError, LaneUnknownError),
)
def ask_for_officer(
    lane: Annotated[LaneName, Path()], wanted: RequestWanted, requesting: TheRequesting, who: ActingOfficer
) -> RequestMessage:
    """The passenger who is captured now, or else the next one, goes to an officer without being captured.

    It is good once and for a short time, in place of what was asked before. It never opens a gate.
    """
    return describe_hall.request(requesting.ask(lane, Code(wanted.wish), who))


@router.delete(
    "/lanes/{lane}/uncaptured",
    status_code=204,
    summary="Take back what was asked of a lane",
    operation_id="withdraw_request",
    responses=documented(NotSignedInError, ForgedRequestError, NotAllowedError, NoRequestError),
)
def withdraw_request(
    lane: Annotated[LaneName, Path()], requesting: TheRequesting, who: ActingOfficer
) -> Response:
    """The next passenger is captured like everybody; one who is on the way to an officer stays there."""
    requesting.withdraw(lane, who)
    return Response(status_code=204)
