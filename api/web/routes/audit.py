"""For auditors and witnesses: passages and their proof, faces and legal holds, the ledger's signed head.

The head and the proofs of the ledger hold hashes only, no entry's content: a witness may have them.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field, StringConstraints

from api.audit.messages import PassageAudited, PassagesFound
from api.ledger.search import PassageQuery
from api.platform import errors
from api.platform.errors import documented
from api.platform.messages import PassageName, Sha256, StrictMessage
from api.web.access.authentication import Guarded, TheDesk, TheOfficer

passages = APIRouter(route_class=Guarded, prefix="/audit/passages", tags=["audit"], responses=documented())
faces = APIRouter(route_class=Guarded, tags=["faces"], responses=documented())
ledger = APIRouter(route_class=Guarded, prefix="/ledger", tags=["ledger"], responses=documented())

Code = Annotated[
    str | None, Query(pattern="^[A-Z][0-9]{2}$", description="A reason or a remark, such as F10.")
]
Pseudonym = Annotated[str | None, Query(pattern="^[A-Za-z0-9-]{1,32}$", description="Of an officer.")]
LaneName = Annotated[str | None, Query(pattern="^[A-Za-z0-9._-]{1,64}$")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="`before` of the page before.")]
Since = Annotated[AwareDatetime | None, Query(description="Not before this time, with its zone.")]
Until = Annotated[AwareDatetime | None, Query(description="Before this time, with its zone.")]


@passages.get("", summary="Find passages")
def find_passages(
    desk: TheDesk,
    since: Since = None,
    until: Until = None,
    lane: LaneName = None,
    reason: Code = None,
    officer: Pseudonym = None,
    passage: PassageName | None = None,
    before: Before = None,
) -> PassagesFound:
    """Passages that fit everything that is asked, newest first, twenty-five a page."""
    return desk.audit.search(PassageQuery(since, until, lane, reason, officer, passage), before)


@passages.get("/{passage}", summary="Look at one passage", responses=documented(errors.PassageNotFoundError))
def audit_passage(passage: PassageName, desk: TheDesk) -> PassageAudited:
    """Every entry about it in order, and each of the lane's decisions made once more."""
    return desk.audit.passage(passage)


@passages.get(
    "/{passage}/proof",
    summary="Take the proof of one passage away",
    response_class=Response,
    responses={
        200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}},
        **documented(errors.PassageNotFoundError),
    },
)
def export_passage(passage: PassageName, desk: TheDesk) -> Response:
    """Its entries, and what proves them under the signed head: a file for the stand-alone verifier."""
    named = {"Content-Disposition": f'attachment; filename="passage-{passage}.jsonl"'}
    return Response(desk.audit.proof(passage), media_type="application/x-ndjson", headers=named)


# --- faces and legal holds

HoldReason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class FacesCount(StrictMessage):
    """How many faces the desk holds, as an upper bound of the passengers."""

    at: datetime
    passages: int = Field(
        ge=0,
        description="Passages of which the desk holds at least one image, live or from the document. Nobody "
        "is compared with anybody for this: whoever was referred twice counts twice, so there are at most so "
        "many passengers. Whom a document shows who did not travel is not counted beside the passenger.",
    )
    warning_from: int
    warning: bool = Field(
        description="There are as many as `warning_from`, or more: see to the duty to file."
    )


class HoldRequest(StrictMessage):
    """Why a hold is placed or lifted. The ledger keeps the hash of it: name a file, not a person."""

    reason: HoldReason


class HoldMessage(StrictMessage):
    """A legal hold: nothing of the passage is erased while it is there."""

    passage: str
    placed_by: str = Field(description="A pseudonym, or `command line`.")
    placed_at: datetime
    reason: str


class HoldList(StrictMessage):
    """All legal holds that are not lifted, the oldest first."""

    holds: list[HoldMessage]


@faces.get("/faces/count", summary="Count the faces that are held")
def count_faces(desk: TheDesk) -> FacesCount:
    """Passages of which the desk holds at least one image, live or from the document."""
    held = desk.legal_holds.count()
    return FacesCount(at=held.at, passages=held.passages, warning_from=held.warning_from, warning=held.warns)


@faces.get("/holds", summary="List legal holds")
def list_holds(desk: TheDesk) -> HoldList:
    """All that are not lifted, the oldest first."""
    return HoldList.model_validate({"holds": desk.legal_holds.listed()})


@faces.post(
    "/passages/{passage}/hold",
    summary="Place a legal hold on a passage",
    responses=documented(errors.FacesUnknownError, errors.FacesErasedError),
)
def place_hold(passage: PassageName, wanted: HoldRequest, desk: TheDesk, who: TheOfficer) -> HoldMessage:
    """Nothing of the passage is erased until the hold is lifted. One that is there stays as it is."""
    return HoldMessage.model_validate(desk.legal_holds.place(passage, who.pseudonym, wanted.reason))


@faces.post(
    "/passages/{passage}/hold/lift",
    status_code=204,
    summary="Lift the legal hold on a passage",
    responses=documented(errors.HoldUnknownError),
)
def lift_hold(passage: PassageName, wanted: HoldRequest, desk: TheDesk, who: TheOfficer) -> Response:
    """What was due to be erased meanwhile is erased at once."""
    desk.legal_holds.lift(passage, who.pseudonym, wanted.reason)
    return Response(status_code=204)


@faces.get(
    "/holds/{passage}/images/{sha256}",
    summary="Fetch an image under a legal hold",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(
            errors.HoldUnknownError,
            errors.ImageUnknownError,
            errors.KeyLostError,
            errors.KeyWrongError,
            errors.ImageChangedError,
            errors.KeyringError,
        ),
    },
)
def show_held_image(passage: PassageName, sha256: Annotated[Sha256, Path()], desk: TheDesk) -> Response:
    """One JPEG image of a passage under a legal hold, for an auditor."""
    return Response(desk.legal_holds.image(passage, sha256), media_type="image/jpeg")


# --- the ledger's signed head, and proofs under it

Size = Annotated[int, Query(ge=0, le=2**53)]
Seq = Annotated[int, Query(ge=1, le=2**53, description="The entry's number; the first is 1.")]


class TreeHeadMessage(StrictMessage):
    """The root over the first `size` entries, signed. `api/ledger/tree_head.py` says what is signed."""

    size: int = Field(description="How many entries.")
    root: Sha256 = Field(description="Root of the Merkle tree over them (RFC 6962).")
    at: str = Field(description="When, exactly as it was signed.")
    key: str = Field(pattern="^[0-9a-f]{64}$", description="The Ed25519 key that signed, public.")
    signature: str = Field(pattern="^[0-9a-f]{128}$")


class InclusionProof(StrictMessage):
    """From an entry to a root."""

    seq: int = Field(description="The entry's number; the first is 1.")
    size: int = Field(description="Of the tree whose root is reached.")
    leaf: Sha256 = Field(description="SHA-256 of a zero byte and the 32 bytes of the entry's hash.")
    path: list[Sha256] = Field(description="From the leaf upwards.")


class ConsistencyProof(StrictMessage):
    """From the root of a smaller tree to that of a larger one."""

    first: int
    second: int
    path: list[Sha256]


@ledger.get("/head", summary="Fetch the ledger's signed head")
def show_tree_head(desk: TheDesk) -> TreeHeadMessage:
    """The root over all entries, signed. Keep it elsewhere: no entry can then be changed unseen."""
    return TreeHeadMessage.model_validate(desk.proofs.head().to_json())


@ledger.get(
    "/proof/inclusion",
    summary="Prove that an entry is in the ledger",
    responses=documented(errors.NotInLedgerError),
)
def prove_inclusion(desk: TheDesk, seq: Seq, size: Size) -> InclusionProof:
    """The hashes that lead from one entry to the root of the first `size` entries (RFC 9162, 2.1.3)."""
    leaf, path = desk.proofs.inclusion(seq, size)
    return InclusionProof(seq=seq, size=size, leaf=leaf.hex(), path=[part.hex() for part in path])


@ledger.get(
    "/proof/consistency",
    summary="Prove that the ledger only grew",
    responses=documented(errors.NotInLedgerError),
)
def prove_consistency(desk: TheDesk, first: Size, second: Size) -> ConsistencyProof:
    """The hashes that show that the first `first` of `second` entries were always those (RFC 9162, 2.1.4)."""
    path = [part.hex() for part in desk.proofs.consistency(first, second)]
    return ConsistencyProof(first=first, second=second, path=path)
