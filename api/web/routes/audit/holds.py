"""Legal holds, and how many faces are held."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.faces.legal_holds import LegalHolds
from api.platform.database.tables import HoldRow
from api.platform.errors import (
    FacesErasedError,
    FacesUnknownError,
    ForgedRequestError,
    HoldUnknownError,
    ImageChangedError,
    ImageUnknownError,
    KeyLostError,
    KeyringError,
    KeyWrongError,
    NotAllowedError,
    NotSignedInError,
    documented,
)
from api.platform.messages import PassageName, Sha256
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages.holds import FacesCount, HoldList, HoldMessage, HoldRequest

router = APIRouter(route_class=Guarded, tags=["faces"])


def legal_holds_of(desk: TheDesk) -> LegalHolds:
    """The running desk's."""
    return desk.legal_holds


TheLegalHolds = Annotated[LegalHolds, Depends(legal_holds_of)]
_REFUSALS = (NotSignedInError, NotAllowedError)


@router.get(
    "/faces/count",
    summary="Count the faces that are held",
    operation_id="count_faces",
    responses=documented(*_REFUSALS),
)
def count_faces(holds: TheLegalHolds) -> FacesCount:
    """Passages of which the desk holds at least one image, live or from the document."""
    held = holds.count()
    return FacesCount(at=held.at, passages=held.passages, warning_from=held.warning_from, warning=held.warns)


@router.get("/holds", summary="List legal holds", operation_id="list_holds", responses=documented(*_REFUSALS))
def list_holds(holds: TheLegalHolds) -> HoldList:
    """All that are not lifted, the oldest first."""
    return HoldList(holds=[_message(hold) for hold in holds.listed()])


@router.post(
    "/passages/{passage}/hold",
    summary="Place a legal hold on a passage",
    operation_id="place_hold",
    responses=documented(*_REFUSALS, ForgedRequestError, FacesUnknownError, FacesErasedError),
)
def place_hold(
    passage: PassageName, wanted: HoldRequest, holds: TheLegalHolds, who: TheOfficer
) -> HoldMessage:
    """Nothing of the passage is erased until the hold is lifted. One that is there stays as it is."""
    return _message(holds.place(passage, who.pseudonym, wanted.reason))


@router.post(
    "/passages/{passage}/hold/lift",
    status_code=204,
    summary="Lift the legal hold on a passage",
    operation_id="lift_hold",
    responses=documented(*_REFUSALS, ForgedRequestError, HoldUnknownError),
)
def lift_hold(passage: PassageName, wanted: HoldRequest, holds: TheLegalHolds, who: TheOfficer) -> Response:
    """What was due to be erased meanwhile is erased at once."""
    holds.lift(passage, who.pseudonym, wanted.reason)
    return Response(status_code=204)


@router.get(
    "/holds/{passage}/images/{sha256}",
    summary="Fetch an image under a legal hold",
    operation_id="show_held_image",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(
            *_REFUSALS,
            HoldUnknownError,
            ImageUnknownError,
            KeyLostError,
            KeyWrongError,
            ImageChangedError,
            KeyringError,
        ),
    },
)
def show_held_image(
    passage: PassageName, sha256: Annotated[Sha256, Path()], holds: TheLegalHolds
) -> Response:
    """One JPEG image of a passage under a legal hold, for an auditor."""
    return Response(holds.image(passage, sha256), media_type="image/jpeg")


def _message(hold: HoldRow) -> HoldMessage:
    return HoldMessage(
        passage=hold.passage, placed_by=hold.placed_by, placed_at=hold.placed_at, reason=hold.reason
    )
