"""A document is taken whole from where its source names, or not at all; nothing of it stays there."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lane.decision.evidence import DocumentKind
from lane.document.folder_reader import MOST_JSON, MOST_PHOTO, FolderReader
from lane.document.kinds import KINDS, open_reader, probe
from lane.document.settings import DocumentSettings
from lane.document.travel_document import TravelDocument, kind_of
from lane.platform.clock import SkippingClock
from lane.platform.errors import DocumentError, NobodyYetError, SettingsError

SAID = {
    "code": "P<",
    "issuer": "UTO",
    "nationality": "UTO",
    "expires_on": "2031-04-15",
    "born_on": "1974-08-12",
}


class Impatient(SkippingClock):
    """Does something else while the reader sleeps, and waits for nothing."""

    def __init__(self, *meanwhile: Any) -> None:
        super().__init__()
        self.meanwhile = list(meanwhile)

    def sleep(self, seconds: float) -> None:
        self.skip(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "documents"
    made.mkdir(mode=0o700)
    return made


def reader(folder: Path, *meanwhile: Any, **settings: Any) -> tuple[FolderReader, Impatient]:
    clock = Impatient(*meanwhile)
    return FolderReader(DocumentSettings(source=f"folder:{folder}", **settings), clock), clock


def drop(folder: Path, name: str = "one", beside: bytes | None = b"a photo", **said: Any) -> None:
    if beside is not None:
        (folder / f"{name}.jpg").write_bytes(beside)
    (folder / f"{name}.json").write_text(json.dumps(SAID | said), encoding="utf-8")


def read(folder: Path, *meanwhile: Any, **settings: Any) -> TravelDocument:
    found = reader(folder, *meanwhile, **settings)[0].read()
    assert found is not None
    return found


WHOLE = TravelDocument(b"a photo", date(2031, 4, 15), "UTO", date(1974, 8, 12), DocumentKind.ORDINARY)
UNREADABLE = {"code": None, "expires_on": None, "born_on": None, "nationality": None}


@pytest.mark.parametrize(
    ("dropped", "document"),
    [
        pytest.param({}, WHOLE, id="whole"),
        pytest.param(UNREADABLE, TravelDocument(b"a photo", None), id="nothing readable"),
        pytest.param({"beside": None, "photo": None}, replace(WHOLE, photo=b""), id="no photo"),
    ],
)
def test_document_is_read_and_erased(dropped: Any, document: TravelDocument, folder: Path) -> None:
    assert read(folder, lambda: drop(folder, **dropped)) == document
    assert list(folder.iterdir()) == []


def test_what_was_there_before_is_nobodys(folder: Path) -> None:
    """Not what lies there at the start, nor what came during another passage; the lane asks again."""
    drop(folder)
    source, clock = reader(folder)
    with pytest.raises(NobodyYetError):
        source.read()
    assert list(folder.iterdir()) == []
    clock.meanwhile = [lambda: drop(folder)]
    source.read()
    drop(folder, "two")
    with pytest.raises(NobodyYetError):
        source.read()
    assert list(folder.iterdir()) == []


def both(folder: Path) -> None:
    drop(folder, "one")
    drop(folder, "two")


def newer_photo(folder: Path) -> None:
    drop(folder)
    os.utime(folder / "one.jpg", (2e9, 2e9))


def link(folder: Path) -> None:
    drop(folder, beside=None)
    (folder / "one.jpg").symlink_to("/etc/hostname")


def pipe(folder: Path) -> None:
    drop(folder, beside=None)
    os.mkfifo(folder / "one.jpg")


def large(folder: Path) -> None:
    drop(folder, beside=None)
    with (folder / "one.jpg").open("wb") as file:
        file.truncate(MOST_PHOTO + 1)
    os.utime(folder / "one.jpg", (1e9, 1e9))


SPOILT: dict[str, Callable[[Path], object]] = {
    "several": both,
    "newer-photo": newer_photo,
    "link": link,
    "pipe": pipe,
    "large-photo": large,
    "no-photo": lambda folder: drop(folder, beside=None),
    "empty-photo": lambda folder: drop(folder, beside=b""),
    "name": lambda folder: drop(folder, name_of_holder="MUSTERMANN"),
    "time-of-day": lambda folder: drop(folder, expires_on="2031-04-15T00:00:00"),
    "seconds": lambda folder: drop(folder, expires_on=1900000000),
    "outside": lambda folder: drop(folder, beside=None, photo="../one.jpg"),
    "not-json": lambda folder: (folder / "one.json").write_text("MUSTERMANN"),
    "deep": lambda folder: (folder / "one.json").write_text("[" * MOST_JSON),
    "long": lambda folder: (folder / "one.json").write_text(" " * (MOST_JSON + 1)),
}


@pytest.mark.parametrize("how", SPOILT)
def test_useless_document_goes_unquoted(how: str, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, clock = reader(folder, lambda: SPOILT[how](folder), wait_s=5)
    with pytest.raises(DocumentError) as caught:
        source.read()
    assert "MUSTERMANN" not in f"{caught.value!r}{caught.value.__cause__}{caplog.text}"
    with pytest.raises(NobodyYetError):
        source.read()
    assert list(folder.iterdir()) == []
    clock.meanwhile = [lambda: drop(folder)]
    assert source.read() is not None, "the next one is read"


def test_unfinished_document_is_awaited(folder: Path) -> None:
    def begin() -> None:
        (folder / "one.jpg").write_bytes(b"a photo")
        (folder / "one.json").write_text(json.dumps(SAID)[:30])

    found = read(folder, begin, lambda: None, lambda: drop(folder))
    assert found.expires_on == date(2031, 4, 15)


def test_removed_folder_does_not_end_lane(folder: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        read(folder, folder.rmdir)


def test_usable_folder_alone_is_opened(folder: Path) -> None:
    settings = DocumentSettings(source=f"folder:{folder}")
    with open_reader(settings, SkippingClock()) as opened:
        assert isinstance(opened, FolderReader)
    assert [one.ok for one in probe(settings)] == [True]
    folder.chmod(0o777)
    assert [one.ok for one in probe(settings)] == [False]
    with pytest.raises(SettingsError, match="chmod o-w"):
        reader(folder)
    with pytest.raises(SettingsError, match="make it"):
        reader(folder / "none")


def test_missing_source_fails_open_and_probe() -> None:
    with (
        pytest.raises(SettingsError, match=r"document\.source"),
        open_reader(DocumentSettings(), SkippingClock()),
    ):
        pass
    [found] = probe(DocumentSettings())
    assert (found.ok, found.said) == (False, "document.source is not set")


def test_settings_take_the_known_kinds_alone() -> None:
    assert all(DocumentSettings(source=f"{kind}:/run/documents").kind == kind for kind in KINDS)
    with pytest.raises(ValidationError):
        DocumentSettings(source="telepathy:/run/documents")


@pytest.mark.parametrize(
    ("code", "issuer", "kind"),
    [
        ("P<", "UTO", DocumentKind.ORDINARY),
        ("PO", "CHN", DocumentKind.ORDINARY),
        ("PO", "UTO", DocumentKind.OFFICIAL),
        ("PS", "CHN", DocumentKind.OFFICIAL),
        ("S<", "UTO", DocumentKind.OFFICIAL),
        ("PD", "CHN", DocumentKind.DIPLOMATIC),
        ("D", "D<<", DocumentKind.DIPLOMATIC),
        ("P", "UNO", DocumentKind.UNITED_NATIONS),
        ("PD", "UNA", DocumentKind.UNITED_NATIONS),
        ("AC", "UTO", None),
        ("PX", "UTO", None),
    ],
)
def test_kind_follows_code_and_issuer(code: str, issuer: str, kind: DocumentKind | None) -> None:
    assert kind_of(code, issuer) is kind


def test_site_maps_its_document_codes(folder: Path) -> None:
    kinds = {"PN:RUS": DocumentKind.ORDINARY}
    assert read(folder, lambda: drop(folder, code="PN", issuer="RUS"), kinds=kinds).kind is kinds["PN:RUS"]
    assert kind_of("PN", "UTO", kinds) is None


@given(st.text(max_size=3), st.text(max_size=4))
def test_only_known_codes_are_ordinary(code: str, issuer: str) -> None:
    if kind_of(code, issuer) is DocumentKind.ORDINARY:
        assert code.strip("<").upper() in {"P", "PP", "I", "ID", "PO"}
