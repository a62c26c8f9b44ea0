"""The desk as it describes itself, made once for all tests that read its routes or its OpenAPI."""

from functools import cache
from typing import Any

from fastapi import FastAPI

from api.platform.settings import Settings
from api.web.app import create_app


@cache
def app() -> FastAPI:
    return create_app(Settings())


@cache
def openapi() -> dict[str, Any]:
    return app().openapi()
