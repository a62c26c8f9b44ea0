"""The desk's description is complete, and keeps what it promised to clients.

Names, summaries and every error that can come are in it, and nobody has to guess what a field means.
"""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from api.platform.errors import ANSWERS, ApiError
from api.web.messages.glossary import WORDS, _places
from tests.support.api import described_desk
from tests.support.api.openapi_lines import PROMISED, broken, lines, now

OPENAPI: dict[str, Any] = described_desk.openapi()
SESSION = "/api/v1/session"
PLACES = list(_places(OPENAPI))
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert path.startswith("/api/v1/")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"])
    assert operation["summary"]
    assert operation["description"].rstrip().endswith(".")
    assert len(operation["tags"]) == 1
    assert all(parameter["schema"] for parameter in operation.get("parameters", ()))
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


def test_every_field_and_parameter_is_explained() -> None:
    assert sorted(words[0] for told, words in PLACES if not told.get("description")) == []
    assert sorted(WORDS.keys() - {word for _, words in PLACES for word in words}) == [], "an unused word"
    assert [word for word, meaning in WORDS.items() if not meaning.endswith(".")] == [], "no sentence"


def test_lane_is_told_delivery_form() -> None:
    body = OPENAPI["paths"]["/api/v1/entries"]["post"]["requestBody"]
    entries = body["content"]["application/json"]["schema"]["properties"]["entries"]
    assert entries["maxItems"] == 100
    assert set(entries["items"]["required"]) == {"payload", "hash"}


def test_operations_and_codes_have_names_of_their_own() -> None:
    names = [parameter.values[2]["operationId"] for parameter in OPERATIONS]  # type: ignore[index]
    assert len(set(names)) == len(names)
    text, codes = json.dumps(OPENAPI), [code for _, code in ANSWERS.values()]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if code not in text] == [], "each is described"
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


ADVICE = (
    "a lane or a program that was written for this release would no longer work. Keep the old beside the "
    "new; or, where that cannot be, say in CHANGELOG.md what breaks, and write the promises anew with "
    "`python -m tests.support.api.openapi_lines`"
)


def test_no_promise_removed_no_demand_added() -> None:
    found = broken(PROMISED.read_text(encoding="utf-8").splitlines(), now())
    assert not found, "\n  ".join([f"{ADVICE}:", *found])


def fields(api: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api["components"]["schemas"]["SignedIn"]["properties"]
    return found


def credentials(api: dict[str, Any]) -> dict[str, Any]:
    body = api["paths"][SESSION]["post"]["requestBody"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = api["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    return found


CSRF_GONE = f"gone: POST {SESSION} gives 200 application/json csrf_token: string"
ASKED = {"in": "query", "name": "site", "required": True, "schema": {"type": "string"}}
CHANGES: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    (f"gone: POST {SESSION}", lambda api: api["paths"].pop(SESSION)),
    (f"gone: POST {SESSION} gives 429", lambda api: api["paths"][SESSION]["post"]["responses"].pop("429")),
    (CSRF_GONE, lambda api: fields(api).pop("csrf_token")),
    (CSRF_GONE, lambda api: fields(api)["csrf_token"].update(type="integer")),
    (
        f"asked for in addition: POST {SESSION} needs application/json badge",
        lambda api: (
            credentials(api)["properties"].update(badge={"type": "string"}),
            credentials(api)["required"].append("badge"),
        ),
    ),
    (
        f"asked for in addition: GET {SESSION} needs query site",
        lambda api: api["paths"][SESSION]["get"].setdefault("parameters", []).append(ASKED),
    ),
]


@pytest.mark.parametrize(("said", "change"), CHANGES)
def test_breaking_change_is_found_and_named(said: str, change: Callable[[dict[str, Any]], object]) -> None:
    changed = deepcopy(OPENAPI)
    change(changed)
    assert said in broken(lines(OPENAPI), lines(changed))


def test_what_is_added_breaks_nobody() -> None:
    added = deepcopy(OPENAPI)
    added["paths"]["/api/v1/new"] = deepcopy(added["paths"][SESSION])
    added["components"]["schemas"]["SignedIn"]["properties"]["more"] = {"type": "string"}
    assert broken(lines(OPENAPI), lines(added)) == []
