"""Erases faces in time: recordings by age, and pictures that a desk out of reach never took.

Delivered pictures are erased as soon as the desk has confirmed them, independently of this.
"""

import logging
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lane.ledger.clock_check import Timekeeper
from lane.ledger.entry import Draft
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import Clock
from lane.recording.sealed_file import SUFFIX

log = logging.getLogger(__name__)

EVERY_S = 3600.0
FIRST_AFTER_S = 60.0
"""By then a desk within reach has confirmed the time."""
_NAME = re.compile(rf"(\d{{8}}T\d{{6}})-[0-9a-f]{{8}}{re.escape(SUFFIX)}(\.part)?")
"""As `lane.recording.record` calls them; one that was cut off is a part. All else there is not the lane's."""


@dataclass(frozen=True, slots=True)
class StoredRecording:
    path: Path
    begun: datetime
    """Aware, UTC: by its name, which no copy changes."""


def recordings(folder: Path) -> list[StoredRecording]:
    """Those in this folder, the oldest first; no link is followed. Raises OSError."""
    found = []
    for path in folder.iterdir():
        named = _NAME.fullmatch(path.name)
        if named and stat.S_ISREG(path.lstat().st_mode):
            with suppress(ValueError):  # no date
                begun = datetime.strptime(named[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
                found.append(StoredRecording(path, begun))
    return sorted(found, key=lambda one: one.begun)


class Retention:
    """Erases a minute after the start, then hourly. A file that cannot be deleted is logged and retried."""

    def __init__(
        self,
        journal: SqliteJournal,
        clock: Clock,
        pictures_for: timedelta,
        recordings_for: timedelta,
        timekeeper: Timekeeper | None = None,
    ) -> None:
        self._journal, self._clock = journal, clock
        self._pictures_for, self._recordings_for = pictures_for, recordings_for
        self._timekeeper = timekeeper or Timekeeper(clock)
        self._due_s = clock.monotonic_s() + FIRST_AFTER_S

    def note(self, folder: Path) -> None:
        """Remember that recordings go to this folder. Raises JournalError."""
        self._journal.note_recordings(str(folder.resolve()))

    def erase_expired(self) -> None:
        """Erase what is too old, if an hour has passed; the ledger says so. Raises JournalError.

        By a clock that counts as wrong nothing is too old: what is erased is gone for good.
        """
        now_s = self._clock.monotonic_s()
        if now_s < self._due_s or not self._timekeeper.trusts():
            return
        self._due_s = now_s + EVERY_S
        now = self._clock.now()
        self._journal.drop_pictures(now - self._pictures_for, at=now)
        for folder in self._journal.recordings_in():
            erased = _erased(Path(folder), now - self._recordings_for)
            if erased:
                log.warning("%d recordings were kept long enough and are erased", len(erased))
                body = {"recordings": erased, "because": "retention"}
                self._journal.record([Draft("recordings.erased", body)], at=now)


def _erased(folder: Path, before: datetime) -> Sequence[str]:
    """The names of those that are gone now. A folder that is away, on a disk that was taken out, has none."""
    gone = []
    try:
        for one in recordings(folder):
            if one.begun <= before:
                one.path.unlink(missing_ok=True)
                gone.append(one.path.name)
    except FileNotFoundError:
        log.info("a folder for recordings is not there")
    except OSError as error:
        log.error("recordings that are too old cannot be erased: %s", error.strerror)
    return gone
