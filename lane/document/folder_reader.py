"""Documents from a folder into which a document reader's software drops them; nothing of them stays there.

For each document a photo, and then one JSON file beside it, written last or put in place by a rename:

    {"code": "P", "issuer": "UTO", "nationality": "UTO", "expires_on": "2031-04-15", "born_on": "1974-08-12"}

A value that could not be read is null. The photo has the same name with .jpg, .png or .jp2, or is named by
"photo" (null: the document has none). A photo that is newer than its JSON file is another document's. Both
are read within bounds and deleted, also where they are no use. Names and numbers are refused: no lane needs
them.
"""

import json
import logging
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lane.decision.evidence import DocumentKind
from lane.document.settings import DocumentSettings
from lane.document.travel_document import TravelDocument, kind_of
from lane.platform.clock import Clock
from lane.platform.errors import DocumentError, NobodyYetError, SettingsError
from lane.platform.finding import Finding

log = logging.getLogger(__name__)

PHOTOS = (".jpg", ".jpeg", ".png", ".jp2", ".j2k")
MOST_JSON, MOST_PHOTO = 16 * 1024, 8 * 1024 * 1024
"""Bytes that are read of each; a chip's photo has some 20 kB."""
LOOK_S = 0.1
SETTLE_S = 2.0
"""So long may a document be written by a program that does not rename it into place."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Dropped(BaseModel):
    """What the JSON file may say, and all that it may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    code: Annotated[str, Field(max_length=2)] | None
    issuer: Annotated[str, Field(max_length=3)] | None
    nationality: Annotated[str, Field(pattern=r"^[A-Z]{1,3}<{0,2}$")] | None = None
    expires_on: date | None
    born_on: date | None
    photo: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$")] | None = ""

    @field_validator("expires_on", "born_on", mode="before")
    @classmethod
    def _a_whole_day(cls, value: object) -> object:
        """YYYY-MM-DD: no number of seconds, no time of day."""
        if value is not None and not (isinstance(value, str) and _DAY.fullmatch(value)):
            raise ValueError("a day as YYYY-MM-DD")
        return value


class FolderReader:
    """See `lane.document.port.DocumentReader`. Opening it drops what lies in the folder: nobody stands there
    for it.

    So is what was presented while another passage was under way. Several documents at once are unreadable:
    nobody knows whose turn it is. Raises SettingsError where the folder cannot be used.
    """

    def __init__(self, settings: DocumentSettings, clock: Clock) -> None:
        wrong = [one.said for one in probe(settings) if not one.ok]
        if wrong:
            raise SettingsError("; ".join(wrong))
        self._settings, self._folder, self._clock = settings, Path(settings.address), clock
        self._seen: dict[str, float] = {}
        self._served = True

    def read(self) -> TravelDocument | None:
        """The next document. Raises DocumentError for one that is no use, NobodyYetError without any."""
        try:
            return self._next()
        except OSError as error:
            raise DocumentError(f"the folder cannot be read: {error.strerror}") from error

    def _next(self) -> TravelDocument:
        if self._served:
            self._drop(self._folder.iterdir())
            self._served = False
        until_s = self._clock.monotonic_s() + self._settings.wait_s
        while self._clock.monotonic_s() < until_s:
            names = self._there()
            self._served = len(names) > 1
            if self._served:
                raise DocumentError("several documents at once")
            if names and (document := self._taken(names[0])) is not None:
                return document
            self._clock.sleep(LOOK_S)
        raise NobodyYetError("no document so far")

    def _taken(self, name: str) -> TravelDocument | None:
        """The document, which is gone from the folder then; None while it may still be written."""
        try:
            document = _document(self._folder, name, self._settings.kinds)
        except (OSError, ValueError, RecursionError) as error:
            if self._clock.monotonic_s() - self._seen[name] < SETTLE_S:
                return None
            self._drop(self._folder.iterdir())
            self._served = True
            raise DocumentError(f"no use: {_told(error)}") from None  # the cause may quote the document
        self._drop(self._folder.iterdir())
        self._served = True
        return document

    def _there(self) -> list[str]:
        """The JSON files that lie there; since when each does is noted."""
        names = [one.name for one in self._folder.iterdir() if one.suffix == ".json"]
        now_s = self._clock.monotonic_s()
        self._seen = {name: self._seen.get(name, now_s) for name in names}
        return names

    def _drop(self, files: Iterable[Path]) -> None:
        """Delete whatever its name is: it may show a face."""
        for path in files:
            try:
                path.unlink()
            except OSError as error:
                log.error("a file in the folder for documents cannot be deleted: %s", error.strerror)


def _document(folder: Path, name: str, kinds: Mapping[str, DocumentKind]) -> TravelDocument:
    """Raises OSError or ValueError for what is missing, too large, no regular file, or not understood."""
    content, written = _content(folder / name, MOST_JSON)
    said = _Dropped.model_validate(json.loads(content))
    kind = kind_of(said.code, said.issuer, kinds) if said.code and said.issuer else None
    return TravelDocument(
        photo=_photo(folder, Path(name).stem, said.photo, written),
        expires_on=said.expires_on,
        nationality=said.nationality and said.nationality.strip("<"),
        born_on=said.born_on,
        kind=kind,
    )


def _photo(folder: Path, stem: str, named: str | None, before: int) -> bytes:
    if named is None:
        return b""
    path = folder / named if named else _beside(folder, stem)
    content, written = _content(path, MOST_PHOTO)
    if written > before:
        raise ValueError("the photo is newer than its document")
    return content


def _beside(folder: Path, stem: str) -> Path:
    found = [folder / f"{stem}{end}" for end in PHOTOS if (folder / f"{stem}{end}").exists()]
    if len(found) != 1:
        raise ValueError(f"{len(found)} photos beside it")
    return found[0]


def _content(path: Path, most: int) -> tuple[bytes, int]:
    """A regular file's, never through a link, never more than `most` bytes; and when written, in ns."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("no regular file")
        content = file.read(most + 1)
    if not 0 < len(content) <= most:
        raise ValueError("empty or too large")
    return content, status.st_mtime_ns


def _told(error: OSError | ValueError | RecursionError) -> str:
    """What is wrong, without a word of what stands in the document."""
    match error:
        case ValidationError():
            wrong = {".".join(map(str, one["loc"])) for one in error.errors()}
            known = sorted(wrong & set(_Dropped.model_fields))
            return f"not understood: {', '.join(known) or 'keys that the lane does not take'}"
        case OSError():
            return error.strerror or type(error).__name__
        case json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            return "not JSON"
    return str(error)


def probe(settings: DocumentSettings) -> list[Finding]:
    """Whether documents can be taken from the folder, and whether others could put one there."""
    return [Finding("document", *_usable(Path(settings.address)))]


def _usable(folder: Path) -> tuple[bool, str]:
    try:
        if folder.stat().st_mode & stat.S_IWOTH:
            return False, f"{folder}: everybody on this machine may put a document there: chmod o-w"
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return False, f"{folder}: {error.strerror}; make it, for this user and the reader's software alone"
    waiting = len(list(folder.iterdir()))
    return True, f"{folder}" + (f"; {waiting} files in it will be dropped" if waiting else "")
