"""The page's files, and the page itself in the lane's languages. No picture of anybody is in them."""

import hashlib
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from lane.capture.guidance import Instruction
from lane.kiosk.sentences import BUTTONS, CHOICES, SENTENCES, TAGS, TITLE, LocalizedText
from lane.kiosk.settings import Language
from lane.kiosk.traveller_requests import Button

MEDIA = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


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
