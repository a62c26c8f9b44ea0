"""An id for each request: in its log lines, its response's header and on its error page.

The desk makes it; an id that a request brings along is ignored.
"""

import secrets

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"

_KEY = "passenger_lane.request"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32, in which no two letters sound or look alike."""


class RequestIds:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope[_KEY] = new_request_id()
        # Not taken back at the end: the server logs a failure after it. Each request is a task of its own.
        structlog.contextvars.bind_contextvars(request=request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self.app(scope, receive, send_with_id)


def new_request_id() -> str:
    """Eight letters and digits, in two groups."""
    drawn = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{drawn[:4]}-{drawn[4:]}"


def request_id_of(request: Request) -> str:
    """The id of a request; empty where it has none."""
    return str(request.scope.get(_KEY, ""))
