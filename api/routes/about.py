"""The desk about itself: is it alive, and what does it answer to."""

from typing import Any

from fastapi import APIRouter, Request

from api.auth import Guarded
from api.errors import NotSignedInError, TokenRefusedError, documented
from api.schemas import Health

router = APIRouter(route_class=Guarded, tags=["about"])


@router.get("/health", summary="Is the desk alive", operation_id="show_health", responses=documented())
async def show_health() -> Health:
    """Answers as long as the process does; says nothing else."""
    return Health()


@router.get(
    "/openapi.json",
    summary="This description",
    operation_id="show_openapi",
    responses=documented(NotSignedInError, TokenRefusedError),
)
async def show_openapi(request: Request) -> dict[str, Any]:
    """The OpenAPI description of the desk, for whoever is signed in and for lanes."""
    openapi: dict[str, Any] = request.app.openapi()
    return openapi
