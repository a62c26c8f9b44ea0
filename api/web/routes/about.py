"""The desk about itself: is it alive, can this worker do its work now, and what does it answer to.

A desk that is not ready says so by an error code, without details.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from fastapi import APIRouter, Request
from sqlalchemy import text

from api.platform import errors
from api.platform.database.database import newest_revision
from api.platform.errors import ANSWERS, ApiError, documented
from api.web.access.authentication import Guarded, TheDesk
from api.web.desk import Desk
from api.web.messages.cases import Health

router = APIRouter(route_class=Guarded, tags=["about"], responses=documented())

log = structlog.get_logger(__name__)

Check = Callable[[Desk], None]
"""Raises ApiError."""

_KEEP_S = 1.0
"""How long an answer is kept: anyone may ask, and must not keep the database busy."""


def database_answers(desk: Desk) -> None:
    """It answers, has this release's schema, takes writes, and has room for them."""
    with desk.database.read() as session:
        revision = session.scalar(text("SELECT version_num FROM alembic_version"))
        desk.database.server.must_take_writes(
            session.connection(), least_free_bytes=desk.settings.least_free_mb * 1024 * 1024
        )
    if revision != newest_revision():
        raise errors.SchemaDiffersError


def keys_can_be_read(desk: Desk) -> None:
    """Without them nobody sees a face. Raises KeyringError, or StoreBusyError of a server."""
    try:
        desk.keyring.must_open()
    except errors.KeyWrongError as error:
        raise errors.KeyringError from error


CHECKS: tuple[Check, ...] = (database_answers, keys_can_be_read)


class Readiness:
    """Checks at most once a second, and gives everybody the same answer."""

    def __init__(
        self, checks: Sequence[Check] = CHECKS, *, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks, self._monotonic_s = checks, monotonic_s
        self._turn = threading.Lock()
        self._asked: tuple[Desk, float] | None = None
        self._fault: ApiError | None = None

    def must_be_ready(self, desk: Desk) -> None:
        """Raises an ApiError whose answer is 503 where the desk cannot do its work."""
        if desk.broker.closed:
            raise errors.EndingError
        with self._turn:
            now = self._monotonic_s()
            if self._asked is None or self._asked[0] is not desk or now - self._asked[1] >= _KEEP_S:
                self._note(self._found(desk))
                self._asked = (desk, self._monotonic_s())
            fault = self._fault
        if fault is not None:
            raise fault

    def _found(self, desk: Desk) -> ApiError | None:
        try:
            for check in self._checks:
                check(desk)
        except ApiError as error:
            status, _ = ANSWERS.get(type(error), (500, ""))
            return error if status == 503 else errors.NotReadyError().with_traceback(error.__traceback__)
        return None

    def _note(self, fault: ApiError | None) -> None:
        if type(fault) is not type(self._fault):
            if fault is None:
                log.info("ready")
            else:
                log.error("not ready", cause=type(fault).__name__)
        self._fault = fault


@router.get("/health", summary="Is the desk alive")
async def show_health() -> Health:
    """Answers as long as the process does; says nothing else."""
    return Health()


@router.get(
    "/ready",
    summary="Can the desk do its work",
    responses=documented(
        errors.NotReadyError,
        errors.SchemaDiffersError,
        errors.DiskFullError,
        errors.ReadOnlyStoreError,
        errors.KeyringError,
        errors.EndingError,
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
