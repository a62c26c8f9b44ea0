"""What a client relies on stays: the description is compared with the one that was promised."""

from copy import deepcopy
from typing import Any

import pytest

from tests.support import described_desk
from tests.support.openapi_lines import PROMISED, broken, lines, now

ADVICE = (
    "a lane or a program that was written for this release would no longer work. Keep the old beside the "
    "new; or, where that cannot be, say in CHANGELOG.md what breaks, and write the promises anew with "
    "`python -m tests.support.openapi_lines`"
)
OPENAPI: dict[str, Any] = described_desk.openapi()
SESSION = "/api/v1/session"


def promised() -> list[str]:
    return PROMISED.read_text(encoding="utf-8").splitlines()


def test_no_promise_removed_no_demand_added() -> None:
    found = broken(promised(), now())
    assert not found, "\n  ".join([f"{ADVICE}:", *found])


def without_a_path(changed: dict[str, Any]) -> str:
    del changed["paths"][SESSION]
    return f"gone: POST {SESSION}"


def without_a_status(changed: dict[str, Any]) -> str:
    del changed["paths"][SESSION]["post"]["responses"]["429"]
    return f"gone: POST {SESSION} gives 429"


def without_a_field(changed: dict[str, Any]) -> str:
    del changed["components"]["schemas"]["SignedIn"]["properties"]["csrf_token"]
    return f"gone: POST {SESSION} gives 200 application/json csrf_token: string"


def with_another_kind(changed: dict[str, Any]) -> str:
    changed["components"]["schemas"]["SignedIn"]["properties"]["csrf_token"]["type"] = "integer"
    return f"gone: POST {SESSION} gives 200 application/json csrf_token: string"


def with_a_field_to_fill(changed: dict[str, Any]) -> str:
    body = changed["paths"][SESSION]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = changed["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    schema["properties"]["badge"] = {"type": "string"}
    schema["required"].append("badge")
    return f"asked for in addition: POST {SESSION} needs application/json badge"


def with_a_parameter_to_fill(changed: dict[str, Any]) -> str:
    asked = {"in": "query", "name": "site", "required": True, "schema": {"type": "string"}}
    changed["paths"][SESSION]["get"].setdefault("parameters", []).append(asked)
    return f"asked for in addition: GET {SESSION} needs query site"


@pytest.mark.parametrize(
    "change",
    [
        without_a_path,
        without_a_status,
        without_a_field,
        with_another_kind,
        with_a_field_to_fill,
        with_a_parameter_to_fill,
    ],
)
def test_breaking_change_is_found_and_named(change: Any) -> None:
    changed = deepcopy(OPENAPI)
    said = change(changed)
    assert said in broken(lines(OPENAPI), lines(changed))


def test_what_is_added_breaks_nobody() -> None:
    added = deepcopy(OPENAPI)
    added["paths"]["/api/v1/new"] = deepcopy(added["paths"][SESSION])
    added["components"]["schemas"]["SignedIn"]["properties"]["more"] = {"type": "string"}
    assert broken(lines(OPENAPI), lines(added)) == []
