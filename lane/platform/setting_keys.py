"""The settings of a process as text: each key with its default, its variable in the environment, and what
it means."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Key:
    """One setting."""

    name: str
    variable: str
    default: str
    """As TOML has it; empty: not set."""
    meaning: str

    def to_json(self) -> dict[str, str]:
        """For machines."""
        return {
            "key": self.name,
            "environment": self.variable,
            "default": self.default,
            "meaning": self.meaning,
        }


def keys(settings: type[BaseModel], prefix: str) -> Iterator[Key]:
    """Every setting, in the order of the class; of a part in parts, `part.key` and `PART__KEY`."""
    for name, field in settings.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            for key in keys(part, f"{prefix}{name.upper()}__"):
                yield Key(f"{name}.{key.name}", key.variable, key.default, key.meaning)
        else:
            yield Key(name, f"{prefix}{name.upper()}", _default(field), _meaning(field))


def as_text(found: list[Key]) -> str:
    """For people: as a file would set it, then the variable, then what it means."""
    return "\n".join(
        f"{key.name} = {key.default or '(not set)'}\n    {key.variable}\n{_indented(key.meaning)}"
        for key in found
    )


def _indented(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="    ", subsequent_indent="    ") + "\n"


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
