"""Legal holds by plain forms on the auditor's page of a passage."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from api.platform.messages import PassageName
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages.holds import Reason
from api.web.pages.render import redirect_to

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.post("/audit/{passage}/hold")
def place_hold_by_form(
    passage: PassageName, desk: TheDesk, who: TheOfficer, reason: Annotated[Reason, Form()]
) -> Response:
    """Suspend the erasure, by form."""
    desk.legal_holds.place(passage, who.pseudonym, reason)
    return redirect_to(f"/audit/{passage}")


@router.post("/audit/{passage}/hold/lift")
def lift_hold_by_form(
    passage: PassageName, desk: TheDesk, who: TheOfficer, reason: Annotated[Reason, Form()]
) -> Response:
    """Let it go on, by form."""
    desk.legal_holds.lift(passage, who.pseudonym, reason)
    return redirect_to(f"/audit/{passage}")
