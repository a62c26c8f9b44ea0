"""`create_app`: one desk as an ASGI application. Nothing is opened before the application starts."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
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
from api.web.access import permissions
from api.web.access.authentication import Guarded, cookie_name
from api.web.desk import Desk
from api.web.messages import glossary
from api.web.middleware.error_responses import ErrorResponses
from api.web.middleware.request_id import RequestIds
from api.web.middleware.strict_headers import BodyLimit, StrictHeaders
from api.web.operation.periodic_tasks import Chore, Chores
from api.web.operation.readiness import Readiness
from api.web.pages import render
from api.web.pages.audit import passages as passage_pages
from api.web.pages.lanes import evaluation as evaluation_pages
from api.web.pages.lanes import hall as hall_pages
from api.web.pages.lanes import requests as request_pages
from api.web.pages.lanes import tokens as token_pages
from api.web.pages.people import account as account_pages
from api.web.pages.people import people as people_pages
from api.web.pages.people import provider_sign_in as provider_pages
from api.web.pages.people import sign_in as sign_in_pages
from api.web.pages.review import cases as case_pages
from api.web.pages.review import quality as quality_pages
from api.web.pages.review import shift as shift_pages
from api.web.routes import about, events
from api.web.routes.audit import holds, ledger, passages
from api.web.routes.lanes import delivery, evaluation, hall, tokens
from api.web.routes.people import passkeys, people, session
from api.web.routes.review import quality, referrals, shift

_STATIC = Path(__file__).with_name("static")

CHORES: tuple[Chore, ...] = (
    Chore("tree head", 60.0, lambda desk: desk.proofs.head()),
    Chore("erase", 0.5, lambda desk: desk.erasure.erase_due()),
    Chore("clock", 60.0, lambda desk: desk.erasure_clock.must_agree()),
    Chore("escalate", 2.0, lambda desk: desk.cases.travellers.escalate()),
    Chore("sweep keys", 600.0, lambda desk: desk.erasure.sweep()),
    Chore("forget sign-ins", 600.0, lambda desk: desk.sign_in.forget_old()),
    Chore("look at decisions", 3600.0, lambda desk: desk.training.update_alarms()),
)
"""The periodic work of a desk."""


_PARTS = (
    about,
    delivery,
    session,
    passkeys,
    people,
    tokens,
    referrals,
    shift,
    events,
    hall,
    evaluation,
    ledger,
    passages,
    holds,
    quality,
)
"""The JSON interface."""
_PAGES = (
    sign_in_pages,
    case_pages,
    shift_pages,
    account_pages,
    people_pages,
    provider_pages,
    token_pages,
    evaluation_pages,
    hall_pages,
    passage_pages,
    quality_pages,
    request_pages,
)
"""The pages."""


class DeskApp(FastAPI):
    """FastAPI inside the strict headers: Starlette answers an unexpected error outside of all middleware."""

    def build_middleware_stack(self) -> ASGIApp:
        inside = RequestMeter(StrictHeaders(super().build_middleware_stack()))
        traces = self.state.traces
        return RequestIds(inside if traces is None else telemetry.RequestTracer(inside, traces))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI description, with the rules and the glossary."""
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
    answers = ErrorResponses(render.error_page)
    app = DeskApp(
        title="Passenger Lane desk",
        summary="Referrals of a border lane, and the officers who decide them.",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_running,
        telemetry=telemetry.OFF,
        middleware=[Middleware(BodyLimit, refuse=answers.refused)],
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,
    )
    app.state.desk = desk
    app.state.provider = _provider(desk)
    endpoint = settings.telemetry_endpoint
    app.state.traces = telemetry.provider(endpoint) if endpoint else None
    app.state.readiness = Readiness()
    app.state.chores = Chores(chores, lambda: app.state.desk)
    answers.install(app)
    for part in _PARTS:
        app.include_router(part.router, prefix=API)
    for pages_of in _PAGES:
        app.include_router(pages_of.router)
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
    permissions.check_complete(names)


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


def _operation_id(route: APIRoute) -> str:
    return route.name
