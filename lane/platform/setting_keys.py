"""The settings of a process as text: each key with its default, its variable in the environment, and what
it means."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Key:
    """One setting."""

    key: str
    environment: str
    default: str
    """As TOML has it; empty: not set."""
    meaning: str


def keys(settings: type[BaseModel], prefix: str) -> Iterator[Key]:
    """Every setting, in the order of the class; of a part in parts, `part.key` and `PART__KEY`."""
    for name, field in settings.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            for one in keys(part, f"{prefix}{name.upper()}__"):
                yield replace(one, key=f"{name}.{one.key}")
        else:
            yield Key(name, f"{prefix}{name.upper()}", _default(field), _meaning(field))


def listing(settings: type[BaseModel], prefix: str, *, as_json: bool) -> str:
    """For machines, or for people: as a file would set it, then the variable, then what it means."""
    found = list(keys(settings, prefix))
    if as_json:
        return json.dumps([asdict(one) for one in found], indent=2)
    return "\n".join(
        f"{one.key} = {one.default or '(not set)'}\n    {one.environment}\n"
        f"{textwrap.fill(one.meaning, _WIDTH, initial_indent='    ', subsequent_indent='    ')}\n"
        for one in found
    )


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if value is None or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return ""
    if isinstance(value, SecretStr):
        raise TypeError("a secret has no default")
    if isinstance(value, frozenset | set):
        return json.dumps(sorted(value))
    if isinstance(value, tuple | list):
        return json.dumps(value)
    return json.dumps(value if isinstance(value, bool | int | float | dict) else str(value))
