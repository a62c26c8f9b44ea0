"""Documents from a folder into which a document reader's software puts them; each is deleted once it is read.

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
from collections.abc import Mapping
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
"""The most bytes that are read of each; a chip's photo has some 20 kB."""
POLL_S = 0.1
SETTLE_S = 2.0
"""How long a document may be incomplete: not every program renames it into place."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _DocumentFile(BaseModel):
    """The JSON file; other keys are refused."""

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
        """YYYY-MM-DD, and no number of seconds or time of day."""
        if value is not None and not (isinstance(value, str) and _DAY.fullmatch(value)):
            raise ValueError("a day as YYYY-MM-DD")
        return value


class FolderReader:
    """See `lane.document.port.DocumentReader`. Several documents at once are refused: whose turn is it?

    Opening it deletes what lies in the folder, since nobody waits for it; so does each read with what was
    presented while another passage was under way. Raises SettingsError where the folder cannot be used.
    """

    def __init__(self, settings: DocumentSettings, clock: Clock) -> None:
        wrong = [one.said for one in probe(settings) if not one.ok]
        if wrong:
            raise SettingsError("; ".join(wrong))
        self._settings, self._folder, self._clock = settings, Path(settings.address), clock
        self._seen: dict[str, float] = {}
        self._must_empty = True

    def read(self) -> TravelDocument | None:
        """The next document. Raises DocumentError for one that is no use, NobodyYetError without any."""
        try:
            return self._next()
        except OSError as error:
            raise DocumentError(f"the folder cannot be read: {error.strerror}") from error

    def _next(self) -> TravelDocument:
        if self._must_empty:
            self._empty()
            self._must_empty = False
        until_s = self._clock.monotonic_s() + self._settings.wait_s
        while self._clock.monotonic_s() < until_s:
            names = self._json_files()
            self._must_empty = len(names) > 1
            if self._must_empty:
                raise DocumentError("several documents at once")
            if names and (document := self._take(names[0])) is not None:
                return document
            self._clock.sleep(POLL_S)
        raise NobodyYetError("no document so far")

    def _take(self, name: str) -> TravelDocument | None:
        """Read and delete the document; None while it may be incomplete."""
        try:
            document = _document(self._folder, name, self._settings.kinds)
        except (OSError, ValueError, RecursionError) as error:
            if self._clock.monotonic_s() - self._seen[name] < SETTLE_S:
                return None
            self._empty()
            self._must_empty = True
            raise DocumentError(f"no use: {_describe_error(error)}") from None  # the cause may quote it
        self._empty()
        self._must_empty = True
        return document

    def _json_files(self) -> list[str]:
        """The names of the JSON files in the folder; when each was first seen is noted."""
        names = [one.name for one in self._folder.iterdir() if one.suffix == ".json"]
        now_s = self._clock.monotonic_s()
        self._seen = {name: self._seen.get(name, now_s) for name in names}
        return names

    def _empty(self) -> None:
        """Delete all files there, whatever their names: they may show a face."""
        for path in self._folder.iterdir():
            try:
                path.unlink()
            except OSError as error:
                log.error("a file in the folder for documents cannot be deleted: %s", error.strerror)


def _document(folder: Path, name: str, kinds: Mapping[str, DocumentKind]) -> TravelDocument:
    """Read a document. Raises OSError or ValueError where a part is missing, too large or not understood."""
    content, written = _content(folder / name, MOST_JSON)
    parsed = _DocumentFile.model_validate(json.loads(content))
    kind = kind_of(parsed.code, parsed.issuer, kinds) if parsed.code and parsed.issuer else None
    return TravelDocument(
        photo=_photo(folder, Path(name).stem, parsed.photo, written),
        expires_on=parsed.expires_on,
        nationality=parsed.nationality and parsed.nationality.strip("<"),
        born_on=parsed.born_on,
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
    """The content of a regular file, no link, of at most `most` bytes; and when it was written, in ns."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("no regular file")
        content = file.read(most + 1)
    if not 0 < len(content) <= most:
        raise ValueError("empty or too large")
    return content, status.st_mtime_ns


def _describe_error(error: OSError | ValueError | RecursionError) -> str:
    """What is wrong, without repeating anything of the document."""
    match error:
        case ValidationError():
            wrong = {".".join(map(str, one["loc"])) for one in error.errors()}
            known = sorted(wrong & set(_DocumentFile.model_fields))
            return f"not understood: {', '.join(known) or 'keys that the lane does not take'}"
        case OSError():
            return error.strerror or type(error).__name__
        case json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            return "not JSON"
    return str(error)


def probe(settings: DocumentSettings) -> list[Finding]:
    """Whether documents can be read from the folder, and no other user can put one there."""
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
    return True, f"{folder}; {waiting} files in it will be dropped" if waiting else str(folder)
