"""The desk's description is complete: names, summaries, and every error that can come."""

import json
import re
from typing import Any

import pytest

from api.platform.errors import ANSWERS, ApiError
from tests.support.api import described_desk

OPENAPI: dict[str, Any] = described_desk.openapi()
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_what_it_does(path: str, method: str, operation: dict[str, Any]) -> None:
    assert path.startswith("/api/v1/")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"])
    assert operation["summary"]
    assert operation["description"].rstrip().endswith(".")
    assert len(operation["tags"]) == 1
    assert all(parameter["schema"] for parameter in operation.get("parameters", ()))


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_names_its_errors(path: str, method: str, operation: dict[str, Any]) -> None:
    errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
    assert {"422", "500", "503"} <= set(errors)
    for answer in errors.values():
        schema = answer["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
        assert answer["description"].startswith("code: ")
    if operation.get("security"):
        assert "401" in errors
    if any("csrf" in rule for rule in operation.get("security", ())):
        assert "403" in errors


def test_lane_is_told_delivery_form() -> None:
    body = OPENAPI["paths"]["/api/v1/entries"]["post"]["requestBody"]
    entries = body["content"]["application/json"]["schema"]["properties"]["entries"]
    assert entries["maxItems"] == 100
    assert set(entries["items"]["required"]) == {"payload", "hash"}


def test_operations_have_names_of_their_own() -> None:
    names = [parameter.values[2]["operationId"] for parameter in OPERATIONS]  # type: ignore[index]
    assert len(set(names)) == len(names)


def test_every_error_answer_is_described() -> None:
    text = json.dumps(OPENAPI)
    assert [code for _, code in ANSWERS.values() if code not in text] == []


def test_codes_unique_and_errors_ours() -> None:
    codes = [code for _, code in ANSWERS.values()]
    assert len(set(codes)) == len(codes)
    assert all(issubclass(error, ApiError) for error in ANSWERS)


def test_officer_answers_hold_no_score() -> None:
    for name in ("ReferralSummary", "ReferralDetail", "ReasonMessage", "ImageMessage"):
        fields = set(OPENAPI["components"]["schemas"][name]["properties"])
        assert not fields & {"similarity", "score", "liveness", "threshold", "quality"}


def test_comparison_rate_described_for_display() -> None:
    schemas = OPENAPI["components"]["schemas"]
    assert "must not lead the eye" in schemas["ReferralDetail"]["properties"]["revealed"]["description"]
    described = schemas["AchievedFmr"]["properties"]["value"]["description"]
    assert "worst group" in described
    assert "no probability" in described
