"""A lane's settings, read once: TOML file first, then environment variables PASSENGER_LANE_*."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from lane.errors import SettingsError


class Settings(BaseSettings):
    """What differs from lane to lane. Unknown keys are refused."""

    model_config = SettingsConfigDict(env_prefix="PASSENGER_LANE_", extra="forbid", frozen=True)

    lane: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "lane-1"
    journal: Path = Path("lane.sqlite")
    desk: str = "http://127.0.0.1:8000"
    token: SecretStr = SecretStr("")
    policy: Path | None = None
    provider_policy: Literal["cpu", "prefer", "require"] = "cpu"
    provider: str = "CUDAExecutionProvider"
    threads: Annotated[int, Field(ge=1)] | None = None


def read(path: Path | None = None, **overrides: Any) -> Settings:
    """Settings from file and environment. Raises SettingsError that says what is wrong, no secret."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
        return Settings(**(given | overrides))
    except OSError as error:
        raise SettingsError(f"settings {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings {path} are not TOML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise SettingsError(f"settings: {wrong}") from error
