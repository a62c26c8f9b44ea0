"""The tokens of lanes, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.lanes.tokens import LaneTokens, RegisteredLane
from api.platform.errors import LaneUnknownError, NameTakenError, documented
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages.people import LaneList, LaneRecord, LaneTokenMessage, NewLane, NewLaneName, Rotation

router = APIRouter(route_class=Guarded, prefix="/lane-tokens", tags=["people"])


def lane_tokens_of(desk: TheDesk) -> LaneTokens:
    """The running desk's."""
    return desk.lane_tokens


TheLaneTokens = Annotated[LaneTokens, Depends(lane_tokens_of)]
OneLane = Annotated[NewLaneName, Path()]


@router.get("", summary="List lanes' tokens", operation_id="list_lane_tokens", responses=documented())
def list_lane_tokens(lanes: TheLaneTokens) -> LaneList:
    """Which lanes may deliver, when each last came, when its token ends. No token."""
    return LaneList(lanes=[lane_record(one) for one in lanes.listed()])


@router.post(
    "",
    status_code=201,
    summary="Register a lane",
    operation_id="add_lane",
    responses=documented(NameTakenError),
)
def add_lane(wanted: NewLane, lanes: TheLaneTokens, who: TheOfficer) -> LaneTokenMessage:
    """The token in the answer is shown this once: the desk keeps its hash."""
    token = lanes.add(wanted.lane, wanted.expires_days, who)
    return LaneTokenMessage(lane=wanted.lane, token=token)


@router.post(
    "/{lane}/rotation",
    summary="Give a lane a new token",
    operation_id="rotate_lane",
    responses=documented(LaneUnknownError),
)
def rotate_lane(lane: OneLane, wanted: Rotation, lanes: TheLaneTokens, who: TheOfficer) -> LaneTokenMessage:
    """The token is shown this once. The former one works until the overlap ends; older ones are refused."""
    token = lanes.rotate(lane, wanted.overlap_s, wanted.expires_days, who)
    return LaneTokenMessage(lane=lane, token=token)


@router.delete(
    "/{lane}",
    status_code=204,
    summary="Take a lane's tokens from it",
    operation_id="revoke_lane",
    responses=documented(LaneUnknownError),
)
def revoke_lane(lane: OneLane, lanes: TheLaneTokens, who: TheOfficer) -> Response:
    """At once and for good; what the lane delivered stays."""
    lanes.revoke(lane, who)
    return Response(status_code=204)


def lane_record(one: RegisteredLane) -> LaneRecord:
    """A lane as a message."""
    return LaneRecord(
        lane=one.lane,
        revoked=one.revoked,
        added_at=one.added_at,
        used_at=one.used_at,
        expires_at=one.expires_at,
        former_until=one.former_until,
    )
