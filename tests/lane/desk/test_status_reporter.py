"""A lane that supervisors see and may close: told beside the flow, obeyed, and never a way to open a gate.

What an officer asks for at a lane is taken up once, never late, and good for nothing but a referral.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lane.cameras.frame import Frame
from lane.cameras.health import CameraCounts, CameraHealth, CameraStatus
from lane.decision.passage_states import State
from lane.decision.reason_codes import Code
from lane.decision.referral import Answer, PassageId
from lane.desk.port import LONGEST_REQUEST_S, NO_COMMAND, WISHES, Command, Request, Status
from lane.desk.status_reporter import StatusReporter, WatchedCamera
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.platform.clock import SkippingClock
from lane.platform.errors import CameraError, DeskLostError, NobodyYetError
from tests.support import tiers
from tests.support.lane.simulated_lane import (
    ABOUT,
    ADMITTED,
    CLOSE,
    DOCUMENT,
    LANE,
    OPEN,
    REFERRED,
    STOP,
    Scripted,
    SimulatedDesk,
    StandingClock,
    openings,
    scripted_lane,
    second_line,
)


def test_a_lane_tells_how_it_stands(tmp_path: Path) -> None:
    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.status_reporter.exchange()
    here.station.serve()
    here.status_reporter.exchange()
    before, after = here.desk.statuses
    assert (before.state, before.passages, before.outbox) == ("waiting", 0, 0)
    assert (after.state, after.passages, after.about) == ("waiting", 1, ABOUT)


def test_closed_lane_serves_nobody(tmp_path: Path) -> None:
    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.hear(CLOSE)
    assert here.serves_nobody()
    assert here.facts() == [("lane.started", None), ("lane.obeyed", "closed")]
    assert here.status_reporter.status().state == "closed"
    assert openings(here.gate.diary) == 0


def test_reopened_lane_serves_next_passenger(tmp_path: Path) -> None:
    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.hear(CLOSE)
    threading.Timer(0.05, lambda: here.hear(OPEN)).start()
    assert here.walk().gate_opened
    assert [what for kind, what in here.facts() if kind == "lane.obeyed"] == ["closed", "open"]


def test_closing_lane_finishes_its_passage(tmp_path: Path) -> None:
    judge = Scripted(ADMITTED)
    here = scripted_lane(tmp_path, judge)
    judge.meanwhile = lambda: here.hear(CLOSE)
    assert here.walk().gate_opened


def test_document_at_closed_lane_is_unserved(tmp_path: Path) -> None:
    def late() -> Iterator[TravelDocument]:
        here.hear(CLOSE)
        yield DOCUMENT
        pytest.fail("a closed lane reads no document")

    here = scripted_lane(tmp_path, Scripted(ADMITTED), late())
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

    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.station._reader = Patient(iter([DOCUMENT]))
    assert here.station.serve() is not None
    assert Patient.asked == 2


def test_stop_ends_wait_for_officer(tmp_path: Path) -> None:
    """The officer's answer then opens nothing."""

    def stopped_meanwhile(_: PassageId) -> Answer | None:
        here.hear(STOP)
        return Answer.ADMIT

    here = scripted_lane(tmp_path, Scripted(REFERRED), desk=SimulatedDesk(LANE, script=stopped_meanwhile))
    assert not here.walk().gate_opened
    assert [kind for kind, _ in here.facts()][-2:] == ["passage.decided", "passage.closed"]
    assert here.facts()[-1] == ("passage.closed", "interrupted")


def test_lane_keeps_last_command(tmp_path: Path) -> None:
    """While the desk is lost, and over a restart."""
    here = scripted_lane(tmp_path, Scripted(ADMITTED))
    here.hear(STOP)
    assert here.serves_nobody()
    here.journal.close()
    again = scripted_lane(tmp_path, Scripted(ADMITTED), desk=here.desk)
    again.desk.fault = DeskLostError("nobody there")
    again.status_reporter.exchange()
    assert again.status_reporter.status().state == "stopped"
    assert again.serves_nobody()


def test_failing_reporter_stops_nothing(tmp_path: Path) -> None:
    class Broken(SimulatedDesk):
        def report(self, _status: object) -> Command:
            raise ZeroDivisionError

    here = scripted_lane(tmp_path, Scripted(ADMITTED), desk=Broken(LANE))
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

        here = scripted_lane(Path(folder), Scripted(REFERRED), desk=SimulatedDesk(LANE, script=script))
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


def test_camera_goes_unknown_good_stale_lost() -> None:
    """It is stale while it is asked for a frame and gives none; the age of its last one is told."""
    clock = SkippingClock()
    camera, status_reporter = watched(Frames([0.0], clock, fails=True))
    assert status_reporter.status().camera.health is CameraHealth.UNKNOWN
    given = camera.frames()
    next(given)
    assert status_reporter.status().camera.health is CameraHealth.GOOD
    clock.skip(1.5)
    status = status_reporter.status().camera
    assert status.health is CameraHealth.STALE
    assert status.frame_age_ms is not None
    assert status.frame_age_ms >= 1500
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


def test_a_stopped_lanes_camera_gives_nothing() -> None:
    camera, status_reporter = watched(Frames([0.0, 0.0], SkippingClock()))
    status_reporter.remember(STOP)
    assert list(camera.frames()) == []


def test_every_passage_state_has_a_word() -> None:
    status_reporter = StatusReporter(SimulatedDesk(LANE), ABOUT, SkippingClock())
    said = set()
    for state in State:
        status_reporter.note_passage(state, 0)
        said.add(status_reporter.status().state)
    status_reporter.note_fault()
    assert said | {status_reporter.status().state} == {"waiting", "capturing", "referred", "open", "fault"}


def test_own_fault_is_logged_while_desk_is_away(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Status:
        raise ValueError("of our own")

    desk = SimulatedDesk(LANE, fault=DeskLostError("nobody is there"))
    status_reporter = StatusReporter(desk, ABOUT, StandingClock())
    status_reporter.exchange()
    monkeypatch.setattr(status_reporter, "status", fail)
    for _ in range(2):
        status_reporter.exchange()
    assert [bool(one.exc_info) for one in caplog.records] == [False, True], "each once, ours with its place"


# --- an officer's requests

REQUEST = Request(1, Code.DECLINES_FACE, "officer-0000beef", 120.0)


def hear(desk: SimulatedDesk, request: Request | None, status_reporter: StatusReporter) -> None:
    desk.command = replace(NO_COMMAND, request=request)
    status_reporter.exchange()


def test_request_is_taken_up_once() -> None:
    desk = SimulatedDesk(LANE)
    status_reporter = StatusReporter(desk, ABOUT, StandingClock())
    hear(desk, REQUEST, status_reporter)
    assert status_reporter.take_request() == REQUEST
    assert status_reporter.take_request() is None
    status_reporter.exchange()
    assert desk.statuses[-1].asked == 1
    assert status_reporter.take_request() is None, "the desk had said it again before it heard"


def test_late_or_withdrawn_request_is_nobodys() -> None:
    desk, clock = SimulatedDesk(LANE), StandingClock()
    status_reporter = StatusReporter(desk, ABOUT, clock)
    hear(desk, REQUEST, status_reporter)
    hear(desk, None, status_reporter)
    assert status_reporter.take_request() is None, "it was withdrawn"
    hear(desk, REQUEST, status_reporter)
    desk.fault = DeskLostError("nobody is there")
    clock.skip(120.5)
    status_reporter.exchange()
    assert status_reporter.take_request() is None, "the desk is away, and it is late"


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("ask"), st.integers(1, 4), st.floats(0.5, LONGEST_REQUEST_S)),
            st.tuples(st.just("wait"), st.just(0), st.floats(0, 400)),
            st.tuples(st.just("take"), st.just(0), st.just(0.0)),
            st.tuples(st.just("restart"), st.just(0), st.just(0.0)),
        ),
        max_size=20,
    )
)
def test_requests_never_repeat_or_come_late(steps: list[tuple[str, int, float]]) -> None:
    desk, clock = SimulatedDesk(LANE), StandingClock()
    status_reporter, taken, until_s = StatusReporter(desk, ABOUT, clock), 0, 0.0
    for what, number, seconds in steps:
        if what == "ask":
            until_s = clock.monotonic_s() + seconds
            hear(desk, replace(REQUEST, number=number, for_s=seconds), status_reporter)
        elif what == "wait":
            clock.skip(seconds)
        elif what == "restart":
            status_reporter = StatusReporter(desk, ABOUT, clock)
            status_reporter.remember(NO_COMMAND, taken)
        elif (request := status_reporter.take_request()) is not None:
            assert request.number > taken
            assert clock.monotonic_s() <= until_s
            taken = request.number


@pytest.mark.parametrize(
    ("sound", "wrong"),
    [
        *((CLOSE, one) for one in ({"number": 0}, {"number": -1}, {"by": None}, {"by": "Li Wei"})),
        *((REQUEST, {"number": number}) for number in (0, 2**53)),
        *((REQUEST, {"code": code}) for code in (Code.CHILD, Code.NO_MATCH)),
        *((REQUEST, {"by": by}) for by in ("", "a name")),
        *((REQUEST, {"for_s": for_s}) for for_s in (0.0, float("nan"), float("inf"))),
    ],
    ids=str,
)
def test_what_no_desk_says_is_none(sound: Command | Request, wrong: dict[str, object]) -> None:
    assert Code.DECLINES_FACE in WISHES
    with pytest.raises(ValueError, match=r"request|asks|command|lane"):
        replace(sound, **wrong)  # type: ignore[arg-type]
