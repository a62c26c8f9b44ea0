"""The page: its files in the lane's languages, without a picture of anybody, and what it shows now.

It shows the lane's last message; without a fresh one it asks to wait.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from lane.capture.guidance import Instruction
from lane.kiosk.sentences import BUTTONS, CHOICES, CONFIRMED, SENTENCES, TAGS, TITLE, LocalizedText
from lane.kiosk.settings import Language
from lane.kiosk.traveller_requests import OPEN_TO_REQUESTS, PICTURED, Button

MEDIA = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

SILENT_S = 1.0
"""A message older than this is not shown any more; the lane sends two a second."""
PROCEED_S = 30.0
"""No gate stays open so long for one passenger: a lane that still says so is stuck."""
LINGERS_S = 4.0
"""How long the notice of an officer stays, though the lane already waits for the next traveller."""
AFTER_OFFICER = frozenset({Instruction.PLEASE_WAIT, Instruction.WELCOME})


@cache
def text(name: str) -> str:
    return (files("lane.kiosk") / "page" / name).read_text(encoding="utf-8")


@cache
def release() -> str:
    """Another one where any file of the page is another: a page that is open then loads itself anew."""
    names = ("kiosk.html", "kiosk.css", "kiosk.js", "pictograms.svg")
    return hashlib.sha256("\0".join(map(text, names)).encode()).hexdigest()[:16]


def page(languages: tuple[Language, ...]) -> str:
    """HTML that shows *please wait* until its script hears from the lane."""
    return Template(text("kiosk.html")).substitute(
        language=TAGS[languages[0]],
        title=escape(" · ".join(words for _, words in TITLE.in_languages(languages))),
        pictograms=text("pictograms.svg"),
        wait=_lines(SENTENCES[Instruction.PLEASE_WAIT].in_languages(languages)),
        choices=escape(" · ".join(words for _, words in CHOICES.in_languages(languages))),
        buttons="\n".join(_button(wish, languages) for wish in BUTTONS),
    )


def _lines(sentence: LocalizedText) -> str:
    return "".join(
        f'<span lang="{tag}"><span class="clause">{escape(words)}</span></span>' for tag, words in sentence
    )


def _button(wish: Button, languages: tuple[Language, ...]) -> str:
    return (
        f'<button type="button" data-wish="{wish}" aria-pressed="false">'
        f'<svg aria-hidden="true" viewBox="0 0 96 96"><use href="#{wish}"/></svg>'
        f'<svg class="done" aria-hidden="true" viewBox="0 0 96 96"><use href="#check"/></svg>'
        f"<span>{_lines(BUTTONS[wish].in_languages(languages))}</span></button>"
    )


@dataclass(frozen=True, slots=True)
class View:
    instruction: Instruction
    progress: float = 0.0
    wishes: tuple[Button, ...] = ()

    @property
    def capturing(self) -> bool:
        """Whether a capture runs, in which travellers see themselves."""
        return self.instruction in PICTURED

    def to_json(self, languages: tuple[Language, ...]) -> dict[str, Any]:
        return {
            "instruction": self.instruction.value,
            "sentence": SENTENCES[self.instruction].in_languages(languages),
            "progress": round(self.progress, 3),
            "capturing": self.capturing,
            "open_to_wishes": self.instruction in OPEN_TO_REQUESTS,
            "wishes": [wish.value for wish in self.wishes],
            "confirmed": CONFIRMED.in_languages(languages) if self.wishes else [],
        }


WAIT = View(Instruction.PLEASE_WAIT)


class PageState:
    def __init__(self) -> None:
        self._view = WAIT
        self._since_s = self._heard_s = float("-inf")
        self._officer_until_s = float("-inf")

    def update(self, view: View, at_s: float) -> None:
        """Take in the lane's message, which came at this monotonic time."""
        if view.instruction is not self._view.instruction:
            self._since_s = at_s
            if self._view.instruction is Instruction.OFFICER:
                self._officer_until_s = at_s + LINGERS_S
        self._view, self._heard_s = view, at_s

    def silence_s(self, at_s: float) -> float:
        """Since the lane's last message."""
        return at_s - self._heard_s

    def now(self, at_s: float) -> View:
        instruction = self._view.instruction
        if not self.silence_s(at_s) <= SILENT_S:
            return WAIT
        if instruction is Instruction.PROCEED and at_s - self._since_s > PROCEED_S:
            return WAIT
        if instruction in AFTER_OFFICER and at_s < self._officer_until_s:
            return View(Instruction.OFFICER)
        return self._view
