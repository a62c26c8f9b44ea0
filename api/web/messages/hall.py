"""The messages about the hall, and about how accurate officers are; nothing of a passenger."""

from collections import Counter
from datetime import datetime
from typing import Literal

from pydantic import Field

from api.lanes.evaluation.series import Report
from api.lanes.hall.lane_states import UNCOMMANDED, LaneStatus, OfficerAtWork
from api.lanes.hall.overview import Hall
from api.lanes.hall.status_report import Health, SetupReport, WantedState
from api.platform.database.tables import LaneCommandRow, LaneRequestRow, QualityAlarmRow
from api.platform.messages import StrictMessage
from api.review.accuracy_records import AccuracyRecord
from api.review.officer_accuracy import Outcome, PreparedDecision
from api.web.messages.evaluation import RateMessage
from api.web.translations.language import N_, Words
from lane.evaluation.intervals import Rate

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


def command_message(
    one: LaneCommandRow | None, request: LaneRequestRow | None = None, at: datetime | None = None
) -> LaneCommandMessage:
    """The last command to a lane, number 0 where there was none, and the request for one passenger."""
    uncaptured = None
    if request is not None and at is not None:
        left_s = (request.until - at).total_seconds()
        asked = {"request": request.number, "code": request.code, "by": request.by, "for_s": left_s}
        uncaptured = LaneRequestMessage.model_validate(asked)
    number, wanted, by = (one.number, one.wanted, one.by) if one else (0, UNCOMMANDED, None)
    fields = {"command": number, "wanted": wanted, "by": by, "uncaptured": uncaptured}
    return LaneCommandMessage.model_validate(fields)


def request_message(one: LaneRequestRow) -> RequestMessage:
    fields = {"lane": one.lane, "request": one.number, "wish": one.code, "by": one.by}
    return RequestMessage.model_validate(fields | {"until": one.until})


def hall_message(seen: Hall, report: Report) -> HallMessage:
    """The hall, and whether the comparison errs more than is expected."""
    return HallMessage(
        at=seen.at,
        lanes=[_lane(one, seen) for one in seen.lanes],
        queue=QueueMessage.model_validate(seen.waiting),
        staff=[_officer(one, seen) for one in seen.staff],
        points=[PointMessage.model_validate(one) for one in seen.points],
        faces=seen.faces,
        faces_warn=seen.faces >= seen.faces_warning,
        quality_alarms=seen.quality_alarms,
        alarms=sum(alarm.acknowledged_by is None for one in report.series for alarm in one.alarms),
    )


def quality_message(one: AccuracyRecord, words: Words, *, own: bool = False) -> QualityMessage:
    """The accuracy of an officer; alarms are for trainers only."""
    found = one.figures
    return QualityMessage(
        officer=one.officer,
        name=one.name,
        false_accepts=_share(found.false_accepts),
        false_rejects=_share(found.false_rejects),
        undecided=found.undecided,
        decisions=found.decisions,
        median_s=found.median_s,
        agreed_before=_share(found.agreed_before),
        agreed_after=_share(found.agreed_after),
        changed=_share(found.changed),
        alarms=[] if own else [_quality_alarm(alarm, words) for alarm in one.alarms],
    )


def training_message(known: list[PreparedDecision]) -> TrainedMessage:
    times = Counter(one.outcome for one in known)
    return TrainedMessage(
        cases=len(known),
        right=times[Outcome.RIGHT],
        false_accepts=times[Outcome.FALSE_ACCEPT],
        false_rejects=times[Outcome.FALSE_REJECT],
        undecided=times[Outcome.UNDECIDED],
    )


_ALARMS = {
    "fast": N_(
        "Of %(n)s decisions, %(found)s took less than two seconds from the claim. There can be many reasons; "
        "please talk about it."
    ),
    "agrees": N_(
        "%(found)s of %(n)s answers were those of the machine. There can be many reasons; "
        "please talk about it."
    ),
}


def _quality_alarm(alarm: QualityAlarmRow, words: Words) -> QualityAlarmMessage:
    text = words.say(_ALARMS[alarm.kind], found=f"{alarm.found:,}", n=f"{alarm.n:,}")
    return QualityAlarmMessage.model_validate(
        {"kind": alarm.kind, "raised_at": alarm.raised_at, "found": alarm.found, "n": alarm.n, "text": text}
    )


def _share(one: Rate) -> RateMessage:
    return RateMessage.model_validate(one.plain())


def _lane(one: LaneStatus, seen: Hall) -> LaneMessage:
    status = one.status
    silent = status is None or seen.is_silent(one)
    about = status.about if status else SetupReport()
    counts = status.camera.counts if status else None
    command = command_message(one.command)
    return LaneMessage(
        lane=one.lane,
        state="silent" if status is None or silent else status.state,
        since=min(status.since, seen.at) if status else None,
        waits_since=one.waits_since,
        heard_at=one.at,
        camera=status.camera.health if status and not silent else "unknown",
        frame_age_ms=status.camera.frame_age_ms if status else None,
        counts=CameraCountsMessage.model_validate(counts) if counts and not silent else None,
        provider=about.provider,
        matcher=about.matcher,
        policy=about.policy,
        version=about.version,
        outbox=status.outbox if status else 0,
        passages=status.passages if status else 0,
        command=command,
        obeyed=status is not None and status.obeyed == command.command,
        gate=list(status.gate) if status and not silent else [],
    )


def _officer(one: OfficerAtWork, seen: Hall) -> OfficerMessage:
    minutes = max(0, int((seen.at - one.since).total_seconds() // 60))
    return OfficerMessage(
        officer=one.officer,
        name=one.name,
        since=one.since,
        minutes=minutes,
        break_due_at=one.since + seen.stretch,
    )
