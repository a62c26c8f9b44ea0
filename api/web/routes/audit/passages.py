"""Passages, the entries about one, and its proof as a file, for auditors."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from api.audit.messages import PassageAudited, PassagesFound
from api.ledger.search import PassageQuery
from api.platform.errors import PassageNotFoundError, documented
from api.platform.messages import PassageName
from api.web.access.authentication import Guarded, TheDesk

router = APIRouter(route_class=Guarded, prefix="/audit/passages", tags=["audit"], responses=documented())

Code = Annotated[
    str | None, Query(pattern="^[A-Z][0-9]{2}$", description="A reason or a remark, such as F10.")
]
Pseudonym = Annotated[str | None, Query(pattern="^[A-Za-z0-9-]{1,32}$", description="Of an officer.")]
LaneName = Annotated[str | None, Query(pattern="^[A-Za-z0-9._-]{1,64}$")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="`before` of the page before.")]
Since = Annotated[AwareDatetime | None, Query(description="Not before this time, with its zone.")]
Until = Annotated[AwareDatetime | None, Query(description="Before this time, with its zone.")]


@router.get("", summary="Find passages")
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


@router.get("/{passage}", summary="Look at one passage", responses=documented(PassageNotFoundError))
def audit_passage(passage: PassageName, desk: TheDesk) -> PassageAudited:
    """Every entry about it in order, and each of the lane's decisions made once more."""
    return desk.audit.passage(passage)


@router.get(
    "/{passage}/proof",
    summary="Take the proof of one passage away",
    response_class=Response,
    responses={
        200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}},
        **documented(PassageNotFoundError),
    },
)
def export_passage(passage: PassageName, desk: TheDesk) -> Response:
    """Its entries, and what proves them under the signed head: a file for the stand-alone verifier."""
    named = {"Content-Disposition": f'attachment; filename="passage-{passage}.jsonl"'}
    return Response(desk.audit.proof(passage), media_type="application/x-ndjson", headers=named)
