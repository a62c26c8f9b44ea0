"""Makes the messages about the hall, for lanes and supervisors."""

from collections import Counter
from datetime import datetime

from api.lanes.evaluation.series import Report
from api.lanes.hall.lane_states import LaneStatus, OfficerAtWork
from api.lanes.hall.overview import Hall
from api.lanes.hall.status_report import SetupReport
from api.platform.database.tables import LaneCommandRow, LaneRequestRow, QualityAlarmRow
from api.review.accuracy_records import AccuracyRecord
from api.review.officer_accuracy import Outcome, PreparedDecision
from api.web.messages.evaluation import RateMessage
from api.web.messages.hall import (
    CameraCountsMessage,
    HallMessage,
    LaneCommandMessage,
    LaneMessage,
    LaneRequestMessage,
    OfficerMessage,
    PointMessage,
    QualityAlarmMessage,
    QualityMessage,
    QueueMessage,
    RequestMessage,
    TrainedMessage,
)
from api.web.translations.language import N_, Words
from lane.evaluation.intervals import Rate


def command(
    one: LaneCommandRow, request: LaneRequestRow | None = None, at: datetime | None = None
) -> LaneCommandMessage:
    """The last command to a lane, and the request for one passenger."""
    uncaptured = None
    if request is not None and at is not None:
        left_s = (request.until - at).total_seconds()
        fields = {"request": request.number, "code": request.code, "by": request.by, "for_s": left_s}
        uncaptured = LaneRequestMessage.model_validate(fields)
    fields = {"command": one.number, "wanted": one.wanted, "by": one.by, "uncaptured": uncaptured}
    return LaneCommandMessage.model_validate(fields)


def request(one: LaneRequestRow) -> RequestMessage:
    """A request to a lane."""
    fields = {"lane": one.lane, "request": one.number, "wish": one.code, "by": one.by}
    return RequestMessage.model_validate(fields | {"until": one.until})


def hall(seen: Hall, report: Report) -> HallMessage:
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


def quality(one: AccuracyRecord, words: Words, *, own: bool = False) -> QualityMessage:
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


def trained(known: list[PreparedDecision]) -> TrainedMessage:
    """The results of a training."""
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
        command=command(one.command),
        obeyed=status is not None and status.obeyed == one.command.number,
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
