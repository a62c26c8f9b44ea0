"""The hall's values to what lanes and supervisors get over the wire."""

from api.desk import Report
from api.hall import (
    CommandHeard,
    HallMessage,
    LaneMessage,
    OfficerMessage,
    PointMessage,
    QueueMessage,
    StatusTold,
)
from api.store.hall import AtWork, Command, Heard
from api.watching import Hall


def command(one: Command) -> CommandHeard:
    """What is wanted of a lane."""
    return CommandHeard(command=one.number, wanted=one.wanted, by=one.by)


def hall(seen: Hall, report: Report) -> HallMessage:
    """The hall, and whether the comparison errs more than is expected."""
    waiting = seen.waiting
    return HallMessage(
        at=seen.at,
        lanes=[_lane(one, seen) for one in seen.lanes],
        queue=QueueMessage(
            waiting=waiting.waiting,
            longest_s=waiting.longest_s,
            escalated=waiting.escalated,
            second=waiting.second,
        ),
        staff=[_officer(one, seen) for one in seen.staff],
        points=[
            PointMessage(at=one.at, passages=one.passages, referred=one.referred, p95_s=one.p95_s)
            for one in seen.points
        ],
        alarms=sum(alarm.acknowledged_by is None for one in report.series for alarm in one.alarms),
    )


def _lane(one: Heard, seen: Hall) -> LaneMessage:
    told = one.told
    silent = told is None or seen.is_silent(one)
    about = (told or _NOTHING).about
    return LaneMessage(
        lane=one.lane,
        state="silent" if told is None or silent else told.state,
        since=min(told.since, seen.at) if told else None,
        waits_since=one.waits_since,
        heard_at=one.at,
        camera=told.camera.health if told and not silent else "unknown",
        frame_age_ms=told.camera.frame_age_ms if told else None,
        provider=about.provider,
        matcher=about.matcher,
        policy=about.policy,
        version=about.version,
        outbox=told.outbox if told else 0,
        passages=told.passages if told else 0,
        command=command(one.command),
        obeyed=told is not None and told.obeyed == one.command.number,
    )


_NOTHING = StatusTold.model_validate({"state": "fault", "since": "2000-01-01T00:00:00Z"})


def _officer(one: AtWork, seen: Hall) -> OfficerMessage:
    minutes = max(0, int((seen.at - one.since).total_seconds() // 60))
    return OfficerMessage(
        officer=one.officer,
        name=one.name,
        since=one.since,
        minutes=minutes,
        break_due_at=one.since + seen.stretch,
    )
