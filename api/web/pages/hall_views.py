"""The hall's page beside its message: words for each lane, what is not well there, and small plots."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from api.web.messages.hall import CameraCountsMessage, HallMessage, LaneMessage, PointMessage
from api.web.pages.render import duration
from api.web.translations.code_texts import brief
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
OCCUPIED = {"capturing", "referred", "open"}
CAMERAS = {"good": N_("good"), "stale": N_("slow"), "lost": N_("lost"), "unknown": N_("not known yet")}
_CAMERAS_UNWELL = {"stale": N_("Camera slow"), "lost": N_("Camera lost")}
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
class Plot:
    """Two hours of one number: the last whole ten minutes in words, all of them as bars."""

    title: str
    last: str
    most: str
    said: str
    columns: list[tuple[int, int, int]]
    """From left to right: x, y and height."""


def unwell(one: LaneMessage, hall: HallMessage, words: Words) -> Iterable[str]:
    """What is not as it should be at a lane, in few words."""
    if not one.obeyed and one.command.command > 0:
        yield words.say(_WANTED[one.command.wanted])
    if one.state == "silent":
        return
    if one.camera in _CAMERAS_UNWELL:
        yield words.say(_CAMERAS_UNWELL[one.camera])
    yield from _lossy(one.counts, words)
    yield from (words.say(_GATE[word]) if word in _GATE else brief(word, words) for word in one.gate)
    if one.state == "fault" and _ALARMS & set(one.gate[:1]):
        yield words.say(N_("Once the cause is gone: close the lane, then open it"))
    if one.provider != _usual(hall.lanes):
        yield words.say(N_("Runs on %(provider)s"), provider=short_provider(one.provider))
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


def short_provider(name: str) -> str:
    return " ".join(part.removesuffix("ExecutionProvider") for part in name.split()) or "?"


def _usual(lanes: Iterable[LaneMessage]) -> str:
    """The provider of most lanes: one that runs elsewhere has fallen back."""
    heard = Counter(one.provider for one in lanes if one.state != "silent")
    return heard.most_common(1)[0][0] if heard else ""


def plots(points: list[PointMessage], words: Words) -> Iterable[Plot]:
    yield _plot(N_("Passages in 10 minutes"), [one.passages for one in points], _whole, words)
    shares = [one.referred / one.passages if one.passages else None for one in points]
    yield _plot(N_("Sent to an officer"), shares, _percent, words)
    yield _plot(N_("Answered within (95 of 100)"), [one.p95_s for one in points], duration, words)


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
        columns=[
            (number * step + 1, PLOT_HEIGHT - height, height)
            for number, value in enumerate(values)
            if value is not None and (height := _height(value, most)) > 0
        ],
    )


def _height(value: float, most: float) -> int:
    return 0 if most <= 0 or value <= 0 else max(2, round(PLOT_HEIGHT * value / most))
