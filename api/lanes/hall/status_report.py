"""The status report of a lane."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from api.platform.messages import LaneInput

LaneName = Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Za-z0-9._-]+$")]
Short = Annotated[str, Field(max_length=128)]
Number = Annotated[int, Field(ge=0, le=2**53)]
WantedState = Literal["open", "closed", "stopped"]
State = Literal["waiting", "capturing", "referred", "open", "closed", "stopped", "fault"]
Health = Literal["good", "stale", "lost", "unknown"]


class CameraCounts(LaneInput):
    """The pictures of a camera within the last ten minutes."""

    frames: Number = 0
    spoilt: Number = 0
    skipped: Number = 0
    reconnects: Number = 0


class CameraReport(LaneInput):
    """The camera, by the last capture."""

    health: Health = "unknown"
    frame_age_ms: Number | None = None
    counts: CameraCounts | None = Field(default=None, description="Null from a lane that does not count.")


class SetupReport(LaneInput):
    """The parts of a report that stay the same while a lane runs."""

    version: Short = ""
    provider: Short = ""
    matcher: Short = ""
    policy: Short = ""


class StatusReport(LaneInput):
    """The status of a lane."""

    state: State
    since: AwareDatetime
    camera: CameraReport = CameraReport()
    about: SetupReport = SetupReport()
    outbox: Number = 0
    passages: Number = 0
    obeyed: Number = 0
    asked: Number = Field(default=0, description="The number of the last request that the lane has taken up.")
    gate: Annotated[tuple[Short, ...], Field(max_length=16)] = ()
