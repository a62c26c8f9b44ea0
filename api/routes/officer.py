"""Signing in and out."""

from fastapi import APIRouter, Response

from api.auth import (
    ActingOfficer,
    Guarded,
    SessionToken,
    TheDesk,
    TheOfficer,
    TheVisitor,
    csrf_token,
    end_session,
    set_session,
)
from api.errors import (
    BodyTooLargeError,
    ForgedRequestError,
    NotSignedInError,
    TooManyAttemptsError,
    TooManySignInsError,
    WrongPasswordError,
    documented,
)
from api.schemas import Credentials, Officer, SignedIn
from api.signing_in import SigningIn
from api.store.officers import SignedInOfficer

router = APIRouter(route_class=Guarded, tags=["officer"])


@router.post(
    "/session",
    summary="Sign in",
    operation_id="sign_in",
    responses=documented(
        WrongPasswordError, ForgedRequestError, TooManyAttemptsError, TooManySignInsError, BodyTooLargeError
    ),
)
def sign_in(credentials: Credentials, desk: TheDesk, visitor: TheVisitor, response: Response) -> SignedIn:
    """Start a session; the cookie is its key, the CSRF token goes with everything that changes something."""
    who, token = SigningIn.of(desk).by_password(credentials.name, credentials.password, visitor)
    set_session(response, token, desk.settings)
    return SignedIn(officer=_told(who), csrf_token=csrf_token(token))


@router.get(
    "/session",
    summary="Who is signed in",
    operation_id="show_session",
    responses=documented(NotSignedInError),
)
def show_session(who: TheOfficer, token: SessionToken) -> SignedIn:
    """The officer of this session, and its CSRF token."""
    return SignedIn(officer=_told(who), csrf_token=csrf_token(token or ""))


@router.delete(
    "/session",
    status_code=204,
    summary="Sign out",
    operation_id="sign_out",
    responses=documented(NotSignedInError, ForgedRequestError),
)
def sign_out(who: ActingOfficer, desk: TheDesk) -> Response:
    """End this session."""
    desk.sign_out(who)
    response = Response(status_code=204)
    end_session(response, desk.settings)
    return response


def _told(who: SignedInOfficer) -> Officer:
    return Officer(name=who.name, pseudonym=who.pseudonym, role=who.role.value, duties=sorted(who.duties))
