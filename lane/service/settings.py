"""A lane's settings, read once: defaults weigh least, then a TOML file, then PASSENGER_LANE_*."""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from lane.cameras.settings import CameraSettings
from lane.desk.outbox import PICTURES_FOR_S
from lane.document.settings import DocumentSettings
from lane.gate.settings import GateSettings
from lane.kiosk.settings import KioskSettings
from lane.platform.settings import ProgramSettings, read_settings
from lane.platform.settings_section import Section, is_loopback

PREFIX = "PASSENGER_LANE_"
_OF_OTHERS = tuple(f"{PREFIX}{name}" for name in ("DESK_", "CACHE", "CATALOGUE", "RECORDING_KEY"))
_DESK_SECTION = f"{PREFIX}DESK__"
"""The lane's own `[desk]`; PASSENGER_LANE_DESK_… with one line under it is the desk's."""


class DeskSettings(Section):
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
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("faces and decisions travel here: use https:// beyond this machine")
        return address


class EngineSettings(Section):
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


class EvaluationSettings(Section):
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


class RetentionSettings(Section):
    """How long what shows a face may stay at the lane."""

    pictures_for_s: Annotated[float, Field(gt=0, le=30 * 86400)] = PICTURES_FOR_S
    """How long a referral's pictures may wait for a desk that is out of reach; then they are dropped.

    Those that the desk has taken are erased at once.
    """
    recordings_for_days: Annotated[float, Field(gt=0, le=366)] = 30.0
    """How long what `python -m lane record` wrote stays, wherever it went; then `run` erases it."""


class Settings(ProgramSettings):
    """What differs from lane to lane. Unknown keys are refused."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

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


def read(path: Path | None = None, **given: Any) -> Settings:
    """The settings; what is `given` weighs most. Raises SettingsError that says what is wrong and where."""
    return read_settings(Settings, path, given, _is_another_programs)


def _is_another_programs(name: str) -> bool:
    return name.startswith(_OF_OTHERS) and not name.startswith(_DESK_SECTION)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name} is not known on this machine") from error
