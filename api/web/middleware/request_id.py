"""A number for each request: in its log lines, its answer's header and on its error page, so that they meet.

The desk makes it; what a request brings along is not taken for one.
"""

import secrets

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"

_KEY = "passenger_lane.request"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: read out on a telephone, none is taken for another."""


class Numbered:
    """Numbers each request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = scope[_KEY] = new_number()
        # Not taken back at the end: the server logs a failure after it. Each request is a task of its own.
        structlog.contextvars.bind_contextvars(request=number)

        async def send_numbered(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = number
            await send(message)

        await self.app(scope, receive, send_numbered)


def new_number() -> str:
    """Eight letters and digits, in two groups."""
    drawn = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{drawn[:4]}-{drawn[4:]}"


def number_of(request: Request) -> str:
    """The number of a request; empty where it has none."""
    return str(request.scope.get(_KEY, ""))
