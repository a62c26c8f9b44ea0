"""A lane's settings, read once; defaults weigh least, then a TOML file, then PASSENGER_LANE_*."""

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from lane.courier import PICTURES_FOR_S
from lane.errors import SettingsError

PREFIX = "PASSENGER_LANE_"
_OF_OTHERS = ("PASSENGER_LANE_DESK_", "PASSENGER_LANE_CACHE", "PASSENGER_LANE_CATALOGUE")


class Settings(BaseModel):
    """What differs from lane to lane. Unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    lane: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "lane-1"
    """The lane's name, as the desk knows it."""
    journal: Path = Path("lane.sqlite")
    """The SQLite file with ledger and outbox: the lane's own, on a disk that survives a power cut."""
    desk: str = "http://127.0.0.1:8300"
    """The desk's address; https:// beyond this machine."""
    desk_authorities: Path | None = None
    """Certificates (PEM) that the desk's must come from, where the site makes its own. None: public ones."""
    token: SecretStr = SecretStr("")
    """What the lane shows to the desk: `python -m api lane add` prints it, once."""
    pictures_for_s: Annotated[float, Field(gt=0, le=30 * 86400)] = PICTURES_FOR_S
    """How long a referral's pictures may wait for a desk that is out of reach; then they are dropped."""
    policy: Path | None = None
    """The rules, as a TOML file; without it those that are shipped (`lane/policy.toml`)."""
    time_zone: str | None = None
    """Where the lane stands, such as Asia/Shanghai: documents expire by its calendar. None: the machine's."""
    provider_policy: Literal["cpu", "prefer", "require"] = "cpu"
    """cpu, or prefer or require for `provider`: under require a lane starts only if every node runs there."""
    provider: str = "CUDAExecutionProvider"
    """Where the networks run: cuda, tensorrt or openvino."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """How many threads the networks use; without it, as many as quota, affinity and cores give."""
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

    @model_validator(mode="after")
    def _sound(self) -> Self:
        parts = urlsplit(self.desk)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("desk: give the desk's address, such as https://desk.example")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("desk: faces and decisions travel here: use https:// beyond this machine")
        self.zone()
        return self

    def zone(self) -> ZoneInfo | None:
        """The lane's calendar, None for the machine's own."""
        return _zone(self.time_zone) if self.time_zone else None


def read(path: Path | None = None, **given: Any) -> Settings:
    """The settings; what is `given` weighs most. Raises SettingsError that says what is wrong, no secret."""
    try:
        file = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
        return Settings(**(file | _environment() | given))
    except OSError as error:
        raise SettingsError(f"settings {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings {path} are not TOML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise SettingsError(f"settings (a file's, or {PREFIX}… in the environment): {wrong}") from None


def _environment() -> dict[str, str]:
    """PASSENGER_LANE_TOKEN and its like; a name that is no setting is an error later, not ignored."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in ours.items()
        if not name.startswith(_OF_OTHERS)
    }


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"time_zone: {name} is not known on this machine") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
