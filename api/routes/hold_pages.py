"""Legal holds by plain forms on the auditor's page of a passage."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from api.auth import GuardedPage, TheOfficer
from api.messages.custody import Reason
from api.messages.schemas import PassageName
from api.routes.entrance import to
from api.routes.holds import TheHolding

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.post("/audit/{passage}/hold")
def place_hold_by_form(
    passage: PassageName, holding: TheHolding, who: TheOfficer, reason: Annotated[Reason, Form()]
) -> Response:
    """Suspend the erasure, by form."""
    holding.place(passage, who.pseudonym, reason)
    return to(f"/audit/{passage}")


@router.post("/audit/{passage}/hold/lift")
def lift_hold_by_form(
    passage: PassageName, holding: TheHolding, who: TheOfficer, reason: Annotated[Reason, Form()]
) -> Response:
    """Let it go on, by form."""
    holding.lift(passage, who.pseudonym, reason)
    return to(f"/audit/{passage}")
