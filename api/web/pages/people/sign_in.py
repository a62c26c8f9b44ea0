"""The pages at the entrance: sign in, sign out, and to the work of whoever is signed in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.platform.errors import (
    ANSWERS,
    NotSignedInError,
    TooManyAttemptsError,
    TooManySignInsError,
    WrongPasswordError,
)
from api.web.access.authentication import (
    GuardedPage,
    TheDesk,
    TheOfficer,
    TheVisitor,
    desk_of,
    end_session,
    set_session,
    signed_in,
)
from api.web.pages import render
from api.web.pages.navigation import first_page
from api.web.pages.render import redirect_to

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.get("/")
def home(who: TheOfficer) -> Response:
    return redirect_to(first_page(who.role))


@router.get("/sign-in")
def show_sign_in(request: Request) -> Response:
    """The form to sign in with, or the work of those who are."""
    try:
        signed_in(request)
    except NotSignedInError:
        return entrance_page(request)
    return redirect_to("/")


@router.post("/sign-in")
def sign_in(
    request: Request,
    desk: TheDesk,
    visitor: TheVisitor,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
) -> Response:
    try:
        _, token = desk.sign_in.by_password(name, password, visitor)
    except (WrongPasswordError, TooManyAttemptsError, TooManySignInsError) as error:
        status, code = ANSWERS[type(error)]
        return entrance_page(request, status=status, problem=render.problem(request, code), name=name)
    response = redirect_to("/")
    set_session(response, token, desk.settings)
    return response


@router.post("/sign-out")
def sign_out(desk: TheDesk, who: TheOfficer) -> Response:
    desk.sign_out(who)
    response = redirect_to("/sign-in")
    end_session(response, desk.settings)
    return response


def entrance_page(
    request: Request, *, status: int = 200, problem: str | None = None, name: str = ""
) -> Response:
    settings = desk_of(request).settings
    return render.page(
        request,
        "people/sign_in.html",
        status=status,
        problem=problem,
        name=name,
        passkeys=settings.origin is not None,
        provider=settings.provider is not None,
    )
