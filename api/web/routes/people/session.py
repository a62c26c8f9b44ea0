"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.people.officers import SignedInOfficer
from api.platform.errors import (
    BodyTooLargeError,
    PasswordRefusedError,
    SessionUnknownError,
    TooManyAttemptsError,
    TooManySignInsError,
    WrongPasswordError,
    documented,
)
from api.web.access.authentication import (
    Guarded,
    TheDesk,
    TheOfficer,
    TheVisitor,
    csrf_token,
    end_session,
    set_session,
    token_of,
)
from api.web.messages.cases import Credentials, Officer, SignedIn
from api.web.messages.people import Handle, PasswordChange, SessionList
from api.web.routes.people.people import session_list

router = APIRouter(route_class=Guarded, tags=["officer"], responses=documented())


@router.post(
    "/session",
    summary="Sign in",
    responses=documented(WrongPasswordError, TooManyAttemptsError, TooManySignInsError, BodyTooLargeError),
)
def sign_in(credentials: Credentials, desk: TheDesk, visitor: TheVisitor, response: Response) -> SignedIn:
    """Start a session; the cookie is its key, the CSRF token goes with everything that changes something."""
    who, token = desk.sign_in.by_password(credentials.name, credentials.password, visitor)
    set_session(response, token, desk.settings)
    return SignedIn(officer=officer_message(who), csrf_token=csrf_token(token))


@router.get("/session", summary="Who is signed in")
def show_session(request: Request, who: TheOfficer) -> SignedIn:
    """The officer of this session, and its CSRF token."""
    return SignedIn(officer=officer_message(who), csrf_token=csrf_token(token_of(request) or ""))


@router.delete("/session", status_code=204, summary="Sign out")
def sign_out(who: TheOfficer, desk: TheDesk) -> Response:
    """End this session; your cases go back to the queue."""
    desk.sign_out(who)
    response = Response(status_code=204)
    end_session(response, desk.settings)
    return response


@router.get("/sessions", summary="See where you are signed in")
def list_sessions(desk: TheDesk, who: TheOfficer) -> SessionList:
    """The own sessions that are not over."""
    return session_list(desk.people.sessions_of(who.pseudonym), who.session_sha256)


@router.delete(
    "/sessions/{session}",
    status_code=204,
    summary="Sign out somewhere else",
    responses=documented(SessionUnknownError),
)
def end_own_session(
    session: Annotated[Handle, Path(description="As the list names it.")], desk: TheDesk, who: TheOfficer
) -> Response:
    """End one of the own sessions; with the last one your cases go back to the queue."""
    desk.people.end_session(session, who)
    return Response(status_code=204)


@router.put(
    "/password",
    status_code=204,
    summary="Change the own password",
    responses=documented(PasswordRefusedError, WrongPasswordError, TooManyAttemptsError, TooManySignInsError),
)
def change_password(wanted: PasswordChange, desk: TheDesk, who: TheOfficer) -> Response:
    """12 to 256 characters, and not the own name among them. Sessions elsewhere end."""
    desk.people.change_password(wanted.old, wanted.new, who)
    return Response(status_code=204)


def officer_message(who: SignedInOfficer) -> Officer:
    """The officer who is signed in, as a message."""
    return Officer(name=who.name, pseudonym=who.pseudonym, role=who.role, duties=sorted(who.duties))
