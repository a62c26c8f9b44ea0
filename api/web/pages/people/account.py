"""The pages of the own account: password, and where one is signed in."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from api.people.officers import SignedInOfficer
from api.platform.errors import (
    ANSWERS,
    ApiError,
    PasswordRefusedError,
    TooManyAttemptsError,
    TooManySignInsError,
    WrongPasswordError,
)
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.desk import Desk
from api.web.messages.people import Handle, PasskeyName
from api.web.pages import render
from api.web.pages.render import redirect_to
from api.web.routes.people.passkeys import ThePasskeys

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

Password = Annotated[str, Form(max_length=256)]
_REFUSED = (PasswordRefusedError, WrongPasswordError, TooManyAttemptsError, TooManySignInsError)


@router.get("/account")
def show_account(request: Request, desk: TheDesk, who: TheOfficer, changed: str = "") -> Response:
    return _account(request, desk, who, changed=bool(changed))


@router.post("/account/password")
def change_password(
    request: Request,
    desk: TheDesk,
    who: TheOfficer,
    old: Password = "",
    new: Password = "",
    again: Password = "",
) -> Response:
    try:
        if new != again:
            raise PasswordRefusedError
        desk.people.change_password(old, new, who)
    except _REFUSED as error:
        return _account(request, desk, who, refused=error, mistyped=new != again)
    return redirect_to("/account?changed=1")


@router.post("/account/sessions/{session}/end")
def end_own_session(session: Annotated[Handle, Path()], desk: TheDesk, who: TheOfficer) -> Response:
    desk.people.end_session(session, who)
    return redirect_to("/account")


@router.post("/account/passkeys/{passkey}/end")
def remove_passkey(
    passkey: Annotated[PasskeyName, Path()], passkeys: ThePasskeys, who: TheOfficer
) -> Response:
    passkeys.remove(passkey, who)
    return redirect_to("/account")


def _account(
    request: Request,
    desk: Desk,
    who: SignedInOfficer,
    *,
    refused: ApiError | None = None,
    mistyped: bool = False,
    changed: bool = False,
) -> Response:
    status, code = ANSWERS[type(refused)] if refused else (200, "")
    has_password = desk.people.has_password(who)
    has_passkeys = has_password and desk.settings.origin is not None
    return render.page(
        request,
        "people/account.html",
        status=status,
        problem=render.problem(request, code) if refused else "",
        mistyped=mistyped,
        changed=changed,
        has_password=has_password,
        sessions=desk.people.sessions_of(who.pseudonym),
        passkeys=desk.passkeys.listed(who) if has_passkeys else None,
    )
