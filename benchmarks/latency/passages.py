"""Whole passages through a real lane, timed from a frame's capture to the gate's command.

Station, judge, networks, evaluation, status reports and the journal on disk are those of a lane in service.
Camera, document reader and gate are simulated; the desk is in memory, and is sent the entries between the
passages. Each passage must admit the holder, with the opening in the ledger before the gate is commanded;
otherwise it is not timed.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk
from benchmarks.latency.paced_camera import PacedCamera
from lane.capture.measuring import Measurer, Stopwatch
from lane.decision.policy import Policy
from lane.decision.referral import PassageId
from lane.desk.outbox import Outbox
from lane.desk.simulated import SimulatedDesk
from lane.desk.status import LaneIdentity
from lane.desk.status_reporter import StatusReporter, WatchedCamera
from lane.document.simulated import SimulatedReader
from lane.gate.simulated import SimulatedGate
from lane.ledger.entry import Draft, Picture
from lane.ledger.journal import SqliteJournal, Standing
from lane.passage.judge import Judge
from lane.passage.station import PassageReport, Station
from lane.platform.clock import Clock, SystemClock
from lane.service.build import build_evaluation_thread
from lane.settings import read as read_settings
from models.embed.similarity import similarity
from models.image import decode

LANE = "lane-1"
CAMERA_FRAMES_PER_SECOND = 30.0
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
    passed_over: int
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

    clock: Clock = field(default_factory=SystemClock)
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
        self.commanded_s = self.clock.monotonic_s()
        self.command_ns = time.monotonic_ns() - began_ns
        self.before = last_entries(self.ledger, 2)


def last_entries(ledger: Path, count: int) -> list[dict[str, Any]]:
    """What somebody else finds in a lane's journal, oldest first: only what was committed."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT payload FROM ledger ORDER BY seq DESC LIMIT ?", (count,)).fetchall()
    return [json.loads(payload) for (payload,) in reversed(rows)]


@dataclass(frozen=True, slots=True)
class Lane:
    station: Station
    camera: PacedCamera
    gate: TimedGate
    journal: TimedJournal
    known: float

    def passage(self) -> PassageTimes:
        """The next one. BenchmarkError unless the holder was admitted, by the known similarity, on record."""
        report = self.station.serve()
        if report is None:
            raise BenchmarkError("the lane serves nobody any more: see its log above")
        return self._timed(report, self._similarity(report))

    def _timed(self, report: PassageReport, similarity: float) -> PassageTimes:
        captured_s, commanded_s = self.camera.captured_s, self.gate.commanded_s
        return PassageTimes(
            last_frame_ns=round((commanded_s - captured_s[-1]) * 1e9),
            first_frame_ns=round((commanded_s - captured_s[0]) * 1e9),
            ledger_ns=self.journal.verdict_ns,
            gate_ns=self.gate.command_ns,
            frames=report.frames,
            passed_over=self.camera.passed_over,
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


@contextmanager
def lane_for(
    walk: Walk, known: float, measurer: Measurer, rules: Policy, folder: Path, clock: Clock
) -> Iterator[Lane]:
    """A lane in service, with its journal in this folder. Raises LaneError, ModelError."""
    settings = read_settings(lane=LANE, journal=folder / "lane.sqlite")
    desk = SimulatedDesk(LANE)
    camera = PacedCamera(walk.frames, CAMERA_FRAMES_PER_SECOND, clock)
    gate = TimedGate(clock=clock, ledger=settings.journal)
    with ExitStack() as stack:
        journal = stack.enter_context(TimedJournal(settings.journal, settings.lane))
        status_reporter = stack.enter_context(StatusReporter(desk, LaneIdentity("", "", "", ""), clock))
        station = Station(
            settings.lane,
            judge=Judge(WatchedCamera(camera, status_reporter, clock), measurer, rules, clock),
            reader=SimulatedReader(repeat(walk.document)),
            gate=gate,
            journal=journal,
            outbox=Outbox(journal, desk, clock),
            clock=clock,
            evaluation=stack.enter_context(
                build_evaluation_thread(settings, rules, clock, measurer.networks)
            ),
            status_reporter=status_reporter,
        )
        station.start()
        yield Lane(station, camera, gate, journal, known)


def known_similarity(walk: Walk, measurer: Measurer) -> float:
    """Of the film's first frame and the document, as the networks answer without a lane around them.

    BenchmarkError where one of them shows no face.
    """
    watch = Stopwatch()
    sightings = [
        measurer.look(image_bgr, watch) for image_bgr in (decode(walk.document.photo), walk.frames[0])
    ]
    if any(sighting.face is None for sighting in sightings):
        raise BenchmarkError("no face on the document's photo, or none on the film")
    return similarity(*(measurer.embed(sighting, watch) for sighting in sightings))
