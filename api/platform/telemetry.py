"""Traces of requests, for a site that collects them: by the route's template, with nothing of the request.

Off unless `telemetry_endpoint` is set; needs the extra `telemetry`. FastAPI's own telemetry stays off: it
would send addresses, which name passages, and the texts of exceptions.
"""

from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, Tracer, TracerProvider
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.platform.errors import SettingsError
from api.platform.metrics import METHODS, route_template

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider as SdkProvider

OFF = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
"""Also where the environment asks for it."""

_EXPORT_WITHIN_S = 2


def provider(endpoint: str) -> "SdkProvider":
    """Sends spans to an OTLP collector over HTTP. Raises SettingsError without the packages for it."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            "telemetry_endpoint is set, and OpenTelemetry is not installed: install the extra `telemetry`, "
            "or do without the setting"
        ) from error
    made = TracerProvider(resource=Resource({"service.name": "passenger-lane-desk"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_WITHIN_S)
    made.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=_EXPORT_WITHIN_S * 1000))
    return made


class RequestTracer:
    """One span a request. A trace that the request names as its parent is ignored: anybody could name one."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        self.app = app
        self.tracer: Tracer = provider.get_tracer("passenger-lane-desk")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        # Neither the text of an exception nor its stack: both could carry the request.
        with self.tracer.start_as_current_span(
            "request", Context(), SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                await self.app(scope, receive, send_traced)
            finally:
                method = scope["method"] if scope["method"] in METHODS else "other"
                span.update_name(f"{method} {route_template(scope)}")
                span.set_attribute("http.response.status_code", status)
                if status >= 500 or not status:
                    span.set_status(StatusCode.ERROR)
