"""Around every answer: headers that keep the browser strict, and a limit on what a request may send."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.platform.errors import BodyTooLargeError

KIB = 1024
MOST_BYTES = 64 * KIB
MOST_IMAGE_BYTES = 4096 * KIB
MOST_ENTRIES_BYTES = 4096 * KIB
"""A lane sends 20 entries of at most 64 KiB: they fit even where each character needs an escape."""

_SENSORS = (
    "accelerometer camera display-capture geolocation gyroscope hid magnetometer microphone midi payment "
    "serial usb"
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Origin-Agent-Cluster": "?1",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Permissions-Policy": ", ".join(f"{sensor}=()" for sensor in _SENSORS.split()),
}
ONLY_HTTPS = "max-age=31536000"
"""A browser that saw it once asks over HTTPS for a year, whatever link it is given."""

Refuse = Callable[[Request, Exception], Awaitable[Response]]


class StrictHeaders:
    """Puts the headers on every answer, and `no-store` wherever a route says nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if scope["app"].state.desk.settings.https:
                    headers["Strict-Transport-Security"] = ONLY_HTTPS
                is_static = str(scope["path"]).startswith("/static/")
                if not is_static and headers.get("Cache-Control", "no-cache") == "no-cache":
                    headers["Cache-Control"] = "no-store"  # events, too, which say no-cache by themselves
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self.app(scope, receive, send_strict if scope["type"] == "http" else send)


class BodyLimit:
    """Refuses a body that is too large, before it is read: by its declared length, and while it comes."""

    def __init__(self, app: ASGIApp, refuse: Refuse) -> None:
        self.app = app
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = _most_bytes(scope)
        fault = _fault(Headers(scope=scope), most)
        if fault is not None:
            answer = await self.refuse(Request(scope, receive), fault)
            # Whatever follows on this connection is part of a body that nobody reads.
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        await self.app(scope, _counting(receive, most), send)


def _fault(headers: Headers, most: int) -> Exception | None:
    declared = headers.get("content-length", "0")
    if "content-length" in headers and "transfer-encoding" in headers:
        # A proxy might go by the other one, and take our next request for part of this body.
        return HTTPException(400, "a body has a length or comes in chunks, not both")
    return None if declared.isdecimal() and int(declared) <= most else BodyTooLargeError()


def _counting(receive: Receive, most: int) -> Receive:
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            # FastAPI lets this one pass while it reads a body; `answers` words it.
            raise HTTPException(413, str(BodyTooLargeError()))
        return message

    return receive_limited


def _most_bytes(scope: Scope) -> int:
    path = scope["path"]
    if scope["method"] == "PUT" and path.startswith("/api/v1/passages/") and "/images/" in path:
        return MOST_IMAGE_BYTES
    return MOST_ENTRIES_BYTES if path == "/api/v1/entries" else MOST_BYTES
