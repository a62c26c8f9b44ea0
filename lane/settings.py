"""A lane's settings, read once; defaults weigh least, then a TOML file, then PASSENGER_LANE_*.

What is wrong is told with its file, line and key, or with its variable, before anything opens.
"""

import difflib
import ipaddress
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails

from lane.cameras.settings import CameraSettings
from lane.desk.outbox import PICTURES_FOR_S
from lane.document.settings import DocumentSettings
from lane.gate.settings import GateSettings
from lane.kiosk.settings import KioskSettings
from lane.platform import setting_keys
from lane.platform.errors import SettingsError
from lane.platform.toml_positions import Where, lines

PREFIX = "PASSENGER_LANE_"
_OF_OTHERS = tuple(f"{PREFIX}{name}" for name in ("DESK_", "CACHE", "CATALOGUE", "RECORDING_KEY"))
_DESK_SECTION = f"{PREFIX}DESK__"
"""The lane's own `[desk]`; PASSENGER_LANE_DESK_… with one line under it is the desk's."""


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class DeskSettings(_Section):
    """Where officers are."""

    address: str = "http://127.0.0.1:8300"
    """The desk's address; https:// beyond this machine."""
    authorities: Path | None = None
    """Certificates (PEM) that the desk's must come from, where the site makes its own. None: public ones."""
    token: SecretStr = SecretStr("")
    """What the lane shows to the desk: `python -m api lane add` prints it, once."""

    @field_validator("address")
    @classmethod
    def _sound(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("give the desk's address, such as https://desk.example")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("faces and decisions travel here: use https:// beyond this machine")
        return address


class EngineSettings(_Section):
    """Where the networks run."""

    provider_policy: Literal["cpu", "prefer", "require"] = "cpu"
    """cpu, or prefer or require for `provider`: under require a lane starts only if every node runs there."""
    provider: str = "CUDAExecutionProvider"
    """Where the networks run: cuda, tensorrt or openvino."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """How many threads the networks use; without it, as many as quota, affinity and cores give."""
    bf16: Literal["never", "prefer", "require"] = "never"
    """Whether the matcher alone computes in bfloat16, on openvino, wherever the others run.

    It needs the extra openvino (openvino-built-in on AMD's processors), a processor with bfloat16 of its own
    (`python -m models doctor` tells) and a calibration that was measured so. Under require a lane starts only
    if all of that is there; under prefer it runs in fp32 else, with the calibration of that.
    """


class EvaluationSettings(_Section):
    """What watches the matcher in service."""

    cohort_size: Annotated[int, Field(ge=0, le=1000)] = 100
    """With so many others' references each passenger is compared, to watch the matcher. 0: with none."""
    cohort_lifetime_s: Annotated[float, Field(gt=0, le=86400)] = 1800.0
    """How long such a reference is held, in memory, as an embedding."""
    cohort_groups: frozenset[Annotated[str, Field(pattern="^[A-Z]{1,3}$")]] = frozenset()
    """Nationalities that are counted by themselves, such as ["CHN", "JPN"]; as shipped, none is looked at.

    The ledger then names the nationality of these passengers beside their passage: name only such as many
    passengers have, so that none of them is told by it.
    """

    shadow_matcher: str | None = None
    """A matcher of the catalogue that compares beside the one that decides, such as dlib-resnet-29."""
    shadow_threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    """From which similarity it says "match", where the policy names no calibration of it.

    Without either, its similarity is recorded, and whether it agrees is not.
    """


class RetentionSettings(_Section):
    """How long what shows a face may stay at the lane."""

    pictures_for_s: Annotated[float, Field(gt=0, le=30 * 86400)] = PICTURES_FOR_S
    """How long a referral's pictures may wait for a desk that is out of reach; then they are dropped.

    Those that the desk has taken are erased at once.
    """
    recordings_for_days: Annotated[float, Field(gt=0, le=366)] = 30.0
    """How long what `python -m lane record` wrote stays, wherever it went; then `run` erases it."""


class Settings(_Section):
    """What differs from lane to lane. Unknown keys are refused."""

    lane: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "lane-1"
    """The lane's name, as the desk knows it."""
    journal: Path = Path("lane.sqlite")
    """The SQLite file with ledger and outbox: the lane's own, on a disk that survives a power cut."""
    policy: Path | None = None
    """The rules, as a TOML file; without it those that are shipped (`lane/decision/policy.toml`)."""
    calibrations: Path | None = None
    """A folder with the calibrations that the policy names; without it, the policy's own folder."""
    time_zone: str | None = None
    """Where the lane stands, such as Asia/Shanghai: documents expire by its calendar. None: the machine's."""
    camera: CameraSettings = CameraSettings()
    document: DocumentSettings = DocumentSettings()
    gate: GateSettings = GateSettings()
    kiosk: KioskSettings = KioskSettings()
    desk: DeskSettings = DeskSettings()
    engine: EngineSettings = EngineSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    retention: RetentionSettings = RetentionSettings()

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name:
            _zone(name)
        return name

    def zone(self) -> ZoneInfo | None:
        """The lane's calendar, None for the machine's own."""
        return _zone(self.time_zone) if self.time_zone else None


@dataclass(frozen=True, slots=True)
class _Source:
    """One layer of settings, and how a key of it is told to people."""

    values: Mapping[str, Any]
    told: Mapping[Where, str]

    def says(self, where: Where) -> str | None:
        """Where this key, or else the closest table around it, was written; None where it was not."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.told:
                return self.told[where[:length]]
        return None


def read(path: Path | None = None, **given: Any) -> Settings:
    """The settings; what is `given` weighs most (`desk__token` for `[desk] token`).

    Raises SettingsError that says what is wrong and where, and no secret.
    """
    sources = (_file(path), _environment(), _nested(given, {}))
    merged: dict[str, Any] = {}
    for source in sources:
        _merge(merged, source.values)
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise SettingsError("\n".join(_told(one, sources) for one in error.errors())) from None


def _file(path: Path | None) -> _Source:
    if path is None:
        return _Source({}, {})
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"settings {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"settings {path} are not TOML: {error}") from error
    return _Source(values, {where: f"{path}, line {line}, " for where, line in lines(text).items()})


def _environment() -> _Source:
    """PASSENGER_LANE_DESK__TOKEN and its like; a name that is no setting is an error later, not ignored."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    mine = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in ours.items()
        if not name.startswith(_OF_OTHERS) or name.startswith(_DESK_SECTION)
    }
    names = {tuple(name.split("__")): f"{PREFIX}{name.upper()}: " for name in mine}
    return _nested({name: _listed(value) for name, value in mine.items()}, names)


def _listed(value: str) -> Any:
    """A list or a table in a variable is written as JSON has it."""
    if value.startswith(("[", "{")):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _nested(flat: Mapping[str, Any], told: Mapping[Where, str]) -> _Source:
    values: dict[str, Any] = {}
    for name, value in flat.items():
        *tables, key = name.split("__")
        nested: dict[str, Any] = {key: value}
        for table in reversed(tables):
            nested = {table: nested}
        _merge(values, nested)
    return _Source(values, told)


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping):
            below = into.get(key)
            into[key] = dict(below) if isinstance(below, Mapping) else {}
            _merge(into[key], value)
        else:
            into[key] = value


def _told(error: ErrorDetails, sources: tuple[_Source, ...]) -> str:
    """Where it stands, which key it is, and what is wrong or what to do."""
    where = tuple(str(part) for part in error["loc"])
    places = (source.says(where) for source in reversed(sources))
    place = next((one for one in places if one), "settings: ")
    return f"{place}{'.'.join(where)}: {_what(error, where)}"


def _what(error: ErrorDetails, where: Where) -> str:
    name = ".".join(where)
    if error["type"] == "extra_forbidden":
        near = _by_last_word(where) or difflib.get_close_matches(name, _known_names(), 1)
        return "there is no such setting" + (f"; did you mean {near[0]}?" if near else "")
    if error["type"] in ("model_type", "model_attributes_type"):
        first = next(known for known in _known_names() if known.startswith(f"{name}."))
        return f"is a section: {_how(first)}, and so on"
    return error["msg"].removeprefix("Value error, ")


def _by_last_word(where: Where) -> list[str]:
    """A key that was written into another section than its own."""
    return [known for known in _known_names() if known.rpartition(".")[2] == where[-1]]


def _how(name: str) -> str:
    section, _, key = name.partition(".")
    return f"write {key} under [{section}], or {PREFIX}{section.upper()}__{key.upper()}"


def _known_names() -> Iterator[str]:
    return (key.name for key in setting_keys.keys(Settings, PREFIX))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name} is not known on this machine") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
