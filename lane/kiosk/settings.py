"""The section `[kiosk]` of a lane's settings, and what the lane hands to the kiosk's process."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator

from lane.platform.settings_section import Section

Language: TypeAlias = Literal["zh", "en"]
Share = Annotated[float, Field(ge=0, le=1)]


class KioskSettings(Section):
    """The traveller's screen. Open its address in a browser on the lane's own machine, full screen."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8400
    """Of the page, on this machine alone (127.0.0.1); 0 takes a free one."""
    languages: tuple[Language, ...] = ("zh", "en")
    """In which a sentence stands on the page, the larger first."""
    picture: bool = True
    """Whether travellers see themselves while they are captured. Nothing of it is kept anywhere."""
    nice: Annotated[int, Field(ge=0, le=19)] = 10
    """How far the page steps back behind the lane where the processor is busy."""

    @field_validator("languages")
    @classmethod
    def _each_once(cls, languages: tuple[Language, ...]) -> tuple[Language, ...]:
        if not languages or len(set(languages)) != len(languages):
            raise ValueError("name at least one of zh and en, each once")
        return languages


class Setup(KioskSettings):
    """The first message to the kiosk's process."""

    feed: str | None = None
    """The camera's feed (`lane.cameras.shared_memory_feed`); without one the page shows no picture."""
    zone: tuple[Share, Share, Share, Share] = (0.0, 0.0, 1.0, 1.0)
    """Left, top, right and bottom of the capture zone, as shares of the frame."""
