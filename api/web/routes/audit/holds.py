"""Legal holds, and how many faces are held."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.platform.errors import (
    FacesErasedError,
    FacesUnknownError,
    HoldUnknownError,
    ImageChangedError,
    ImageUnknownError,
    KeyLostError,
    KeyringError,
    KeyWrongError,
    documented,
)
from api.platform.messages import PassageName, Sha256
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages.holds import FacesCount, HoldList, HoldMessage, HoldRequest

router = APIRouter(route_class=Guarded, tags=["faces"], responses=documented())


@router.get("/faces/count", summary="Count the faces that are held")
def count_faces(desk: TheDesk) -> FacesCount:
    """Passages of which the desk holds at least one image, live or from the document."""
    held = desk.legal_holds.count()
    return FacesCount(at=held.at, passages=held.passages, warning_from=held.warning_from, warning=held.warns)


@router.get("/holds", summary="List legal holds")
def list_holds(desk: TheDesk) -> HoldList:
    """All that are not lifted, the oldest first."""
    return HoldList.model_validate({"holds": desk.legal_holds.listed()})


@router.post(
    "/passages/{passage}/hold",
    summary="Place a legal hold on a passage",
    responses=documented(FacesUnknownError, FacesErasedError),
)
def place_hold(passage: PassageName, wanted: HoldRequest, desk: TheDesk, who: TheOfficer) -> HoldMessage:
    """Nothing of the passage is erased until the hold is lifted. One that is there stays as it is."""
    return HoldMessage.model_validate(desk.legal_holds.place(passage, who.pseudonym, wanted.reason))


@router.post(
    "/passages/{passage}/hold/lift",
    status_code=204,
    summary="Lift the legal hold on a passage",
    responses=documented(HoldUnknownError),
)
def lift_hold(passage: PassageName, wanted: HoldRequest, desk: TheDesk, who: TheOfficer) -> Response:
    """What was due to be erased meanwhile is erased at once."""
    desk.legal_holds.lift(passage, who.pseudonym, wanted.reason)
    return Response(status_code=204)


@router.get(
    "/holds/{passage}/images/{sha256}",
    summary="Fetch an image under a legal hold",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(
            HoldUnknownError, ImageUnknownError, KeyLostError, KeyWrongError, ImageChangedError, KeyringError
        ),
    },
)
def show_held_image(passage: PassageName, sha256: Annotated[Sha256, Path()], desk: TheDesk) -> Response:
    """One JPEG image of a passage under a legal hold, for an auditor."""
    return Response(desk.legal_holds.image(passage, sha256), media_type="image/jpeg")
