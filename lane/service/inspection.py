"""Tries each thing that a lane needs, one by one, before passengers come: `python -m lane check`.

Opens no door, serves nobody, and leaves nothing behind. What is wrong is a finding, never an error.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lane import __version__
from lane.cameras import live_camera
from lane.cameras.health import CameraHealth, CameraStatus
from lane.desk.port import LaneIdentity, Status
from lane.document import kinds as document_kinds
from lane.gate import kinds as gate_kinds
from lane.kiosk import client as kiosk_client
from lane.ledger.clock_check import MOST_APART_S
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import SystemClock
from lane.platform.errors import DeskRefusedError, JournalInUseError, LaneError
from lane.platform.finding import Finding
from lane.recording.retention import recordings
from lane.service.build import build_measurer, build_policy
from lane.service.run import open_desk
from lane.service.settings import Settings
from models.errors import ModelError

LEAST_FREE = 1 << 30
"""Bytes: weeks of a ledger, and the pictures of a day without a desk."""
SLOW_SYNC_S = 0.25
"""A disk that needs longer until something lies on it holds up each passenger several times."""
Check = Callable[[Settings], Iterable[Finding]]


def inspect(settings: Settings) -> Iterator[Finding]:
    """Each finding as soon as it is there."""
    for name, check in CHECKS:
        try:
            yield from check(settings)
        except (LaneError, ModelError) as error:
            yield Finding(name, ok=False, said=" ".join(str(error).split()))
        except Exception as error:  # noqa: BLE001  a fault that nobody thought of is a finding, too
            yield Finding(name, ok=False, said=f"failed: {type(error).__name__}")


def _desk(settings: Settings) -> Iterator[Finding]:
    """Tells it that the lane is closed, as it is; and compares clocks."""
    times: list[tuple[datetime, datetime]] = []
    clock = SystemClock(settings.zone())
    camera, about = CameraStatus(CameraHealth.UNKNOWN, None), LaneIdentity(__version__)
    status = Status("closed", clock.now(), camera, about, outbox=0, passages=0, obeyed=0)
    with open_desk(settings, on_desk_time=lambda said: times.append((said, datetime.now(UTC)))) as desk:
        began_s = time.monotonic()
        try:
            command = desk.report(status)
        except DeskRefusedError as error:
            yield Finding("desk", ok=False, said=f"{error}: does [desk] token belong to {settings.lane}?")
            return
        took_ms = (time.monotonic() - began_s) * 1e3
    yield Finding("desk", ok=True, said=f"answers in {took_ms:.0f} ms, and wants this lane {command.wanted}")
    yield _apart(times)


def _apart(times: list[tuple[datetime, datetime]]) -> Finding:
    if not times:
        return Finding("clock", ok=False, said="the desk does not tell its time: who answers there?")
    desk_time, now = times[-1]
    apart_s = (now - desk_time).total_seconds()
    said = f"{abs(apart_s):.0f} s {'after' if apart_s >= 0 else 'before'} the desk's"
    return Finding("clock", ok=abs(apart_s) <= MOST_APART_S, said=said)


def _networks(settings: Settings) -> Iterator[Finding]:
    """Policy, calibration and the networks that they are for."""
    policy = build_policy(settings)
    yield Finding("policy", ok=True, said=f"version {policy.version}")
    began_s = time.monotonic()
    measurer = build_measurer(settings, policy)
    took_s = time.monotonic() - began_s
    networks = measurer.networks
    where = ", ".join(f"{one.name} on {one.provider}" for one in networks.identities)
    yield Finding("networks", ok=True, said=f"{where}; they know the known face; ready in {took_s:.1f} s")
    band = policy.check(networks.embedder.identity)
    said = f"{networks.embedder.identity.name} admits from {band.admit:.3f}"
    said += f"; {band.holders_below:.1%} of holders go to an officer"
    yield Finding("calibration", ok=True, said=said)


def _journal(settings: Settings) -> Iterator[Finding]:
    path = settings.journal
    if not path.exists():
        said = f"{path}: none yet, the lane begins one"
    else:
        try:
            with SqliteJournal(path, settings.lane) as journal:
                said = f"{journal.verify().seq} entries, whole; {journal.waiting()} wait for the desk"
        except JournalInUseError:
            said = "in use by the lane that runs, and not verified now"
    yield Finding("journal", ok=True, said=said)
    yield _disk(path.absolute().parent)


def _retention(settings: Settings) -> Iterator[Finding]:
    """How long faces stay, and whether some have stayed longer."""
    kept, folders = settings.retention, list[str]()
    said = (
        f"pictures go once the desk has them, or after {kept.pictures_for_s / 3600:g} h; "
        f"recordings after {kept.recordings_for_days:g} days"
    )
    if settings.journal.exists():
        try:
            with SqliteJournal(settings.journal, settings.lane) as journal:
                folders = list(journal.recordings_in())
        except JournalInUseError:
            said += "; the lane runs, and erases them"
    yield Finding("retention", ok=True, said=said)
    for folder in map(Path, folders):
        yield _recorded(folder, timedelta(days=kept.recordings_for_days))


def _recorded(folder: Path, kept_for: timedelta) -> Finding:
    try:
        there = recordings(folder)
    except OSError as error:
        said = f"recordings went to {folder}, which cannot be looked at: {error.strerror}"
        return Finding("retention", ok=False, said=said)
    if not there:
        return Finding("retention", ok=True, said=f"no recordings are in {folder}")
    age = datetime.now(UTC) - there[0].begun
    said = f"{len(there)} recordings in {folder}, the oldest of {age / timedelta(days=1):.0f} days"
    too_old = ": `python -m lane run` erases what is too old" if age > kept_for else ""
    return Finding("retention", ok=not too_old, said=said + too_old)


def _disk(folder: Path) -> Finding:
    """How much room there is, and the median time of five small writes."""
    free, took = shutil.disk_usage(folder).free, []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(5):
            began_s = time.monotonic()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            took.append(time.monotonic() - began_s)
    sync_s = sorted(took)[2]
    said = f"{free / 1e9:.1f} GB free, {sync_s * 1e3:.0f} ms until a write lies on it"
    if free < LEAST_FREE:
        return Finding("disk", ok=False, said=f"{said}: a full disk closes the lane")
    if sync_s > SLOW_SYNC_S:
        return Finding("disk", ok=False, said=f"{said}: each passenger waits for several")
    return Finding("disk", ok=True, said=said)


CHECKS: tuple[tuple[str, Check], ...] = (
    ("camera", lambda settings: live_camera.probe(settings.camera)),
    ("document", lambda settings: document_kinds.probe(settings.document)),
    ("gate", lambda settings: gate_kinds.probe(settings.gate)),
    ("kiosk", lambda settings: kiosk_client.probe(settings.kiosk)),
    ("journal", _journal),
    ("retention", _retention),
    ("networks", _networks),
    ("desk", _desk),
)
