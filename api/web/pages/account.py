"""The pages to sign in, here or at the site's identity provider, and of the own account."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import Response

from api.people.identity_provider import ProviderClient, ProviderSignIn
from api.people.officers import SignedInOfficer
from api.platform import errors
from api.web.access.authentication import (
    GuardedPage,
    TheDesk,
    TheOfficer,
    TheVisitor,
    cookie_name,
    desk_of,
    end_session,
    set_session,
    signed_in,
)
from api.web.desk import Desk
from api.web.messages.people import Handle, PasskeyName
from api.web.pages import render
from api.web.pages.render import first_page, redirect_to
from api.web.routes.account import ThePasskeys

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

Password = Annotated[str, Form(max_length=256)]
_PASSWORD_REFUSED = (errors.WrongPasswordError, errors.TooManyAttemptsError, errors.TooManySignInsError)
_PROVIDER_FAILED = (errors.ProviderOffError, errors.ProviderRefusedError)
_STATUS_AND_CODE: dict[type[errors.ApiError], tuple[int, str]] = {
    **errors.ANSWERS,
    errors.ProviderOffError: (503, "provider_off"),
    errors.ProviderRefusedError: (401, "provider_refused"),
}


@router.get("/")
def home(who: TheOfficer) -> Response:
    return redirect_to(first_page(who.role))


@router.get("/sign-in")
def show_sign_in(request: Request) -> Response:
    """The form to sign in with, or the work of those who are."""
    try:
        signed_in(request)
    except errors.NotSignedInError:
        return _entrance(request)
    return redirect_to("/")


@router.post("/sign-in")
def sign_in(
    request: Request,
    desk: TheDesk,
    visitor: TheVisitor,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Password = "",
) -> Response:
    try:
        _, token = desk.sign_in.by_password(name, password, visitor)
    except _PASSWORD_REFUSED as error:
        return _entrance(request, error, name=name)
    response = redirect_to("/")
    set_session(response, token, desk.settings)
    return response


@router.post("/sign-out")
def sign_out(desk: TheDesk, who: TheOfficer) -> Response:
    desk.sign_out(who)
    response = redirect_to("/sign-in")
    end_session(response, desk.settings)
    return response


def _entrance(request: Request, refused: errors.ApiError | None = None, *, name: str = "") -> Response:
    settings = desk_of(request).settings
    return _form_page(
        request,
        "people/sign_in.html",
        refused,
        name=name,
        passkeys=settings.origin is not None,
        provider=settings.provider is not None,
    )


# --- to the site's identity provider, and back

_PROVIDER_COOKIE = "passenger_lane_provider"
_LASTS_S = 300

Given = Annotated[str, Query(max_length=2048)]


@router.get("/sign-in/provider")
def ask_provider(request: Request, desk: TheDesk) -> Response:
    """To the provider. What comes back must come to the same browser."""
    try:
        address, browser = _provided(request, desk).ask()
    except _PROVIDER_FAILED as error:
        return _entrance(request, error)
    response = redirect_to(address)
    # Lax: the browser comes back from another site.
    response.set_cookie(
        cookie_name(desk.settings, _PROVIDER_COOKIE),
        browser,
        max_age=_LASTS_S,
        httponly=True,
        samesite="lax",
        secure=desk.settings.https,
    )
    return response


@router.get("/sign-in/provider/return")
def come_from_provider(
    request: Request, desk: TheDesk, visitor: TheVisitor, state: Given = "", code: Given = ""
) -> Response:
    """Back from the provider: a session for who is known there, and has a role here."""
    cookie = cookie_name(desk.settings, _PROVIDER_COOKIE)
    browser = request.cookies.get(cookie, "")
    try:
        if not (state and code and browser):
            raise errors.ProviderRefusedError
        _, token = _provided(request, desk).sign_in(state, code, browser, visitor)
    except _PROVIDER_FAILED as error:
        return _entrance(request, error)
    # A page and no redirect: the browser comes from another site, and would not send the strict cookie on.
    response = render.page(request, "people/signed_in.html", csrf_token="")
    set_session(response, token, desk.settings)
    response.delete_cookie(cookie, httponly=True, samesite="lax", secure=desk.settings.https)
    return response


def _provided(request: Request, desk: Desk) -> ProviderSignIn:
    client: ProviderClient | None = request.app.state.provider
    if client is None:
        raise errors.ProviderOffError
    return desk.provider_sign_in(client)


# --- the own account


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
            raise errors.PasswordRefusedError
        desk.people.change_password(old, new, who)
    except (*_PASSWORD_REFUSED, errors.PasswordRefusedError) as error:
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
    refused: errors.ApiError | None = None,
    mistyped: bool = False,
    changed: bool = False,
) -> Response:
    has_password = desk.people.has_password(who)
    has_passkeys = has_password and desk.settings.origin is not None
    return _form_page(
        request,
        "people/account.html",
        refused,
        mistyped=mistyped,
        changed=changed,
        has_password=has_password,
        sessions=desk.people.sessions_of(who.pseudonym),
        passkeys=desk.passkeys.listed(who) if has_passkeys else None,
    )


def _form_page(
    request: Request, template: str, refused: errors.ApiError | None, **values: object
) -> Response:
    """A page with a form; again, with the reason, after one that was refused."""
    status, code = _STATUS_AND_CODE[type(refused)] if refused else (200, "")
    problem = render.problem(request, code) if refused else ""
    return render.page(request, template, status=status, problem=problem, **values)
