"""Nobody has to guess what a field of the wire means."""

from api.web.messages.glossary import WORDS, _places
from tests.support.api import described_desk

PLACES = list(_places(described_desk.openapi()))


def test_every_field_and_parameter_is_explained() -> None:
    assert sorted(words[0] for told, words in PLACES if not told.get("description")) == []


def test_glossary_has_no_unused_word() -> None:
    assert sorted(WORDS.keys() - {word for _, words in PLACES for word in words}) == []


def test_a_meaning_is_a_sentence() -> None:
    assert [word for word, meaning in WORDS.items() if not meaning.endswith(".")] == []
