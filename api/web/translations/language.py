"""English, and every language whose catalogue lies in `locales`: read once, at start.

A page's language is the officer's choice. A file TAG.po, whose header names the language in itself, is all
that another language needs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

from models.values.texts import N_ as N_

LOCALES = Path(__file__).with_name("locales")
COOKIE = "passenger_lane_language"
SOURCE = "en"
"""The language of the sources, which needs no catalogue."""

_NAME = re.compile(r'^"X-Language-Name: (.+?)\\n"$', re.MULTILINE)


def choices(folder: Path) -> dict[str, str]:
    """Language tag → its name in itself, for English and each catalogue of a folder.

    Raises ValueError for a catalogue that does not name its language.
    """
    return {SOURCE: "English"} | {file.stem: _own_name(file) for file in sorted(folder.glob("*.po"))}


def _own_name(file: Path) -> str:
    named = _NAME.search(file.read_text("utf-8"))
    if named is None:
        raise ValueError(f"{file.name}: the header needs X-Language-Name, the language's name in itself")
    return named[1]


CHOICES = choices(LOCALES)


@dataclass(frozen=True, slots=True)
class Words:
    tag: str
    texts: NullTranslations

    def say(self, text: str, /, **fields: object) -> str:
        said = self.texts.gettext(text)
        return said % fields if fields else said


@cache
def words(tag: str) -> Words:
    return Words(tag, NullTranslations() if tag == SOURCE else _read(tag))


def of_request(request: Request) -> Words:
    """The language just asked for, else the remembered one, else the browser's first that we speak."""
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if wish in CHOICES:
            return words(wish)
    return words(_first_spoken(request.headers.get("accept-language", "")))


def catalogue(tag: str) -> Path:
    return LOCALES / f"{tag}.po"


def _read(tag: str) -> Translations:
    with catalogue(tag).open("rb") as file:
        texts = read_po(file, locale=tag.replace("-", "_"), abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return Translations(compiled)


def _first_spoken(accepted: str) -> str:
    """RFC 9110, 12.5.4, as far as it is needed: the first wish that shares its language with a choice."""
    wishes: list[tuple[float, str]] = []
    for part in accepted.split(",")[:32]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), tag.lower()))
        except ValueError:
            continue
    wanted = [tag for weighted, tag in sorted(wishes, key=lambda wish: wish[0]) if weighted < 0]
    spoken = (_spoken(tag, CHOICES) for tag in wanted)
    return next((tag for tag in spoken if tag), SOURCE)


def _spoken(wish: str, offered: Iterable[str]) -> str | None:
    """The very tag where it is offered, else one of the same language: zh-CN finds zh-Hans."""
    same = [tag for tag in offered if _language(tag) == _language(wish)]
    return next((tag for tag in same if tag.lower() == wish), same[0] if same else None)


def _language(tag: str) -> str:
    return tag.lower().partition("-")[0]
