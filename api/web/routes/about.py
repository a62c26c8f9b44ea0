"""The desk about itself: is it alive, and what does it answer to."""

from typing import Any

from fastapi import APIRouter, Request

from api.platform.errors import (
    DiskFullError,
    EndingError,
    KeyringError,
    NotReadyError,
    ReadOnlyStoreError,
    SchemaDiffersError,
    documented,
)
from api.web.access.authentication import Guarded, TheDesk
from api.web.messages.cases import Health
from api.web.operation.readiness import Readiness

router = APIRouter(route_class=Guarded, tags=["about"], responses=documented())


@router.get("/health", summary="Is the desk alive")
async def show_health() -> Health:
    """Answers as long as the process does; says nothing else."""
    return Health()


@router.get(
    "/ready",
    summary="Can the desk do its work",
    responses=documented(
        NotReadyError, SchemaDiffersError, DiskFullError, ReadOnlyStoreError, KeyringError, EndingError
    ),
)
def show_ready(request: Request, desk: TheDesk) -> Health:
    """Answers 200 while it can, and 503 with a code while it cannot: send it no requests then."""
    readiness: Readiness = request.app.state.readiness
    readiness.must_be_ready(desk)
    return Health()


@router.get("/openapi.json", summary="This description")
async def show_openapi(request: Request) -> dict[str, Any]:
    """The OpenAPI description of the desk, for whoever is signed in and for lanes."""
    openapi: dict[str, Any] = request.app.openapi()
    return openapi
