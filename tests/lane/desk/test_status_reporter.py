"""A lane that supervisors see and may close: told beside the flow, obeyed, and never a way to open a gate."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lane.cameras.frame import Frame
from lane.cameras.health import CameraCounts, CameraHealth, CameraStatus
from lane.decision.decide import Admit, Refer
from lane.decision.evidence import DeskContact
from lane.decision.passage_states import State
from lane.decision.reason_codes import Code, Reason
from lane.decision.referral import Answer, PassageId
from lane.desk.commands import NO_COMMAND, Command, WantedState
from lane.desk.outbox import Outbox
from lane.desk.simulated import SimulatedDesk, second_line
from lane.desk.status import LaneIdentity
from lane.desk.status_reporter import StatusReporter, WatchedCamera
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.gate.light_beams import Passing
from lane.gate.simulated import SimulatedGate
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import JudgedPassage
from lane.passage.station import PassageReport, Station
from lane.platform.clock import SkippingClock, SystemClock
from lane.platform.errors import CameraError, DeskLostError, NobodyYetError
from tests.support import tiers
from tests.support.lane.example_evidence import GOOD, MATCHER, POLICY
from tests.support.lane.simulated_lane import LANE, opened, openings

ABOUT = LaneIdentity("1", "CPUExecutionProvider", "sface", "1")
DOCUMENT = TravelDocument(b"", date(2031, 1, 31))
CLOSE = Command(1, WantedState.CLOSED, "officer-0000beef")
STOP = Command(2, WantedState.STOPPED, "officer-0000beef")
OPEN = Command(3, WantedState.OPEN, "officer-0000beef")
ADMITTED = JudgedPassage(GOOD, Admit(()), (), {})
REFERRED = JudgedPassage(GOOD, Refer((Reason(Code.NO_MATCH),), ()), (), {})


@dataclass
class Scripted:
    """Judges as it is told; `meanwhile` happens while it does."""

    judged: JudgedPassage
    meanwhile: Callable[[], None] = lambda: None
    policy = POLICY
    records = False

    @property
    def measurer(self) -> object:
        networks = type("", (), {"embedder": type("", (), {"identity": MATCHER}), "identities": ()})
        return type("", (), {"networks": networks})

    def judge(self, _document: TravelDocument, _desk: DeskContact, **_: object) -> JudgedPassage:
        self.meanwhile()
        return self.judged


@dataclass
class Here:
    """One lane whose status reporter speaks when it is told to."""

    folder: Path
    judge: Scripted
    documents: Iterator[TravelDocument] = field(default_factory=lambda: iter([DOCUMENT]))
    desk: SimulatedDesk = field(default_factory=lambda: SimulatedDesk(LANE))
    gate: SimulatedGate = field(default_factory=SimulatedGate)

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.journal = opened(SqliteJournal(self.folder / "lane.sqlite", LANE))
        self.status_reporter = StatusReporter(self.desk, ABOUT, self.clock)
        self.station = Station(
            LANE,
            judge=self.judge,  # type: ignore[arg-type]
            reader=SimulatedReader(self.documents),
            gate=self.gate,
            journal=self.journal,
            outbox=Outbox(self.journal, self.desk, self.clock),
            clock=self.clock,
            status_reporter=self.status_reporter,
        )
        self.station.start()

    def hear(self, command: Command) -> None:
        self.desk.command = command
        self.status_reporter.exchange()

    def walk(self) -> PassageReport:
        report = self.station.serve()
        assert report is not None
        return report

    def serves_nobody(self) -> bool:
        """Whether no passenger is served until the lane is stopped, a moment later."""
        threading.Timer(0.05, self.station.stop).start()
        return self.station.serve() is None

    def facts(self) -> list[tuple[str, object]]:
        return [(one.kind, one.body.get("how", one.body.get("wanted"))) for one in self.desk.entries]


def test_a_lane_tells_how_it_stands(tmp_path: Path) -> None:
    here = Here(tmp_path, Scripted(ADMITTED))
    here.status_reporter.exchange()
    here.station.serve()
    here.status_reporter.exchange()
    before, after = here.desk.statuses
    assert (before.state, before.passages, before.outbox) == ("waiting", 0, 0)
    assert (after.state, after.passages, after.about) == ("waiting", 1, ABOUT)


def test_closed_lane_serves_nobody(tmp_path: Path) -> None:
    here = Here(tmp_path, Scripted(ADMITTED))
    here.hear(CLOSE)
    assert here.serves_nobody()
    assert here.facts() == [("lane.started", None), ("lane.obeyed", "closed")]
    assert here.status_reporter.status().state == "closed"
    assert openings(here.gate.diary) == 0


def test_reopened_lane_serves_next_passenger(tmp_path: Path) -> None:
    here = Here(tmp_path, Scripted(ADMITTED))
    here.hear(CLOSE)
    threading.Timer(0.05, lambda: here.hear(OPEN)).start()
    assert here.walk().gate_opened
    assert [what for kind, what in here.facts() if kind == "lane.obeyed"] == ["closed", "open"]


def test_closing_lane_finishes_its_passage(tmp_path: Path) -> None:
    judge = Scripted(ADMITTED)
    here = Here(tmp_path, judge)
    judge.meanwhile = lambda: here.hear(CLOSE)
    assert here.walk().gate_opened


def test_document_at_closed_lane_is_unserved(tmp_path: Path) -> None:
    def late() -> Iterator[TravelDocument]:
        here.hear(CLOSE)
        yield DOCUMENT
        pytest.fail("a closed lane reads no document")

    here = Here(tmp_path, Scripted(ADMITTED), late())
    assert here.serves_nobody()
    assert "passage.started" not in here.desk.kinds()


def test_idle_reader_lets_lane_look_up(tmp_path: Path) -> None:

    class Patient(SimulatedReader):
        asked = 0

        def read(self) -> TravelDocument | None:
            Patient.asked += 1
            if Patient.asked == 1:
                raise NobodyYetError
            return super().read()

    here = Here(tmp_path, Scripted(ADMITTED))
    here.station._reader = Patient(iter([DOCUMENT]))
    assert here.station.serve() is not None
    assert Patient.asked == 2


@pytest.mark.parametrize("judged", [ADMITTED, REFERRED])
def test_stop_interrupts_passage_before_gate_opens(judged: JudgedPassage, tmp_path: Path) -> None:
    judge = Scripted(judged)
    here = Here(tmp_path, judge, desk=SimulatedDesk(LANE, script=lambda _: Answer.ADMIT))
    judge.meanwhile = lambda: here.hear(STOP)
    assert not here.walk().gate_opened
    assert here.facts()[-1] == ("passage.closed", "interrupted")


def test_stop_ends_wait_for_officer(tmp_path: Path) -> None:
    """The officer's answer then opens nothing."""

    def stopped_meanwhile(_: PassageId) -> Answer | None:
        here.hear(STOP)
        return Answer.ADMIT

    here = Here(tmp_path, Scripted(REFERRED), desk=SimulatedDesk(LANE, script=stopped_meanwhile))
    assert not here.walk().gate_opened
    assert [kind for kind, _ in here.facts()][-2:] == ["passage.decided", "passage.closed"]
    assert here.facts()[-1] == ("passage.closed", "interrupted")


def test_stop_shuts_open_gate(tmp_path: Path) -> None:
    class Slow(SimulatedGate):
        def wait_passed(self, timeout_s: float) -> Passing:
            here.hear(STOP)
            return super().wait_passed(timeout_s)

    here = Here(tmp_path, Scripted(ADMITTED), gate=Slow(Passing.NOT_YET))
    assert here.walk().gate_opened
    assert here.gate.diary[-1] == "close"
    assert len(here.gate.diary) == 3, "it is asked once, not until time is up"
    assert here.facts()[-1] == ("passage.closed", "interrupted")


def test_lane_keeps_last_command(tmp_path: Path) -> None:
    """While the desk is lost, and over a restart."""
    here = Here(tmp_path, Scripted(ADMITTED))
    here.hear(STOP)
    assert here.serves_nobody()
    here.journal.close()
    again = Here(tmp_path, Scripted(ADMITTED), desk=here.desk)
    again.desk.fault = DeskLostError("nobody there")
    again.status_reporter.exchange()
    assert again.status_reporter.status().state == "stopped"
    assert again.serves_nobody()


def test_failing_reporter_stops_nothing(tmp_path: Path) -> None:
    class Broken(SimulatedDesk):
        def report(self, _status: object) -> Command:
            raise ZeroDivisionError

    here = Here(tmp_path, Scripted(ADMITTED), desk=Broken(LANE))
    with here.status_reporter:
        assert here.walk().gate_opened


COMMANDS = st.sampled_from([NO_COMMAND, CLOSE, STOP, OPEN])


@settings(max_examples=tiers.examples(60), deadline=None)
@given(st.lists(COMMANDS, min_size=1, max_size=8), st.sampled_from([None, Answer.SECOND_LINE]))
def test_no_command_replaces_proof_or_admit(commands: list[Command], answer: Answer | None) -> None:
    status = iter(commands)
    with TemporaryDirectory() as folder:

        def script(passage: PassageId) -> Answer | None:
            command = next(status, None)
            if command is None:
                return second_line(passage)
            here.hear(command)
            return answer

        here = Here(Path(folder), Scripted(REFERRED), desk=SimulatedDesk(LANE, script=script))
        here.station._officer_wait_s = 0
        report = here.station.serve()
        here.journal.close()
    assert report is not None
    assert not report.gate_opened
    assert openings(here.gate.diary) == 0


# --- the camera


@dataclass
class Frames:
    """A camera that gives these frames, then fails where it shall."""

    ages_s: list[float]
    clock: SkippingClock
    fails: bool = False

    def frames(self) -> Iterator[Frame]:
        for number, age_s in enumerate(self.ages_s):
            at_s = self.clock.monotonic_s() - age_s
            yield Frame("camera", number, self.clock.now(), at_s, None)  # type: ignore[arg-type]
        if self.fails:
            raise CameraError("gone")


def watched(frames: Frames) -> tuple[WatchedCamera, StatusReporter]:
    status_reporter = StatusReporter(SimulatedDesk(LANE), ABOUT, frames.clock)
    return WatchedCamera(frames, status_reporter, frames.clock), status_reporter


def test_camera_goes_unknown_good_lost() -> None:
    frames = Frames([0.0], SkippingClock(), fails=True)
    camera, status_reporter = watched(frames)
    assert status_reporter.status().camera.health is CameraHealth.UNKNOWN
    given = camera.frames()
    next(given)
    assert status_reporter.status().camera.health is CameraHealth.GOOD
    with pytest.raises(CameraError):
        next(given)
    assert status_reporter.status().camera.health is CameraHealth.LOST


class Counting:
    counts = CameraCounts()

    def frames(self) -> Iterator[Frame]:
        yield from ()

    def status(self) -> CameraStatus:
        return CameraStatus(CameraHealth.GOOD, 40, self.counts)


def test_camera_losses_show_for_ten_minutes() -> None:
    """A camera that does not count tells none."""
    clock, camera = SkippingClock(), Counting()
    status_reporter = StatusReporter(SimulatedDesk(LANE), ABOUT, clock)
    assert status_reporter.status().camera.counts is None
    WatchedCamera(camera, status_reporter, clock)
    camera.counts = CameraCounts(frames=1000, spoilt=7, skipped=3, reconnects=1)
    assert status_reporter.status().camera.counts == camera.counts
    for _ in range(59):
        clock.skip(10)
        status_reporter.status()
    assert status_reporter.status().camera.counts == camera.counts
    clock.skip(30)
    camera.counts = replace(camera.counts, frames=1700, spoilt=8)
    assert status_reporter.status().camera.counts == CameraCounts(frames=700, spoilt=1)
    camera.counts = CameraCounts(frames=5)
    assert status_reporter.status().camera.counts == CameraCounts(), "counted anew: nothing is less than none"


def test_hanging_camera_is_stale() -> None:
    """While it is asked for a frame; the age of its last one is told."""
    clock = SkippingClock()
    camera, status_reporter = watched(Frames([0.0, 0.0], clock))
    given = camera.frames()
    next(given)
    clock.skip(1.5)
    status = status_reporter.status().camera
    assert status.health is CameraHealth.STALE
    assert status.frame_age_ms is not None
    assert status.frame_age_ms >= 1500


def test_a_stopped_lanes_camera_gives_nothing() -> None:
    camera, status_reporter = watched(Frames([0.0, 0.0], SkippingClock()))
    status_reporter.remember(STOP)
    assert list(camera.frames()) == []


@pytest.mark.parametrize("change", [{"number": 0}, {"number": -1}, {"by": None}, {"by": "Li Wei"}])
def test_unknown_command_is_none(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"command|lane"):
        replace(CLOSE, **change)  # type: ignore[arg-type]


def test_every_passage_state_has_a_word() -> None:
    status_reporter = StatusReporter(SimulatedDesk(LANE), ABOUT, SystemClock())
    said = set()
    for state in State:
        status_reporter.note_passage(state)
        said.add(status_reporter.status().state)
    status_reporter.note_fault()
    assert said | {status_reporter.status().state} == {"waiting", "capturing", "referred", "open", "fault"}
