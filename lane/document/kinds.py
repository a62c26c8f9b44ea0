"""The document reader that the settings name: opened for a lane, or tried before passengers come.

A reader of another kind (a chip reader) is one more entry of `KINDS`, and its prefix in the settings.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lane.document import folder_reader
from lane.document.port import DocumentReader
from lane.document.settings import DocumentSettings
from lane.platform.clock import Clock
from lane.platform.errors import SettingsError
from lane.platform.finding import Finding


@dataclass(frozen=True, slots=True)
class ReaderKind:
    open: Callable[[DocumentSettings, Clock], DocumentReader]
    probe: Callable[[DocumentSettings], list[Finding]]


KINDS = {"folder": ReaderKind(folder_reader.FolderReader, folder_reader.probe)}
"""By the prefix of `DocumentSettings.source`."""


@contextmanager
def open_reader(settings: DocumentSettings, clock: Clock) -> Iterator[DocumentReader]:
    """The reader, in the hands of one lane. Raises SettingsError where it cannot be used."""
    if settings.kind is None:
        raise SettingsError('document.source: say where documents come from, such as "folder:/run/…"')
    yield KINDS[settings.kind].open(settings, clock)


def probe(settings: DocumentSettings) -> list[Finding]:
    """Whether documents can be read now. Takes none."""
    if settings.kind is None:
        return [Finding("document", ok=False, said="document.source is not set")]
    return KINDS[settings.kind].probe(settings)
