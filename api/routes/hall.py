"""The hall: what lanes tell of themselves, and what supervisors see and want."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.auth import ActingSupervisor, Guarded, TheDesk, TheLane
from api.errors import (
    ForgedRequestError,
    LaneUnknownError,
    NotAllowedError,
    NotSignedInError,
    TokenRefusedError,
    documented,
)
from api.messages.hall import (
    CommandHeard,
    CommandRequest,
    CommandsMessage,
    HallMessage,
    LaneName,
    StatusTold,
    Wanted,
)
from api.wire import overview
from api.work.watching import Watching

router = APIRouter(route_class=Guarded, tags=["hall"])

WANTED: dict[str, Wanted] = {"open": "open", "close": "closed", "stop": "stopped"}


def watching_of(desk: TheDesk) -> Watching:
    """The running desk's hall."""
    return Watching.of(desk)


TheWatching = Annotated[Watching, Depends(watching_of)]


@router.put(
    "/lane/status",
    summary="Tell how a lane stands",
    operation_id="tell_status",
    responses=documented(TokenRefusedError),
)
def tell_status(told: StatusTold, watching: TheWatching, lane: TheLane) -> CommandHeard:
    """Overwrites what was told before. The answer is the last command to this lane, which it obeys."""
    return overview.command(watching.take_status(lane, told))


@router.get(
    "/hall",
    summary="Watch the hall",
    operation_id="show_hall",
    responses=documented(NotSignedInError, NotAllowedError),
)
def show_hall(watching: TheWatching, desk: TheDesk) -> HallMessage:
    """Lanes in the order of the hall, who waits, who works, and the last two hours."""
    return overview.hall(watching.hall(), desk.evaluation())


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
