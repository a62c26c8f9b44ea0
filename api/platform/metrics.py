"""Metrics for a monitoring system: counters and histograms of events, gauges of the present state.

None concerns one person: no label has a passage, an officer, a document or an address; each has few values.

Gauges are counted in the database on request: every worker gives the same, and a restart loses nothing.
Events are counted by each process. Where several workers share one address, a request for metrics reaches any
of them: they count in files of the folder that `PROMETHEUS_MULTIPROC_DIR` names (the way of
prometheus-client), and each adds up the files of all, also of workers that ended. A label for each worker
would not do: each answer would hold the figures of one worker only.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "passenger_lane"
API = "/api/v1"
SHARED = "PROMETHEUS_MULTIPROC_DIR"

ANSWER_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
WAIT_S = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 3600)
"""Officers usually look within seconds; the aim is 95 % under five minutes."""
MOMENT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

_OPEN = "application/openmetrics-text; version=1.0.0"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SIGN_IN = ("/sign-in", "/api/v1/session")


class Meters:
    """Counters and histograms of one desk, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._histogram(
            "request_seconds",
            "From a request to the beginning of its answer.",
            ANSWER_S,
            ("method", "route", "status"),
        )
        self.shown = self._histogram(
            "referral_shown_seconds", "How long a passenger waited until an officer saw the case.", WAIT_S
        )
        self.decided = self._histogram(
            "referral_decided_seconds", "How long a passenger waited until an officer decided.", WAIT_S
        )
        self.event_delay = self._histogram(
            "event_seconds", "From a change to its event on an open page.", MOMENT_S
        )
        self.turns = self._histogram("database_turn_seconds", "Waiting to write to the database.", MOMENT_S)
        self.recorded = self._counter("ledger_entries", "Entries of the ledger, by kind.", "kind")
        self.refused = self._counter("sign_ins_refused", "Sign-ins that were refused.", "status")
        self.chores = self._counter("chore_runs", "Runs of periodic work.", "chore", "outcome")

    def _histogram(
        self, name: str, help_text: str, buckets: Sequence[float], labels: tuple[str, ...] = ()
    ) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", help_text, labels, registry=self.registry, buckets=buckets)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", help_text, labels, registry=self.registry)

    def collect(self) -> Iterator[Metric]:
        """All families; those of all workers where several share one address."""
        if folder := os.environ.get(SHARED):
            yield from MultiProcessCollector(None, folder).collect()  # type: ignore[no-untyped-call]
            return
        for metric in self.registry.collect():
            # The time from which it counts: of no use to a reader, and doubles the lines.
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class RequestMeter:
    """Measures each request, under its route's template: an address would name a passage."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note(scope, int(message["status"]), time.monotonic() - began)
            await send(message)

        await self.app(scope, receive, send_measured)


def _note(scope: Scope, status: int, seconds: float) -> None:
    meters: Meters = scope["app"].state.desk.meters
    method = scope["method"] if scope["method"] in METHODS else "other"
    route = route_template(scope)
    meters.requests.labels(method, route, str(status)).observe(seconds)
    # Browsers come back from an identity provider by GET.
    tries = route.startswith("/sign-in/") or (method == "POST" and route.startswith(_SIGN_IN))
    if tries and status in (401, 403, 429):
        meters.refused.labels(str(status)).inc()


def route_template(scope: Scope) -> str:
    """The template of the request's route: a label with few values."""
    path, route = str(scope["path"]), scope.get("route")
    if path.startswith("/static/"):
        return "/static"
    if route is None:
        return "unknown"
    # FastAPI's route knows its own router's prefix alone.
    return f"{API}{route.path}" if path.startswith(f"{API}/") else str(route.path)


def gauge(name: str, help_text: str, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", help_text, labels=labels)


def answer(meters: Meters, more: Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """All metrics as text that the reader accepts, OpenMetrics or Prometheus', and its media type."""
    # Not the accepted type itself: the encoder fails on a version that is no number.
    encode, media_type = choose_encoder(_OPEN if _OPEN.partition(";")[0] in accept else "")
    return encode(_All([*meters.collect(), *more])), media_type


@dataclass(frozen=True, slots=True)
class _All(Collector):
    metrics: list[Metric]

    def collect(self) -> list[Metric]:
        return self.metrics
