"""The tokens of lanes, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.platform.errors import LaneUnknownError, NameTakenError, documented
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages.people import LaneList, LaneTokenMessage, NewLane, NewLaneName, Rotation

router = APIRouter(route_class=Guarded, prefix="/lane-tokens", tags=["people"], responses=documented())

OneLane = Annotated[NewLaneName, Path()]


@router.get("", summary="List lanes' tokens")
def list_lane_tokens(desk: TheDesk) -> LaneList:
    """Which lanes may deliver, when each last came, when its token ends. No token."""
    return LaneList.model_validate({"lanes": desk.lane_tokens.listed()})


@router.post("", status_code=201, summary="Register a lane", responses=documented(NameTakenError))
def add_lane(wanted: NewLane, desk: TheDesk, who: TheOfficer) -> LaneTokenMessage:
    """The token in the answer is shown this once: the desk keeps its hash."""
    token = desk.lane_tokens.add(wanted.lane, wanted.expires_days, who)
    return LaneTokenMessage(lane=wanted.lane, token=token)


@router.post("/{lane}/rotation", summary="Give a lane a new token", responses=documented(LaneUnknownError))
def rotate_lane(lane: OneLane, wanted: Rotation, desk: TheDesk, who: TheOfficer) -> LaneTokenMessage:
    """The token is shown this once. The former one works until the overlap ends; older ones are refused."""
    token = desk.lane_tokens.rotate(lane, wanted.overlap_s, wanted.expires_days, who)
    return LaneTokenMessage(lane=lane, token=token)


@router.delete(
    "/{lane}", status_code=204, summary="Take a lane's tokens from it", responses=documented(LaneUnknownError)
)
def revoke_lane(lane: OneLane, desk: TheDesk, who: TheOfficer) -> Response:
    """At once and for good; what the lane delivered stays."""
    desk.lane_tokens.revoke(lane, who)
    return Response(status_code=204)
