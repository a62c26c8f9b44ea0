"""The hall as its page shows it: a word and a shape for each lane, and small plots."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.web.messages.hall import CameraCountsMessage, HallMessage, LaneMessage, PointMessage
from api.web.pages.review.case_views import clock_text
from api.web.translations.code_texts import brief_of
from api.web.translations.language import N_, Words
from lane.decision.reason_codes import BY_HAND

MANY = 24
"""From so many lanes on the tiles are smaller: a hundred of them fit on one screen."""
PLOT_WIDTH, PLOT_HEIGHT = 240, 48

STATES: dict[str, str] = {
    "waiting": N_("Ready"),
    "capturing": N_("Being checked"),
    "referred": N_("Waits for an officer"),
    "open": N_("Gate open"),
    "closed": N_("Closed"),
    "stopped": N_("Stopped"),
    "fault": N_("Out of order"),
    "silent": N_("Not heard"),
}
WISHES = {code: by_hand.wish for code, by_hand in BY_HAND.items() if by_hand.wish}
"""What an officer may request for a passenger."""
_OCCUPIED = {"capturing", "referred", "open"}
_CAMERAS = {"stale": N_("Camera slow"), "lost": N_("Camera lost")}
_SPOILT, _SKIPPED = N_("Camera: %(share)s of pictures spoilt"), N_("Camera: %(share)s of pictures skipped")
LOSSY = 0.02
"""From this share on, lost pictures are shown: a starting stream or a lost packet costs less."""
_GATE = {"fire": N_("Fire alarm"), "unreachable": N_("Gate out of reach")}
_ALARMS = {"fire", "L05"}
_WANTED = {
    "open": N_("Told to open, not heard yet"),
    "closed": N_("Told to close, not heard yet"),
    "stopped": N_("Told to stop, not heard yet"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One lane."""

    lane: str
    state: str
    text: str
    occupied: bool
    waits_since: datetime | None
    waited: str
    unwell: tuple[str, ...]
    message: LaneMessage


@dataclass(frozen=True, slots=True)
class Column:
    """One bar of a plot."""

    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Plot:
    """Two hours of one number: the last whole ten minutes in words, all of them as bars."""

    title: str
    last: str
    most: str
    said: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class StaffView:
    """An officer and the next break."""

    name: str
    minutes: str
    due_at: datetime
    overdue: bool


@dataclass(frozen=True, slots=True)
class HallPage:
    """The page."""

    at: datetime
    tiles: tuple[Tile, ...]
    many: bool
    waiting: int
    oldest_at: datetime | None
    longest: str
    escalated: int
    second: int
    unanswerable: int
    staff: tuple[StaffView, ...]
    rotation: StaffView | None
    plots: tuple[Plot, ...]
    alarms: int
    faces: str
    faces_warn: bool
    quality_alarms: int

    def clock(self, at: datetime) -> str:
        """A time of the day, for a browser that runs no script."""
        return at.strftime("%H:%M (UTC%z)")


def page(seen: HallMessage, words: Words) -> HallPage:
    """The hall as a page."""
    staff = tuple(_staff_view(one.name, one.minutes, one.break_due_at, seen.at) for one in seen.staff)
    queue = seen.queue
    oldest_at = None if queue.longest_s is None else seen.at - timedelta(seconds=queue.longest_s)
    return HallPage(
        at=seen.at,
        tiles=tuple(_tile(one, seen, words) for one in seen.lanes),
        many=len(seen.lanes) > MANY,
        waiting=queue.waiting,
        oldest_at=oldest_at,
        longest=clock_text(queue.longest_s or 0),
        escalated=queue.escalated,
        second=queue.second,
        unanswerable=queue.unanswerable,
        staff=staff,
        rotation=min(staff, key=lambda one: one.due_at, default=None),
        plots=tuple(_plots(seen.points, words)),
        alarms=seen.alarms,
        faces=f"{seen.faces:,}",
        faces_warn=seen.faces_warn,
        quality_alarms=seen.quality_alarms,
    )


def _tile(one: LaneMessage, seen: HallMessage, words: Words) -> Tile:
    waits = one.waits_since
    waited = clock_text(max(0, int((seen.at - waits).total_seconds()))) if waits else ""
    return Tile(
        lane=one.lane,
        state=one.state,
        text=words.say(STATES[one.state]),
        occupied=one.state in _OCCUPIED,
        waits_since=waits,
        waited=waited,
        unwell=tuple(_unwell(one, _usual(seen.lanes), words)),
        message=one,
    )


def _unwell(one: LaneMessage, usual: str, words: Words) -> Iterable[str]:
    """Short texts about what is not as it should be."""
    if not one.obeyed and one.command.command > 0:
        yield words.say(_WANTED[one.command.wanted])
    if one.state == "silent":
        return
    if one.camera in _CAMERAS:
        yield words.say(_CAMERAS[one.camera])
    yield from _lossy(one.counts, words)
    yield from (words.say(_GATE[word]) if word in _GATE else brief_of(word, words) for word in one.gate)
    if one.state == "fault" and _ALARMS & set(one.gate[:1]):
        yield words.say(N_("Once the cause is gone: close the lane, then open it"))
    if one.provider != usual:
        yield words.say(N_("Runs on %(provider)s"), provider=provider(one.provider))
    if one.outbox > 0:
        yield words.say(N_("%(number)s entries not delivered"), number=f"{one.outbox:,}")


def _lossy(counts: CameraCountsMessage | None, words: Words) -> Iterable[str]:
    """What a camera lost in the last ten minutes, from `LOSSY` on."""
    if counts is None:
        return
    if counts.reconnects:
        yield words.say(N_("Camera opened again: %(number)s×"), number=f"{counts.reconnects:,}")
    came = counts.frames + counts.spoilt + counts.skipped
    for lost, text in ((counts.spoilt, _SPOILT), (counts.skipped, _SKIPPED)):
        if came and lost / came >= LOSSY:
            yield words.say(text, share=f"{lost / came:.0%}")


def provider(name: str) -> str:
    """An execution provider's short name."""
    return " ".join(part.removesuffix("ExecutionProvider") for part in name.split()) or "?"


def _usual(lanes: Iterable[LaneMessage]) -> str:
    """The provider of most lanes: one that runs elsewhere has fallen back."""
    heard = Counter(one.provider for one in lanes if one.state != "silent")
    return heard.most_common(1)[0][0] if heard else ""


def _staff_view(name: str, minutes: int, due_at: datetime, now: datetime) -> StaffView:
    return StaffView(name, f"{minutes // 60}:{minutes % 60:02}", due_at, overdue=due_at <= now)


def _plots(points: list[PointMessage], words: Words) -> Iterable[Plot]:
    yield _plot(N_("Passages in 10 minutes"), [one.passages for one in points], _whole, words)
    shares = [one.referred / one.passages if one.passages else None for one in points]
    yield _plot(N_("Sent to an officer"), shares, _percent, words)
    yield _plot(
        N_("Answered within (95 of 100)"), [one.p95_s for one in points], lambda s: clock_text(int(s)), words
    )


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _plot(title: str, values: Sequence[float | None], form: Callable[[float], str], words: Words) -> Plot:
    known = [value for value in values if value is not None]
    most = max(known, default=0)
    last = values[-2]  # the last one is not over yet
    step = PLOT_WIDTH // len(values)
    said = ", ".join("–" if value is None else form(value) for value in values)
    return Plot(
        title=words.say(title),
        last="–" if last is None else form(last),
        most=form(most) if known else "–",
        said=said,
        columns=tuple(
            Column(number * step + 1, PLOT_HEIGHT - height, height)
            for number, value in enumerate(values)
            if value is not None and (height := _height(value, most)) > 0
        ),
    )


def _height(value: float, most: float) -> int:
    return 0 if most <= 0 or value <= 0 else max(2, round(PLOT_HEIGHT * value / most))
