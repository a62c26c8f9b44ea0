"""The ledger's signed head and proofs, for witnesses: hashes only, no entry's content."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.platform.errors import NotInLedgerError, documented
from api.web.access.authentication import Guarded, TheDesk
from api.web.messages.cases import ConsistencyProof, InclusionProof, TreeHeadMessage

router = APIRouter(route_class=Guarded, prefix="/ledger", tags=["ledger"], responses=documented())

Size = Annotated[int, Query(ge=0, le=2**53)]
Seq = Annotated[int, Query(ge=1, le=2**53, description="The entry's number; the first is 1.")]


@router.get("/head", summary="Fetch the ledger's signed head")
def show_tree_head(desk: TheDesk) -> TreeHeadMessage:
    """The root over all entries, signed. Keep it elsewhere: no entry can then be changed unseen."""
    return TreeHeadMessage.model_validate(desk.proofs.head().to_json())


@router.get(
    "/proof/inclusion", summary="Prove that an entry is in the ledger", responses=documented(NotInLedgerError)
)
def prove_inclusion(desk: TheDesk, seq: Seq, size: Size) -> InclusionProof:
    """The hashes that lead from one entry to the root of the first `size` entries (RFC 9162, 2.1.3)."""
    leaf, path = desk.proofs.inclusion(seq, size)
    return InclusionProof(seq=seq, size=size, leaf=leaf.hex(), path=[part.hex() for part in path])


@router.get(
    "/proof/consistency", summary="Prove that the ledger only grew", responses=documented(NotInLedgerError)
)
def prove_consistency(desk: TheDesk, first: Size, second: Size) -> ConsistencyProof:
    """The hashes that show that the first `first` of `second` entries were always those (RFC 9162, 2.1.4)."""
    path = [part.hex() for part in desk.proofs.consistency(first, second)]
    return ConsistencyProof(first=first, second=second, path=path)
