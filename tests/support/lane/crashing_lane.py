"""Lane processes that kill themselves at the nth write: `python -m tests.support.lane.crashing_lane
SETTINGS.json`.

Reads lines "N PASSENGERS" (N is 0 for a run that lives) and answers each with "EXIT-STATUS WRITES". Every run
is a process of its own, forked from this one so that it need not import everything again.

A write is every statement of the journal that changes something, every commit, every call of the desk and
every movement of the gate, each before and after it happens.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from lane.cameras.frame import Frame
from lane.capture.measuring import Measurer, Sighting, Stopwatch
from lane.decision.evidence import DocumentKind
from lane.decision.referral import Decision, PassageId
from lane.desk.http_client import HttpDesk
from lane.desk.outbox import Outbox
from lane.desk.port import LaneIdentity
from lane.desk.status_reporter import StatusReporter
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.evaluation.cohort import Cohort
from lane.evaluation.evaluator import EvaluationThread, Evaluator
from lane.gate.port import Gate
from lane.gate.simulated import SimulatedGate
from lane.ledger.entry import Entry, Head, Picture
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.station import Station
from lane.platform.clock import SkippingClock
from models.image import encode_jpeg
from models.quality.motion import Before
from models.values.face import Box, Embedding, Face, ImageBGR
from models.values.measurement import Measured
from tests.support.lane.example_evidence import MATCHER, POLICY, inside
from tests.support.processes import forked

WRITES = ("INSERT", "DELETE", "UPDATE", "COMMIT")


class Death:
    """Kills the process at the nth tick, as a power cut would: no handler, no flush."""

    def __init__(self, at: int | None) -> None:
        self.at, self.ticks = at, 0

    def tick(self, *_: object) -> None:
        self.ticks += 1
        if self.ticks == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self) -> Iterator[None]:
        self.tick()
        yield
        self.tick()

    def on_write(self, statement: str) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            self.tick()


class MortalDesk(HttpDesk):
    """Dies before a call and after it, so that answers are lost too."""

    def __init__(self, address: str, token: str, death: Death) -> None:
        super().__init__(address, token)
        self.death = death

    def put_picture(self, picture: Picture, passage: PassageId) -> None:
        with self.death.around():
            super().put_picture(picture, passage)

    def put_entries(self, entries: Sequence[Entry], recovered_through: int | None = None) -> Head:
        with self.death.around():
            return super().put_entries(entries, recovered_through)

    def decision(self, passage: PassageId, wait_s: float) -> Decision | None:
        with self.death.around():
            return super().decision(passage, wait_s)


class PaperGate(SimulatedGate):
    """Writes every movement into a file; dies before and after each."""

    def __init__(self, path: Path, death: Death) -> None:
        super().__init__()
        self.path, self.death = path, death

    def _write(self, line: str) -> None:
        with self.death.around(), self.path.open("a", encoding="utf-8") as diary:
            diary.write(line + "\n")

    def open(self, passage: PassageId) -> None:
        self._write(f"open {passage}")

    def close(self) -> None:
        self._write("close")


class Plain:
    """Networks in name only: what is tried here is the writing, not the seeing."""

    class Embedder:
        identity = MATCHER

    embedder = Embedder()
    identities = ()

    def check_files(self) -> None: ...


class PlainMeasurer(Measurer):
    """Everybody is the holder; a black picture is too dark."""

    def __init__(self) -> None:
        super().__init__(Plain(), second_face_ratio=0.5)  # type: ignore[arg-type]  # networks in name only

    def find(self, image_bgr: ImageBGR, watch: Stopwatch) -> tuple[Face, ...]:
        return (Face(Box(10, 10, 40, 40), np.zeros((5, 2), np.float32), 0.9),)

    def look(self, image_bgr: ImageBGR, watch: Stopwatch, before: Before | None = None) -> Sighting:
        return self.look_at(image_bgr, self.find(image_bgr, watch), watch, before)

    def look_at(
        self, image_bgr: ImageBGR, faces: Sequence[Face], watch: Stopwatch, before: Before | None = None
    ) -> Sighting:
        quality = inside(POLICY.quality.document) | inside(POLICY.quality.live)
        if image_bgr.mean() < 1:
            quality["brightness"] = Measured(0)
        return Sighting(image_bgr, len(faces), faces[0], quality)

    def embed_by_parts(self, sighting: Sighting, watch: Stopwatch) -> Iterator[Embedding | None]:
        yield Embedding(np.array([1.0], np.float32), MATCHER)


class PlainCamera:
    """Grey frames for the first passenger, black ones for the next."""

    def __init__(self, clock: SkippingClock) -> None:
        self.clock, self.grey = clock, 128

    def frames(self) -> Iterator[Frame]:
        grey, self.grey = self.grey, 0
        for number in range(40):
            self.clock.skip(0.2)
            image = np.full((64, 64, 3), grey, np.uint8)
            image[0, 0] = number % 2  # a live sensor never gives the same picture twice
            yield Frame("plain", number, self.clock.now(), self.clock.monotonic_s(), image)


def passengers(count: int) -> Iterator[TravelDocument]:
    photo = encode_jpeg(np.full((64, 64, 3), 128, np.uint8))
    expires_on = (datetime.now(UTC) + timedelta(days=30)).date()
    document = TravelDocument(photo, expires_on, born_on=date(1980, 5, 17), kind=DocumentKind.ORDINARY)
    return iter([document] * count)


def serve(
    lane: str,
    journal: SqliteJournal,
    desk: HttpDesk,
    gate: Gate,
    camera: PlainCamera,
    count: int,
    gate_timeout_s: float = 15.0,
) -> None:
    """So many passengers, with the clock of their camera."""
    clock = camera.clock
    station = Station(
        lane,
        judge=Judge(camera, PlainMeasurer(), POLICY, clock),
        reader=SimulatedReader(passengers(count)),
        gate=gate,
        journal=journal,
        outbox=Outbox(journal, desk, clock),
        clock=clock,
        status_reporter=StatusReporter(desk, LaneIdentity(), clock),
        evaluation=EvaluationThread(Evaluator(POLICY, Cohort(10, 60.0, clock.monotonic_s)), 60.0),
        gate_timeout_s=gate_timeout_s,
    )
    station.start()
    while station.serve() is not None:
        pass


def main(settings: dict[str, str], crash_at: int | None, count: int) -> int:
    death = Death(crash_at)
    journal = SqliteJournal(Path(settings["journal"]), settings["lane"])
    journal._db.set_trace_callback(death.on_write)
    with MortalDesk(settings["desk"], settings["token"], death) as desk:
        gate = PaperGate(Path(settings["diary"]), death)
        serve(settings["lane"], journal, desk, gate, PlainCamera(SkippingClock()), count)
    return death.ticks


def run_one(settings: dict[str, str], crash_at: int, count: int) -> tuple[int, int]:
    """Exit status, negative for a signal, and the writes counted."""
    reading, writing = os.pipe()
    child = forked(lambda: os.write(writing, str(main(settings, crash_at or None, count)).encode()))
    os.close(writing)
    with os.fdopen(reading) as answer:
        writes = int(answer.read() or 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), writes


if __name__ == "__main__":
    lane = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for line in sys.stdin:
        crash_at, count = map(int, line.split())
        print(*run_one(lane, crash_at, count), flush=True)
