"""The response to each exception: JSON for `/api/`, a page for people; nothing of the request is echoed."""

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.platform.errors import (
    ANSWERS,
    ApiError,
    ChainBrokenError,
    NotSignedInError,
    OneTimePasswordError,
    for_log,
)
from api.platform.metrics import route_template
from api.web.pages.render import error_page

log = structlog.get_logger(__name__)

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_PAGES: dict[type[Exception], str] = {NotSignedInError: "/sign-in", OneTimePasswordError: "/account"}
"""Errors after which a person is sent to a page."""
_INTERNAL = "the desk made a mistake; it was logged, and nothing was decided"


def install(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _failed)


async def refused(request: Request, error: Exception) -> Response:
    """The answer to an error that was raised on purpose."""
    if isinstance(error, HTTPException):
        return await _http(request, error)
    if type(error) not in ANSWERS:
        return await _failed(request, error)
    status, code = ANSWERS[type(error)]  # type: ignore[index]
    if status >= 500:
        log.error("request failed", error=code, path=route_template(request.scope))
    if type(error) in _PAGES and not _is_api(request):
        return RedirectResponse(_PAGES[type(error)], status_code=303)
    has = error.has if isinstance(error, ChainBrokenError) else None
    more = {"has": {"seq": has.seq, "hash": has.hash}} if has else {}
    return _answer(request, status, code, str(error), more)


async def _malformed(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    details = "; ".join(
        f"{'.'.join(str(part) for part in _place(fault))}: {fault['msg']}" for fault in faults
    )
    return _answer(request, 422, "request_refused", f"the request is not well formed: {details}")


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    # A body that cannot be parsed is answered like one that says something wrong.
    status = 422 if status == 400 else status
    code = _HTTP_CODES.get(status, "request_refused")
    answer = _answer(request, status, code, str(getattr(error, "detail", error)))
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


async def _left(request: Request, error: Exception) -> Response:
    """The client is gone: a body was broken off, or came too slowly."""
    del error
    return _answer(request, 422, "request_refused", "the body was broken off")


async def _failed(request: Request, error: Exception) -> Response:
    # The route's template: the address could carry what the request said.
    log.error("request failed", path=route_template(request.scope), **for_log(error))
    return _answer(request, 500, "internal_error", _INTERNAL)


def _answer(
    request: Request, status: int, code: str, message: str, more: Mapping[str, Any] | None = None
) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if code == "token_refused" else None
    if _is_api(request):
        return JSONResponse({"code": code, "message": message, **(more or {})}, status, headers=headers)
    return error_page(request, status, code)


def _place(fault: Mapping[str, Any]) -> tuple[object, ...]:
    """Where the fault is; without the name of an unknown field, since that comes from the request."""
    place = tuple(fault["loc"])
    return place[:-1] if fault["type"] == "extra_forbidden" else place


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")
