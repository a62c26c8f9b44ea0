"""What a client relies on stays: the description is compared with the one that was promised."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.support.api import described_desk
from tests.support.api.openapi_lines import PROMISED, broken, lines, now

ADVICE = (
    "a lane or a program that was written for this release would no longer work. Keep the old beside the "
    "new; or, where that cannot be, say in CHANGELOG.md what breaks, and write the promises anew with "
    "`python -m tests.support.api.openapi_lines`"
)
OPENAPI: dict[str, Any] = described_desk.openapi()
SESSION = "/api/v1/session"


def promised() -> list[str]:
    return PROMISED.read_text(encoding="utf-8").splitlines()


def test_no_promise_removed_no_demand_added() -> None:
    found = broken(promised(), now())
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
