"""Authentication and permission of every request: a lane by its token, an officer by a session cookie.

Every route is `Guarded`: its rule in `api.web.access.permissions` is enforced here, and nowhere else.
"""

import hashlib
import hmac
from collections.abc import Callable, Coroutine, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers

from api.people.officers import SignedInOfficer
from api.people.sign_in import Visitor
from api.platform.errors import (
    ForgedRequestError,
    NotAllowedError,
    NotSignedInError,
    OneTimePasswordError,
    RuleMissingError,
    TokenRefusedError,
)
from api.platform.settings import Settings
from api.platform.tokens import token_hash
from api.web.access.permissions import CSRF_HEADER, RULES, Caller, Rule
from api.web.desk import Desk

_HOW_A_MONITOR_ASKS = (
    "; a monitoring system sends `Authorization: Bearer …` with the desk's setting metrics_token"
)
_SESSION_COOKIE = "passenger_lane_session"
_IPV6_NETWORK_BITS = 64  # a client may use every address in it


class Guarded(APIRoute):
    """A route of the JSON API and its rule: a request is refused before its body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner, name = super().get_route_handler(), self.name

        async def guarded(request: Request) -> Response:
            rule = RULES.get(name)
            if rule is None:
                raise RuleMissingError([name])
            await run_in_threadpool(_authenticate, request, rule)
            if rule.changes:
                await self._check_own_page(request, rule)
            try:
                return await inner(request)
            finally:
                await request.close()

        return guarded

    async def _check_own_page(self, request: Request, rule: Rule) -> None:
        # A browser never adds a bearer token by itself, so it needs no check.
        if Caller.ANYONE in rule.callers or _officer_at(request) is not None:
            check_same_site(request.headers)
        if _officer_at(request) is not None:
            _check_csrf(request, await self._csrf_token(request))

    async def _csrf_token(self, request: Request) -> str:
        return request.headers.get(CSRF_HEADER, "")


class GuardedPage(Guarded):
    """A page and its rule: the CSRF token comes from the form."""

    async def _csrf_token(self, request: Request) -> str:
        given = (await request.form()).get("csrf_token", "")
        return given if isinstance(given, str) else ""


def _authenticate(request: Request, rule: Rule) -> None:
    """Note the lane or officer of the request.

    Raises NotSignedInError, TokenRefusedError or NotAllowedError.
    """
    if Caller.ANYONE in rule.callers:
        return
    desk, bearer = desk_of(request), _bearer(request.headers)
    if bearer is not None and Caller.MONITOR in rule.callers and _is_monitor(desk.settings, bearer):
        return
    if bearer is not None and Caller.LANE in rule.callers:
        request.state.lane = desk.lane_of(bearer)
    elif Caller.MONITOR in rule.callers and (bearer is not None or token_of(request) is None):
        raise NotSignedInError(_HOW_A_MONITOR_ASKS)
    elif rule.people:
        request.state.officer = _allowed(request, rule)
    else:
        raise TokenRefusedError


def _allowed(request: Request, rule: Rule) -> SignedInOfficer:
    who = signed_in(request, acting=rule.keeps_alive)
    if who.role not in rule.people:
        raise NotAllowedError
    if who.must_change and not rule.with_one_time_password:
        raise OneTimePasswordError
    return who


def _is_monitor(settings: Settings, bearer: str) -> bool:
    known = settings.metrics_token
    return known is not None and _same(bearer, known.get_secret_value())


def _bearer(headers: Headers) -> str | None:
    scheme, token = get_authorization_scheme_param(headers.get("authorization"))
    return token if scheme.lower() == "bearer" else None


def desk_of(request: Request) -> Desk:
    return cast("Desk", request.app.state.desk)


def cookie_name(settings: Settings, name: str = _SESSION_COOKIE) -> str:
    """The name of a cookie, as sent. Over HTTPS its prefix keeps other hosts from setting it."""
    return f"__Host-{name}" if settings.https else name


def token_of(request: Request) -> str | None:
    return request.cookies.get(cookie_name(desk_of(request).settings))


def signed_in(request: Request, *, acting: bool = True) -> SignedInOfficer:
    """The officer of the browser's session; `acting` starts its idle time again. Raises NotSignedInError."""
    token = token_of(request)
    if token is None:
        raise NotSignedInError
    return desk_of(request).officer_of(token_hash(token), acting=acting)


def visitor(request: Request) -> Visitor:
    """The browser that wants to sign in."""
    host = request.client.host if request.client else None
    forwarded = request.headers.getlist("x-forwarded-for")
    return Visitor(
        client_address(host, forwarded, desk_of(request).settings.trusted_proxies), token_of(request)
    )


def client_address(
    peer: str | None, forwarded: Sequence[str], trusted: Sequence[IPv4Network | IPv6Network]
) -> str | None:
    """The address of a browser, by which failed sign-ins are counted; of IPv6, its network.

    Anybody can write anything into X-Forwarded-For. What a trusted proxy adds stands last, so the list is
    read from its end, and only as far as each address is one of a trusted proxy: the first that is not is the
    browser. None where browsers cannot be told apart: behind a proxy here that is not trusted, or that names
    none.
    """
    found = _read_address(peer or "")
    if found is None:
        return None
    hops = [hop for line in forwarded for hop in line.split(",")]
    while hops and any(found in network for network in trusted):
        before = _read_address(hops.pop())
        if before is None:
            break
        found = before
    if found.is_loopback:
        return None
    if isinstance(found, IPv4Address):
        return str(found)
    return str(IPv6Network((found, _IPV6_NETWORK_BITS), strict=False))


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without a port, as proxies write it; None for anything else."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


async def lane(request: Request) -> str:
    found: str | None = getattr(request.state, "lane", None)
    if found is None:
        raise TokenRefusedError
    return found


async def officer(request: Request) -> SignedInOfficer:
    found = _officer_at(request)
    if found is None:
        raise NotSignedInError
    return found


def _officer_at(request: Request) -> SignedInOfficer | None:
    found: SignedInOfficer | None = getattr(request.state, "officer", None)
    return found


TheDesk = Annotated[Desk, Depends(desk_of)]
TheLane = Annotated[str, Depends(lane)]
TheVisitor = Annotated[Visitor, Depends(visitor)]
TheOfficer = Annotated[SignedInOfficer, Depends(officer)]


def csrf_token(session_token: str) -> str:
    """Proof that a page was made for this session; derived, so that nothing more has to be kept."""
    return hmac.new(session_token.encode(), b"csrf", hashlib.sha256).hexdigest()


def _check_csrf(request: Request, given: str) -> None:
    expected = csrf_token(token_of(request) or "")
    if not _same(given, expected):
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
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=settings.session_absolute_s,
        httponly=True,
        samesite="strict",
        secure=settings.https,
    )


def end_session(response: Response, settings: Settings) -> None:
    response.delete_cookie(cookie_name(settings), httponly=True, samesite="strict", secure=settings.https)
