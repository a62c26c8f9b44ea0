"""To the site's identity provider, and back."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.people.identity_provider import ProviderClient, ProviderSignIn
from api.platform.errors import ApiError, ProviderOffError, ProviderRefusedError
from api.platform.settings import Settings
from api.web.access.authentication import GuardedPage, TheDesk, TheVisitor, set_session
from api.web.desk import Desk
from api.web.pages import render
from api.web.pages.people.sign_in import entrance_page
from api.web.pages.render import redirect_to

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

_LASTS_S = 300


Given = Annotated[str, Query(max_length=2048)]


@router.get("/sign-in/provider")
def ask_provider(request: Request, desk: TheDesk) -> Response:
    """To the provider. What comes back must come to the same browser."""
    try:
        address, browser = _provided(request, desk).ask()
    except (ProviderOffError, ProviderRefusedError) as error:
        return _refused(request, error)
    response = redirect_to(address)
    # Lax: the browser comes back from another site.
    response.set_cookie(
        _cookie(desk.settings),
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
    cookie = _cookie(desk.settings)
    browser = request.cookies.get(cookie, "")
    try:
        if not (state and code and browser):
            raise ProviderRefusedError
        _, token = _provided(request, desk).sign_in(state, code, browser, visitor)
    except (ProviderOffError, ProviderRefusedError) as error:
        return _refused(request, error)
    # A page and no redirect: the browser comes from another site, and would not send the strict cookie on.
    response = render.page(request, "people/signed_in.html", csrf_token="")
    set_session(response, token, desk.settings)
    response.delete_cookie(cookie, httponly=True, samesite="lax", secure=desk.settings.https)
    return response


def _provided(request: Request, desk: Desk) -> ProviderSignIn:
    client: ProviderClient | None = request.app.state.provider
    if client is None:
        raise ProviderOffError
    return desk.provider_sign_in(client)


def _refused(request: Request, error: ApiError) -> Response:
    status, code = (503, "provider_off") if isinstance(error, ProviderOffError) else (401, "provider_refused")
    return entrance_page(request, status=status, problem=render.problem(request, code))


def _cookie(settings: Settings) -> str:
    return f"{'__Host-' if settings.https else ''}passenger_lane_provider"
