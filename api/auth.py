"""Who is this: a lane by its token, an officer by a session cookie. Every route but a few asks here."""

import hashlib
import hmac
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers

from api.desk import Desk
from api.errors import ForgedRequestError, NotSignedInError, NotSupervisorError, TokenRefusedError
from api.settings import Settings
from api.store.officers import SignedInOfficer
from api.store.tokens import token_hash

COOKIE = "passenger_lane_session"
CSRF_HEADER = "X-CSRF-Token"

_bearer = HTTPBearer(auto_error=False, scheme_name="lane", description="A lane's token.")
_monitor = HTTPBearer(
    auto_error=False, scheme_name="monitor", description="`metrics_token` of the desk's settings."
)
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="officer", description="A session's token.")
_csrf = APIKeyHeader(
    name=CSRF_HEADER, auto_error=False, scheme_name="csrf", description="`csrf_token` of the session."
)


def desk_of(request: Request) -> Desk:
    """The running desk."""
    return cast("Desk", request.app.state.desk)


TheDesk = Annotated[Desk, Depends(desk_of)]


def lane(desk: TheDesk, credentials: Annotated[Any, Depends(_bearer)]) -> str:
    """The lane that asks. Raises TokenRefusedError."""
    if credentials is None:
        raise TokenRefusedError
    return desk.lane_of(credentials.credentials)


def officer(desk: TheDesk, token: Annotated[str | None, Depends(_cookie)]) -> SignedInOfficer:
    """The officer who asks. Raises NotSignedInError."""
    if token is None:
        raise NotSignedInError
    return desk.officer_of(token_hash(token))


def supervisor(who: Annotated[SignedInOfficer, Depends(officer)]) -> SignedInOfficer:
    """The supervisor who asks. Raises NotSignedInError or NotSupervisorError."""
    if not who.supervises:
        raise NotSupervisorError
    return who


def watching(desk: TheDesk, token: Annotated[str | None, Depends(_cookie)]) -> SignedInOfficer:
    """The officer whose page asks by itself, which does not keep the session alive."""
    if token is None:
        raise NotSignedInError
    return desk.officer_of(token_hash(token), acting=False)


def acting_officer(
    request: Request,
    desk: TheDesk,
    token: Annotated[str | None, Depends(_cookie)],
    csrf: Annotated[str | None, Depends(_csrf)],
) -> SignedInOfficer:
    """The officer who changes something, through the officer's own page. Raises ForgedRequestError."""
    who = officer(desk, token)
    check_csrf(request.headers, token, csrf)
    return who


def officer_or_lane(
    desk: TheDesk,
    token: Annotated[str | None, Depends(_cookie)],
    credentials: Annotated[Any, Depends(_bearer)],
) -> None:
    """Anyone whom the desk knows."""
    if credentials is not None:
        desk.lane_of(credentials.credentials)
    else:
        officer(desk, token)


def acting_supervisor(who: Annotated[SignedInOfficer, Depends(acting_officer)]) -> SignedInOfficer:
    """The supervisor who changes something, through the own page. Raises NotSupervisorError, too."""
    return supervisor(who)


def monitor(
    desk: TheDesk,
    token: Annotated[str | None, Depends(_cookie)],
    credentials: Annotated[Any, Depends(_monitor)],
) -> None:
    """A monitoring system with the token of the settings, or a supervisor. Raises NotSignedInError, too."""
    known = desk.settings.metrics_token
    if credentials is None:
        supervisor(watching(desk, token))
    elif known is None or not _same(credentials.credentials, known.get_secret_value()):
        raise NotSignedInError


TheLane = Annotated[str, Depends(lane)]
TheOfficer = Annotated[SignedInOfficer, Depends(officer)]
TheSupervisor = Annotated[SignedInOfficer, Depends(supervisor)]
ActingOfficer = Annotated[SignedInOfficer, Depends(acting_officer)]
ActingSupervisor = Annotated[SignedInOfficer, Depends(acting_supervisor)]
TheMonitor = Annotated[None, Depends(monitor)]


def csrf_token(session_token: str) -> str:
    """Proof that a page was made for this session; derived, so that nothing more has to be kept."""
    return hmac.new(session_token.encode(), b"csrf", hashlib.sha256).hexdigest()


def check_csrf(headers: Headers, session_token: str | None, given: str | None) -> None:
    """Raise ForgedRequestError unless the officer's own page made this request."""
    check_same_site(headers)
    expected = csrf_token(session_token or "")
    if not _same(given or "", expected):
        raise ForgedRequestError


def _same(given: str, expected: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def check_same_site(headers: Headers) -> None:
    """Raise ForgedRequestError where the browser says that another site made the request."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise ForgedRequestError
    # An older browser says less: then the page that asks must have come from where it sends to.
    if site is None and origin is not None and origin.partition("://")[2] != headers.get("host"):
        raise ForgedRequestError


def set_session(response: Response, token: str, settings: Settings) -> None:
    """Give the browser its session."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings.session_absolute_s,
        httponly=True,
        samesite="strict",
        secure=settings.cookie_secure,
    )


def end_session(response: Response, settings: Settings) -> None:
    """Take the session from the browser."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=settings.cookie_secure)
