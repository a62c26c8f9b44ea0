"""`create_app`: one desk as an ASGI application. Nothing is opened before the application starts."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import URL
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from api.faces.keyring import keyring_of
from api.ledger import proofs
from api.people.identity_provider import ProviderClient
from api.people.passwords import Passwords
from api.platform import telemetry
from api.platform.clock import utc_now
from api.platform.database.database import Database
from api.platform.errors import RuleMissingError
from api.platform.events import Broker, WorkerEvents
from api.platform.metrics import API, RequestMeter
from api.platform.monotonic_time import since_boot_s
from api.platform.settings import Settings
from api.platform.worker_events import PostgresEvents
from api.web import error_responses
from api.web.access import permissions
from api.web.access.authentication import Guarded, cookie_name
from api.web.desk import Desk
from api.web.messages import glossary
from api.web.middleware.request_id import RequestIds
from api.web.middleware.strict_headers import BodyLimit, StrictHeaders
from api.web.pages import account as account_pages
from api.web.pages import audit as audit_pages
from api.web.pages import lanes as lane_pages
from api.web.pages import people as people_pages
from api.web.pages import review as review_pages
from api.web.periodic_tasks import Chore, Chores
from api.web.routes import about, account, audit, delivery, lanes, people, review
from api.web.routes.about import Readiness

_STATIC = Path(__file__).with_name("static")

CHORES: tuple[Chore, ...] = (
    Chore("tree head", 60.0, lambda desk: desk.proofs.head()),
    Chore("erase", 0.5, lambda desk: desk.erasure.erase_due()),
    Chore("clock", 60.0, lambda desk: desk.erasure_clock.must_agree()),
    Chore("escalate", 2.0, lambda desk: desk.cases.travellers.escalate()),
    Chore("sweep keys", 600.0, lambda desk: desk.erasure.sweep()),
    Chore("forget sign-ins", 600.0, lambda desk: desk.sign_in.forget_old()),
    Chore("look at decisions", 3600.0, lambda desk: desk.accuracy.update_alarms()),
)


_OPERATIONS = (
    about.router,
    delivery.router,
    account.router,
    people.router,
    lanes.tokens,
    review.referrals,
    review.shift,
    review.events,
    lanes.hall,
    lanes.evaluation,
    audit.ledger,
    audit.passages,
    audit.faces,
    review.quality,
)
_PAGES = (account_pages, review_pages, people_pages, lane_pages, audit_pages)


class DeskApp(FastAPI):
    """FastAPI inside the strict headers: Starlette answers an unexpected error outside of all middleware."""

    def build_middleware_stack(self) -> ASGIApp:
        inside = RequestMeter(StrictHeaders(super().build_middleware_stack()))
        traces = self.state.traces
        return RequestIds(inside if traces is None else telemetry.RequestTracer(inside, traces))

    def openapi(self) -> dict[str, Any]:
        return glossary.explained(
            permissions.described(super().openapi(), cookie_name(self.state.desk.settings))
        )


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    elapsed_s: Callable[[], float] = since_boot_s,
    chores: Sequence[Chore] = CHORES,
    worker_events: WorkerEvents | None = None,
) -> FastAPI:
    """The desk's application. Its database is opened, and brought up to date, when it starts.

    `worker_events` connects it to other workers; on a PostgreSQL server they need none.
    Raises SettingsError.
    """
    proofs.key_file(settings)  # a missing setting is refused now, not when the first head is signed
    desk = _desk(settings, clock, elapsed_s, worker_events)
    app = DeskApp(
        title="Passenger Lane desk",
        summary="Referrals of a border lane, and the officers who decide them.",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_running,
        telemetry=telemetry.OFF,
        middleware=[Middleware(BodyLimit, refuse=error_responses.refused)],
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        separate_input_output_schemas=False,
    )
    app.state.desk = desk
    app.state.provider = _provider(desk)
    endpoint = settings.telemetry_endpoint
    app.state.traces = telemetry.provider(endpoint) if endpoint else None
    app.state.readiness = Readiness()
    app.state.chores = Chores(chores, lambda: app.state.desk)
    error_responses.install(app)
    for operations in _OPERATIONS:
        app.include_router(operations, prefix=API)
    for pages in _PAGES:
        app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=_STATIC))
    _check_guarded(app)
    return app


def _desk(
    settings: Settings,
    clock: Callable[[], datetime],
    elapsed_s: Callable[[], float],
    worker_events: WorkerEvents | None,
) -> Desk:
    if isinstance(settings.database, URL):
        worker_events = PostgresEvents(settings.database)
    return Desk(
        settings=settings,
        database=Database(
            settings.database,
            busy_timeout_s=settings.busy_timeout_s,
            connections=settings.server_connections,
        ),
        keyring=keyring_of(settings),
        broker=Broker(worker_events),
        passwords=Passwords(settings.argon2),
        clock=clock,
        elapsed_s=elapsed_s,
    )


def _provider(desk: Desk) -> ProviderClient | None:
    provider, origin = desk.settings.provider, desk.settings.origin
    return None if provider is None or origin is None else ProviderClient(provider, origin, desk.clock)


def _check_guarded(app: FastAPI) -> None:
    """Raise RuleMissingError where a route is not guarded, or has no rule."""
    names = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Guarded):
            names.append(route.original_route.name)
        elif route.path != "/static":
            raise RuleMissingError([str(route.path)])
    missing = sorted(set(names) - set(permissions.RULES))
    if missing:
        raise RuleMissingError(missing)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    desk: Desk = app.state.desk
    desk.database.migrate()
    desk.proofs.announce()
    desk.keyring.prepare()
    desk.broker.start()
    chores: Chores = app.state.chores
    chores.start()
    try:
        yield
    finally:
        chores.stop()
        desk.broker.close()
        desk.broker.stop()
        desk.keyring.close()
        desk.database.close()
        if app.state.traces is not None:
            app.state.traces.shutdown()
