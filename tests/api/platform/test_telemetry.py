"""Traces go to a collector where a site wants them, and hold nothing of a request."""

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.platform import telemetry
from api.platform.errors import SettingsError
from tests.support.api.running_desk import PASSWORD, running
from tests.support.http_service import HttpService, served

collected = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    """A site's collector: its address, and what it gets. FastAPI is asked to send it addresses and errors."""
    bodies: list[bytes] = []

    class Collector(HttpService):
        def respond(self) -> None:
            body = self.body()
            bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.answer(200)

    with served(Collector) as address:
        monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        yield address, bodies


def spans(bodies: list[bytes]) -> list[Any]:
    return [
        span
        for body in bodies
        for resource in collected.ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_trace_names_only_route(tmp_path: Path, collector: tuple[str, list[bytes]]) -> None:
    address, bodies = collector
    with (
        running(tmp_path, telemetry_endpoint=address) as desk,
        desk.lane() as lane,
        desk.officer() as officer,
    ):
        passage = lane.refer(images=[])
        traced = {"traceparent": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"}
        officer.ask("GET", f"/referrals/{passage}?name=ZHANG", headers=traced)
        with desk.desk.database.write() as session:
            session.connection().exec_driver_sql("ALTER TABLE referrals RENAME TO gone")
        assert officer.ask("GET", "/referrals").status_code == 500
        secrets = [passage, PASSWORD, lane.token, officer.http.cookies["passenger_lane_session"]]
    found = spans(bodies)
    assert {"POST /api/v1/session", "GET /api/v1/referrals/{passage}"} <= {span.name for span in found}
    assert {attribute.key for span in found for attribute in span.attributes} == {"http.response.status_code"}
    failed = [span for span in found if span.name == "GET /api/v1/referrals"]
    assert [span.status.code for span in failed] == [2]
    assert not any(span.events or span.status.message or span.parent_span_id for span in found)
    sent = b"".join(bodies)
    for secret in [*secrets, "ZHANG", "gone", officer.name, "0123456789abcdef"]:
        assert secret.encode() not in sent


def test_without_the_setting_nothing_is_sent(tmp_path: Path, collector: tuple[str, list[bytes]]) -> None:
    with running(tmp_path) as desk, desk.officer() as officer:
        officer.http.get("/queue")
    assert collector[1] == []


def test_missing_collector_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path, telemetry_endpoint="http://127.0.0.1:1") as desk, desk.officer() as officer:
        assert officer.http.get("/queue").status_code == 200


def test_setting_without_packages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match="extra `telemetry`"):
        telemetry.provider("http://127.0.0.1:4318")
