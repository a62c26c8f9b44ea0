"""The messages about the hall: lanes, waiting cases, officers at work; nothing of a passenger."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.lanes.hall.status_report import Health, WantedState
from api.platform.messages import StrictMessage
from api.web.messages.evaluation import RateMessage

# --- from a lane: a newer one may say more


Wish = Literal["P03", "P04", "P08"]


class LaneRequestMessage(StrictMessage):
    """An officer's request: the passenger who is captured now or else the next one goes to an officer."""

    request: int = Field(
        description="Counts the requests to this lane from 1; each is taken up once at most."
    )
    code: Wish = Field(description="P03 needs room, P04 needs help, P08 declines face recognition.")
    by: str = Field(description="The officer's pseudonym.")
    for_s: float = Field(description="For how long it is good, in seconds from when the lane asked.")


class OfficerRequest(StrictMessage):
    """What an officer asks for the next passenger of a lane."""

    wish: Wish = Field(description="P03 needs room, P04 needs help, P08 declines face recognition.")


class RequestMessage(StrictMessage):
    """What is asked of a lane for its next passenger."""

    lane: str
    request: int = Field(description="Counts the requests to this lane from 1.")
    wish: Wish = Field(description="P03 needs room, P04 needs help, P08 declines face recognition.")
    by: str = Field(description="The pseudonym of the officer who asked.")
    until: datetime = Field(description="A lane that does not take it up by then takes it up no more.")


class RequestList(StrictMessage):
    """What is asked of all lanes and not taken up yet."""

    requests: list[RequestMessage] = Field(description="In the order of the hall.")


class LaneCommandMessage(StrictMessage):
    """The last command to a lane, or `open` where there was none."""

    command: int = Field(description="Counts the commands to this lane from 1; 0 where there was none.")
    wanted: WantedState
    by: str | None = Field(description="The supervisor's pseudonym.")
    uncaptured: LaneRequestMessage | None = Field(
        description="What an officer asks for one passenger; null where nothing is asked."
    )


# --- for supervisors


class CommandRequest(StrictMessage):
    """What a supervisor wants of a lane. No command opens a gate: `open` lets the lane serve again."""

    command: Literal["open", "close", "stop"]


class CameraCountsMessage(StrictMessage):
    """What came from a camera within the last ten minutes."""

    frames: int
    spoilt: int
    skipped: int
    reconnects: int


class LaneMessage(StrictMessage):
    """One lane as it was last heard."""

    lane: str
    state: Literal["waiting", "capturing", "referred", "open", "closed", "stopped", "fault", "silent"] = (
        Field(description="`silent`: nothing was heard of it for a while, or ever.")
    )
    since: datetime | None
    waits_since: datetime | None = Field(description="The oldest passenger who waits here for an officer.")
    heard_at: datetime | None
    camera: Health
    frame_age_ms: int | None
    counts: CameraCountsMessage | None = Field(
        description="Null where the camera does not count, or the lane is silent."
    )
    provider: str
    matcher: str
    policy: str
    version: str
    outbox: int
    passages: int
    command: LaneCommandMessage
    obeyed: bool = Field(description="Whether the lane does as the last command says.")
    gate: list[str] = Field(
        description="`fire`, `unreachable`, or referral codes (L01 to L06): why the gate lets nobody be "
        "served, then what was seen there in the last minutes."
    )


class QueueMessage(StrictMessage):
    """Who waits for an officer."""

    waiting: int
    longest_s: int | None
    escalated: int
    second: int = Field(description="How many wait for a second officer.")
    unanswerable: int = Field(
        description="How many wait whom no one on a shift may answer: a duty that nobody has, or a third "
        "opinion when every supervisor has spoken."
    )


class OfficerMessage(StrictMessage):
    """Somebody at work."""

    officer: str
    name: str
    since: datetime
    minutes: int
    break_due_at: datetime


class PointMessage(StrictMessage):
    """Ten minutes."""

    at: datetime
    passages: int
    referred: int
    p95_s: float | None = Field(
        description="From the question to the officer's answer: 95 of 100 took no longer. Null without any."
    )


class HallMessage(StrictMessage):
    """The hall at one moment."""

    at: datetime
    lanes: list[LaneMessage]
    queue: QueueMessage
    staff: list[OfficerMessage]
    points: list[PointMessage] = Field(description="The last two hours, the oldest first.")
    faces: int = Field(description="Of so many passages the desk holds faces.")
    faces_warn: bool = Field(description="So many that somebody must know.")
    quality_alarms: int = Field(description="Alarms about how officers decide; see /quality.")
    alarms: int = Field(description="How many alarms of the comparison in service nobody looks into.")


class CommandsMessage(StrictMessage):
    """To how many lanes the command was new."""

    lanes: int


# --- officers' quality


class QualityAlarmMessage(StrictMessage):
    """A share that chance does not explain. It accuses nobody."""

    kind: Literal["fast", "agrees"]
    raised_at: datetime
    found: int
    n: int
    text: str


class QualityMessage(StrictMessage):
    """The accuracy of one officer over thirty days."""

    officer: str
    name: str
    false_accepts: RateMessage = Field(description="Of prepared cases of two people: those admitted.")
    false_rejects: RateMessage = Field(description="Of prepared cases of one person: taken for two.")
    undecided: int
    decisions: int
    median_s: float | None = Field(description="Median time from the claim to the decision.")
    agreed_before: RateMessage = Field(description="Agreement with the machine before the reveal.")
    agreed_after: RateMessage
    changed: RateMessage = Field(description="Answered otherwise than judged.")
    alarms: list[QualityAlarmMessage] = Field(description="Told to supervisors alone.")


class QualitiesMessage(StrictMessage):
    """The accuracy of each officer."""

    officers: list[QualityMessage]


class TrainedMessage(StrictMessage):
    """The results of a training."""

    cases: int
    right: int
    false_accepts: int
    false_rejects: int
    undecided: int
