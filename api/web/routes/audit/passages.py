"""Passages, the entries about one, and its proof as a file, for auditors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime

from api.audit.messages import PassageAudited, PassagesFound
from api.audit.passages import PassageAudit
from api.ledger.search import PassageQuery
from api.platform.errors import NotAllowedError, NotSignedInError, PassageNotFoundError, documented
from api.platform.messages import PassageName
from api.web.access.authentication import Guarded, TheDesk

router = APIRouter(route_class=Guarded, prefix="/audit/passages", tags=["audit"])

_REFUSALS = (NotSignedInError, NotAllowedError)
Code = Annotated[
    str | None, Query(pattern="^[A-Z][0-9]{2}$", description="A reason or a remark, such as F10.")
]
Pseudonym = Annotated[str | None, Query(pattern="^[A-Za-z0-9-]{1,32}$", description="Of an officer.")]
LaneName = Annotated[str | None, Query(pattern="^[A-Za-z0-9._-]{1,64}$")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="`before` of the page before.")]
Since = Annotated[AwareDatetime | None, Query(description="Not before this time, with its zone.")]
Until = Annotated[AwareDatetime | None, Query(description="Before this time, with its zone.")]


def passage_audit_of(desk: TheDesk) -> PassageAudit:
    """The running desk's ledger."""
    return desk.audit


ThePassageAudit = Annotated[PassageAudit, Depends(passage_audit_of)]


@router.get(
    "",
    summary="Find passages",
    operation_id="find_passages",
    responses=documented(*_REFUSALS),
)
def find_passages(
    audit: ThePassageAudit,
    since: Since = None,
    until: Until = None,
    lane: LaneName = None,
    reason: Code = None,
    officer: Pseudonym = None,
    passage: PassageName | None = None,
    before: Before = None,
) -> PassagesFound:
    """Passages that fit everything that is asked, newest first, twenty-five a page."""
    return audit.search(PassageQuery(since, until, lane, reason, officer, passage), before)


@router.get(
    "/{passage}",
    summary="Look at one passage",
    operation_id="audit_passage",
    responses=documented(*_REFUSALS, PassageNotFoundError),
)
def audit_passage(passage: PassageName, audit: ThePassageAudit) -> PassageAudited:
    """Every entry about it in order, and each of the lane's decisions made once more."""
    return audit.passage(passage)


@router.get(
    "/{passage}/proof",
    summary="Take the proof of one passage away",
    operation_id="export_passage",
    response_class=Response,
    responses={
        200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}},
        **documented(*_REFUSALS, PassageNotFoundError),
    },
)
def export_passage(passage: PassageName, audit: ThePassageAudit) -> Response:
    """Its entries, and what proves them under the signed head: a file for the stand-alone verifier."""
    named = {"Content-Disposition": f'attachment; filename="passage-{passage}.jsonl"'}
    return Response(audit.proof(passage), media_type="application/x-ndjson", headers=named)
