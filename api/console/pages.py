"""The officer's pages."""

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response


def error_page(request: Request, status: int, code: str) -> Response:
    """A page that says what happened."""
    del request
    return PlainTextResponse(code, status)


def install(app: FastAPI) -> None:
    """Add the pages."""
    del app
