"""What the desk's description promises, a line for each promise, so that two of them can be compared.

`python -m tests.support.api.openapi_lines` writes the promises of this release anew.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.api import described_desk

PROMISED = Path(__file__).parents[2] / "api" / "web" / "messages" / "openapi_promised.txt"

Json = Mapping[str, Any]


def lines(openapi: Json) -> set[str]:
    """`GET /path`, `… gives 200`, `… gives 200 field: type`, `… takes field: type`, `… needs field`."""
    return {
        line
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
        for line in _of_operation(openapi, f"{method.upper()} {path}", operation)
    }


def broken(promised: Iterable[str], now: Iterable[str]) -> list[str]:
    """What a client of before can no longer rely on: what is gone, and what is asked for in addition."""
    before, after = set(promised), set(now)
    known = {line for line in before if len(line.split()) == 2}
    gone = [f"gone: {line}" for line in before - after if " needs " not in line]
    asked = [
        f"asked for in addition: {line}"
        for line in after - before
        if " needs " in line and " ".join(line.split()[:2]) in known
    ]
    return sorted(gone + asked)


def _of_operation(openapi: Json, name: str, operation: Json) -> Iterator[str]:
    yield name
    for one in operation.get("parameters", ()):
        yield f"{name} takes {one['in']} {one['name']}: {_kind(openapi, one['schema'])}"
        if one.get("required"):
            yield f"{name} needs {one['in']} {one['name']}"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        for field, kind, required in _fields(openapi, content["schema"]):
            yield f"{name} takes {media} {field}: {kind}"
            if required:
                yield f"{name} needs {media} {field}"
    for status, answer in operation["responses"].items():
        yield f"{name} gives {status}"
        # What a refusal looks like is one message for all: `test_openapi` holds it.
        for media, content in answer.get("content", {}).items() if int(status) < 400 else ():
            for field, kind, _ in _fields(openapi, content.get("schema", {})):
                yield f"{name} gives {status} {media} {field}: {kind}"


def _fields(openapi: Json, schema: Json, at: str = "", depth: int = 0) -> Iterator[tuple[str, str, bool]]:
    """Each field with its kind, and whether it must be there."""
    schema = _resolved(openapi, schema)
    for one in schema.get("anyOf", ()):
        yield from _fields(openapi, one, at, depth)
    if "items" in schema:
        yield from _fields(openapi, schema["items"], f"{at}[]", depth)
    if depth > _DEEPEST:
        return
    for name, value in schema.get("properties", {}).items():
        field = f"{at}.{name}" if at else name
        yield field, _kind(openapi, value), name in schema.get("required", ())
        yield from _fields(openapi, value, field, depth + 1)


_DEEPEST = 6


def _kind(openapi: Json, schema: Json) -> str:
    schema = _resolved(openapi, schema)
    if "anyOf" in schema:
        return " or ".join(sorted({_kind(openapi, one) for one in schema["anyOf"]}))
    return str(schema.get("type", "anything"))


def _resolved(openapi: Json, schema: Json) -> Json:
    while "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def now() -> set[str]:
    """What this desk promises."""
    return lines(described_desk.openapi())


if __name__ == "__main__":
    PROMISED.write_text("\n".join(sorted(now())) + "\n", encoding="utf-8")
