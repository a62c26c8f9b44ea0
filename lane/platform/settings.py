"""Reads and lists settings: defaults weigh least, then a TOML file, the environment, what is given.

What is wrong is reported with its file, line and key, or with its variable, before anything opens.
"""

import difflib
import json
import os
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource, SettingsConfigDict

from lane.platform.errors import SettingsError
from lane.platform.toml_positions import Where, lines, nearest

_WIDTH = 100


class ProgramSettings(BaseSettings):
    """The settings of a whole program."""

    model_config = SettingsConfigDict(
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


S = TypeVar("S", bound=ProgramSettings)


class _Environment(EnvSettingsSource):
    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Lists and tables are written as JSON. What is no JSON stays text, and is found wrong later."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def read_settings(
    settings: type[S],
    path: Path | None,
    given: Mapping[str, Any],
    is_another_programs: Callable[[str], bool],
) -> S:
    """The settings; a section is put together from all of these.

    Raises SettingsError that says what is wrong and where, and no secret. A variable with the settings'
    prefix that is no setting is an error too, unless it is another program's.
    """
    prefix = settings.model_config["env_prefix"]
    values, lines_of_file = _file(path)
    variables = {
        tuple(name.removeprefix(prefix).lower().split("__")): f"{name}: "
        for name in os.environ
        if name.startswith(prefix) and not is_another_programs(name)
    }
    unknown = {where[0]: None for where in variables if where[0] not in settings.model_fields}
    sources = (
        InitSettingsSource(settings, dict(given)),
        _Environment(settings),
        InitSettingsSource(settings, values | unknown),
    )
    try:
        return settings(_build_sources=(sources, {}))  # type: ignore[call-arg]  # the plugin omits it
    except ValidationError as error:
        places = variables, lines_of_file
        raise SettingsError("\n".join(_fault(one, settings, places) for one in error.errors())) from None


def _file(path: Path | None) -> tuple[dict[str, Any], dict[Where, str]]:
    """What the file says, and where it says it."""
    if path is None:
        return {}, {}
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"settings {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"settings {path} are not TOML: {error}") from error
    return values, {where: f"{path}, line {line}, " for where, line in lines(text).items()}


def _fault(error: ErrorDetails, settings: type[BaseSettings], places: Iterable[Mapping[Where, str]]) -> str:
    """Where it stands, which key it is, and what is wrong or what to do."""
    where = tuple(str(part) for part in error["loc"])
    place = next((found for one in places if (found := nearest(one, where))), "settings: ")
    name = f"{'.'.join(where)}: " if where else ""
    return f"{place}{name}{_what(error, where, settings)}"


def _what(error: ErrorDetails, where: Where, settings: type[BaseSettings]) -> str:
    name, prefix = ".".join(where), settings.model_config["env_prefix"]
    known = [one.key for one in keys(settings, prefix)]
    if error["type"] == "extra_forbidden":
        beside = [key for key in known if key.rpartition(".")[0] == ".".join(where[:-1])]
        elsewhere = [key for key in known if key.rpartition(".")[2] == where[-1]]
        near = elsewhere or difflib.get_close_matches(name, known, 1)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"there are {', '.join(sorted(key.rpartition('.')[2] for key in beside))}"
        )
        return f"there is no such setting; {hint}"
    if error["type"] in ("model_type", "model_attributes_type"):
        section, _, key = next(one for one in known if one.startswith(f"{name}.")).partition(".")
        variable = f"{prefix}{section.upper()}__{key.upper()}"
        return f"is a section: write {key} under [{section}], or {variable}, and so on"
    return error["msg"].removeprefix("Value error, ")


@dataclass(frozen=True, slots=True)
class Key:
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
            meaning = " ".join((field.description or "").split())
            yield Key(name, f"{prefix}{name.upper()}", _default(field), meaning)


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if value is None or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return ""
    if isinstance(value, SecretStr):
        raise TypeError("a secret has no default")
    if isinstance(value, frozenset | set):
        return json.dumps(sorted(value))
    return json.dumps(value if isinstance(value, bool | int | float | dict | tuple | list) else str(value))


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
