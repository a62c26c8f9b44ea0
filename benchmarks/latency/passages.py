"""Whole passages through a real lane, timed from a frame's capture to the gate's command.

Station, judge, networks, the journal on disk, the camera's reader, the kiosk with its page open and the
connection to a desk are those of a lane in service, with its evaluation and its word to supervisors beside
them. The camera sees a film, document reader and gate are simulated. Each passage must end as its holder
deserves, with the opening in the ledger before the gate is commanded; otherwise its times are worth nothing.

A frame's time is when the camera's reader makes a picture of it, once it is decoded and due. A reader that is
late makes no passage longer: it gives fewer frames, which are counted beside the times.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol

from benchmarks.errors import BenchmarkError
from benchmarks.harness.desk_site import Site
from benchmarks.harness.drawn_frames import FRAMES_PER_SECOND, Size, Walk, write_film
from benchmarks.harness.kiosk_page import OPENS_WITHIN_S, open_page
from benchmarks.harness.noted_camera import Noted, NotedCamera
from lane.cameras.live_camera import RealCamera
from lane.cameras.source import AtEnd
from lane.capture.measuring import Measurer, Stopwatch
from lane.decision.policy import Policy
from lane.decision.referral import PassageId
from lane.desk.outbox import Outbox
from lane.desk.port import Desk, LaneIdentity, Supervisors
from lane.desk.status_reporter import StatusReporter, WatchedCamera
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.gate.simulated import SimulatedGate
from lane.kiosk.client import Kiosk
from lane.kiosk.settings import Setup
from lane.ledger.entry import Draft, Picture
from lane.ledger.journal import SqliteJournal, Standing
from lane.passage.judge import Judge
from lane.passage.station import PassageReport, Station
from lane.platform.clock import SystemClock
from lane.platform.process_supervisor import Child
from lane.service.build import build_evaluation_thread
from lane.service.run import WakingReader
from lane.service.settings import Settings
from lane.service.settings import read as read_settings
from models.embed.similarity import similarity
from models.image import decode

NEAR = 0.05
"""So far may a passage's similarity lie from the known one: the same face, other frames of it."""


@dataclass(frozen=True, slots=True)
class PassageTimes:
    """One passage that went as it should."""

    last_frame_ns: int
    """From the capture of the frame that the decision ended on until the gate was commanded."""
    first_frame_ns: int
    """The same from the first frame of the capture."""
    ledger_ns: int
    """Verdict and opening, on disk before the gate moves."""
    gate_ns: int
    """The command itself."""
    frames: int
    """By the lane's own count."""
    noted: Noted
    similarity: float
    stages_ms: dict[str, float]
    """The lane's own account of the passage, as in the ledger."""


class TimedJournal(SqliteJournal):
    """The lane's own journal, which remembers how long the last verdict took to be on disk."""

    verdict_ns = 0

    def record(
        self,
        drafts: Sequence[Draft],
        *,
        at: datetime,
        standing: Standing | None = None,
        pictures: Sequence[Picture] = (),
    ) -> None:
        began_ns = time.monotonic_ns()
        super().record(drafts, at=at, standing=standing, pictures=pictures)
        if drafts[0].kind == "passage.judged":
            self.verdict_ns = time.monotonic_ns() - began_ns


@dataclass(slots=True)
class TimedGate(SimulatedGate):
    """A simulated gate that knows when it was commanded, and reads the ledger as it then stood on disk."""

    ledger: Path = Path()
    commanded_s: float = 0.0
    """By the clock that never jumps."""
    command_ns: int = 0
    before: list[dict[str, Any]] = field(default_factory=list)
    """The last two entries: verdict and opening."""

    def open(self, passage: PassageId) -> None:
        """Open, then look: until this returns, nobody writes."""
        began_ns = time.monotonic_ns()
        SimulatedGate.open(self, passage)
        self.commanded_s = time.monotonic()
        self.command_ns = time.monotonic_ns() - began_ns
        self.before = last_entries(self.ledger, 2)


def last_entries(ledger: Path, count: int) -> list[dict[str, Any]]:
    """What somebody else finds in a lane's journal, oldest first: only what was committed."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT payload FROM ledger ORDER BY seq DESC LIMIT ?", (count,)).fetchall()
    return [json.loads(payload) for (payload,) in reversed(rows)]


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane that serves one holder again and again."""

    station: Station
    camera: NotedCamera
    gate: TimedGate
    journal: TimedJournal
    kiosk: Kiosk
    known: float

    def open_page(self) -> AbstractContextManager[Child]:
        """The traveller's screen in a browser, which is none of the lane's. Raises BenchmarkError."""
        return open_page(self.kiosk.address(OPENS_WITHIN_S) or "nowhere")

    def passage(self) -> PassageTimes:
        """The next one. BenchmarkError unless the holder was admitted, by the known similarity, on record."""
        report = self.station.serve()
        if report is None:
            raise BenchmarkError("the lane serves nobody any more: see its log above")
        similarity, noted, commanded_s = self._similarity(report), self.camera.noted, self.gate.commanded_s
        return PassageTimes(
            last_frame_ns=round((commanded_s - noted.captured_s[-1]) * 1e9),
            first_frame_ns=round((commanded_s - noted.captured_s[0]) * 1e9),
            ledger_ns=self.journal.verdict_ns,
            gate_ns=self.gate.command_ns,
            frames=report.frames,
            noted=noted,
            similarity=similarity,
            stages_ms=report.timings_ms,
        )

    def _similarity(self, report: PassageReport) -> float:
        if report.outcome != "admit" or not report.gate_opened:
            codes = [reason.code.value for reason in report.reasons]
            raise BenchmarkError(f"the holder was not let through ({codes}): such a passage is not timed")
        kinds = [(entry["kind"], entry["body"]["passage"]) for entry in self.gate.before]
        if kinds != [("passage.judged", report.passage), ("gate.opening", report.passage)]:
            raise BenchmarkError("the gate was commanded before verdict and opening were in the ledger")
        similarity = float(self.gate.before[0]["body"]["evidence"]["similarity"]["value"])
        if not abs(similarity - self.known) <= NEAR:  # NaN compares false
            raise BenchmarkError(f"similarity {similarity:.3f}, known is {self.known:.3f}: another answer")
        return similarity


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """What a camera of one size sees."""

    walk: Walk
    known: float
    """How alike the holder and the document are known to be."""
    path: Path
    """As a camera reads it: there and back, without a jump."""

    @property
    def size(self) -> Size:
        """Width and height of its frames."""
        height, width = self.walk.frames[0].shape[:2]
        return width, height


def film_for(walk: Walk, known: float, path: Path) -> Film:
    """Writes the film."""
    there = walk.frames
    return Film(walk, known, write_film([*there, *there[-2:0:-1]], path, FRAMES_PER_SECOND))


def lanes_at(desk: Site) -> Iterator[dict[str, Any]]:
    """Settings of one lane after another, each of which the desk knows; a chain of entries begins once."""
    for lane, token in desk.tokens.items():
        yield {"lane": lane, "desk": {"address": desk.address, "token": token}}


class LaneDesk(Desk, Supervisors, Protocol):
    """A lane's connection to its desk."""


def settings_for(folder: Path, film: Path, size: Size, **given: Any) -> Settings:
    """Of a lane with its journal in this folder, whose camera sees this film again and again."""
    camera = {"source": str(film), "at_end": AtEnd.LOOP, "max_pixels": size[0] * size[1], "open_s": 30.0}
    return read_settings(journal=folder / "lane.sqlite", camera=camera, kiosk={"port": 0}, **given)


def camera_for(settings: Settings, rules: Policy) -> RealCamera:
    """As a lane in service opens it. Raises CameraError."""
    return RealCamera(settings.camera, settings.lane, awake_s=rules.capture.timeout_s)


@contextmanager
def lane_for(
    settings: Settings,
    camera: RealCamera,
    desk: LaneDesk,
    document: TravelDocument,
    known: float,
    measurer: Measurer,
    rules: Policy,
) -> Iterator[Lane]:
    """A lane in service, once its camera gives frames; no page is open yet. Raises LaneError, ModelError."""
    clock, gate = SystemClock(), TimedGate(ledger=settings.journal)
    with ExitStack() as stack:
        journal = stack.enter_context(TimedJournal(settings.journal, settings.lane))
        setup = Setup.model_validate(settings.kiosk.model_dump() | {"feed": camera.feed})
        kiosk = stack.enter_context(Kiosk(setup))
        status_reporter = stack.enter_context(StatusReporter(desk, LaneIdentity("", "", "", ""), clock))
        noted = NotedCamera(WatchedCamera(camera, status_reporter, clock))
        station = Station(
            settings.lane,
            judge=Judge(noted, measurer, rules, clock, guide=kiosk),
            reader=WakingReader(SimulatedReader(repeat(document)), camera),
            gate=gate,
            journal=journal,
            outbox=Outbox(journal, desk, clock),
            clock=clock,
            evaluation=stack.enter_context(
                build_evaluation_thread(settings, rules, clock, measurer.networks)
            ),
            status_reporter=status_reporter,
            guide=kiosk,
            requests=kiosk.take,
        )
        camera.wait()
        station.start()
        yield Lane(station, noted, gate, journal, kiosk, known)


def known_similarity(walk: Walk, measurer: Measurer) -> float:
    """Of the film's first frame and the document, without a lane; BenchmarkError where one shows no face."""
    watch = Stopwatch()
    sightings = [
        measurer.look(image_bgr, watch) for image_bgr in (decode(walk.document.photo), walk.frames[0])
    ]
    if any(sighting.face is None for sighting in sightings):
        raise BenchmarkError("no face on the document's photo, or none on the film")
    return similarity(*(measurer.embed(sighting, watch) for sighting in sightings))
