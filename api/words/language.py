"""English and Chinese: catalogues are read once, at start; a page's language is the officer's choice."""

from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

LOCALES = Path(__file__).with_name("locales")
COOKIE = "passenger_lane_language"
CHOICES = {"en": "English", "zh-Hans": "简体中文"}
"""Language tag → its name in itself. English is what the sources say; every other one has a catalogue."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    tag: str
    texts: NullTranslations

    def say(self, text: str, /, **fields: object) -> str:
        """A text in this language, with its fields filled in."""
        said = self.texts.gettext(text)
        return said % fields if fields else said

    def count(self, one: str, many: str, number: int) -> str:
        """A text that depends on a number."""
        return self.texts.ngettext(one, many, number) % {"num": number}


def N_(text: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """Mark a text for the catalogue; it is said later."""
    return text


@cache
def words(tag: str) -> Words:
    """The words of a language that is in CHOICES."""
    return Words(tag, NullTranslations() if tag == "en" else _read(tag))


def of_request(request: Request) -> Words:
    """The language just asked for, else the remembered one, else the browser's first that we speak."""
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if wish in CHOICES:
            return words(wish)
    return words(_first_spoken(request.headers.get("accept-language", "")))


def catalogue(tag: str) -> Path:
    """The file with a language's texts."""
    return LOCALES / f"{tag}.po"


def _read(tag: str) -> Translations:
    with catalogue(tag).open("rb") as file:
        texts = read_po(file, locale=tag.replace("-", "_"), abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return Translations(compiled)


def _first_spoken(accepted: str) -> str:
    """RFC 9110, 12.5.4, as far as two languages need it."""
    wishes: list[tuple[float, str]] = []
    for part in accepted.split(",")[:32]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), tag.lower()))
        except ValueError:
            continue
    for weighted, tag in sorted(wishes, key=lambda wish: wish[0]):
        if weighted < 0 and tag.split("-")[0] in ("en", "zh"):
            return "zh-Hans" if tag.startswith("zh") else "en"
    return "en"
