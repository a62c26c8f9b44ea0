"""An officer asks for a passenger at a lane: the lane, on real networks, and the desk, over HTTP."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.audit.verify.ledger import verify_ledger
from api.people.roles import Role
from lane.cameras.frame import Frame
from lane.cameras.simulated import SimulatedCamera
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.demo.passengers import Passenger, demo_passengers
from lane.desk.http_client import HttpDesk
from lane.desk.outbox import Outbox
from lane.desk.status_reporter import StatusReporter
from lane.document.simulated import SimulatedReader
from lane.document.travel_document import TravelDocument
from lane.gate.simulated import SimulatedGate
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.station import PassageReport, Station
from lane.platform.clock import SkippingClock
from lane.platform.errors import LedgerBrokenError
from tests.support.api.evaluated_lane import kinds
from tests.support.api.running_desk import Lane, Officer, RunningDesk, refusal, wait_until
from tests.support.lane.simulated_lane import ABOUT, openings


@pytest.fixture(scope="module")
def holder(measurer: Measurer, photos: Path) -> Passenger:
    assert photos.is_dir()
    return next(one for one in demo_passengers(measurer, SkippingClock().today()) if one.name == "holder")


class Watched:
    """See `lane.cameras.port.FrameSource`: something happens before the third frame."""

    def __init__(self, camera: SimulatedCamera, happens: Callable[[], object]) -> None:
        self.camera, self.happens, self.seen = camera, happens, 0

    def frames(self) -> Iterator[Frame]:
        for frame in self.camera.frames():
            self.seen += 1
            if self.seen == 3:
                self.happens()
            yield frame


@dataclass
class LaneAtWork:
    """One lane at a real desk."""

    station: Station
    status_reporter: StatusReporter
    gate: SimulatedGate

    def walk(self) -> PassageReport:
        report = self.station.serve()
        assert report is not None
        return report


@contextmanager
def settling(officer: Officer, station: Station) -> Iterator[None]:
    """Meanwhile the officer takes the case that comes, and admits by hand."""

    def stop_after_failure(settled: Future[None]) -> None:
        if settled.exception() is not None:
            station.stop()  # a station waits for an officer without end

    with ThreadPoolExecutor(1) as pool:
        settled = pool.submit(settle, officer)
        settled.add_done_callback(stop_after_failure)
        try:
            yield
        finally:
            settled.result(60)  # raises why the officer failed, also where that stopped the station


@pytest.fixture
def at_work(
    desk: RunningDesk, lane: Lane, tmp_path: Path, measurer: Measurer, policy: Policy, holder: Passenger
) -> Iterator[Callable[..., LaneAtWork]]:
    journal = SqliteJournal(tmp_path / "lane.sqlite", lane.name)
    client = HttpDesk(desk.address, lane.token)

    def made(
        *documents: TravelDocument, happens: Callable[[StatusReporter], object] = lambda _: None
    ) -> LaneAtWork:
        clock, gate = SkippingClock(), SimulatedGate()
        status_reporter = StatusReporter(client, ABOUT, clock)
        camera = SimulatedCamera(clock, clock.skip, holder.scene, frames_per_second=12.5)
        station = Station(
            lane.name,
            judge=Judge(Watched(camera, lambda: happens(status_reporter)), measurer, policy, clock),
            reader=SimulatedReader(iter(documents)),
            gate=gate,
            journal=journal,
            outbox=Outbox(journal, client, clock),
            clock=clock,
            status_reporter=status_reporter,
        )
        station.start()
        return LaneAtWork(station, status_reporter, gate)

    yield made
    journal.close()
    client.close()


def ask(one: Officer, wish: str = "P08", lane: str = "lane-1") -> Any:
    answer = one.ask("PUT", f"/lanes/{lane}/uncaptured", json={"wish": wish})
    assert answer.status_code == 200, answer.text
    return answer.json()


def settle(officer: Officer) -> None:
    """Take the case that waits, look, and admit by hand."""
    wait_until(lambda: officer.cases("open"), timeout_s=30)
    passage = str(officer.take_next())
    seen = officer.look(passage)
    assert (seen["step"], seen["images"]) == ("revealed", []), "there is nothing to compare"
    assert officer.answer(passage, "admit", "checked_by_hand").json()["state"] == "decided"


@pytest.mark.parametrize("wish", ["P03", "P04", "P08"])
def test_next_passenger_goes_to_officer_uncaptured(
    desk: RunningDesk, officer: Officer, at_work: Callable[..., LaneAtWork], holder: Passenger, wish: str
) -> None:
    """The one after does not."""
    here = at_work(holder.document, holder.document)
    asked = ask(officer, wish)
    assert (asked["by"], officer.read("/lanes/uncaptured")["requests"]) == (officer.pseudonym, [asked])
    here.status_reporter.exchange()
    with settling(officer, here.station):
        report = here.walk()
    assert {one.code for one in report.reasons} == {Code(wish)}
    assert report.frames == 0
    assert officer.read("/lanes/uncaptured")["requests"] == [], "it is good once"
    here.status_reporter.exchange()
    assert here.walk().reasons == ()
    assert openings(here.gate.diary) == 2
    assert kinds(desk).count("lane.requested") == 1
    verify_ledger(desk.desk.database)


def test_passenger_in_capture_is_stopped(
    desk: RunningDesk, officer: Officer, at_work: Callable[..., LaneAtWork], holder: Passenger
) -> None:
    def asks(status_reporter: StatusReporter) -> None:
        ask(officer)
        status_reporter.exchange()

    here = at_work(holder.document, happens=asks)
    with settling(officer, here.station):
        report = here.walk()
    assert {one.code for one in report.reasons} == {Code.DECLINES_FACE}
    with desk.officer("gu", Role.AUDITOR) as auditor:
        assert auditor.ask("GET", "/faces/count").json()["passages"] == 0, "nothing captured stays"
    verify_ledger(desk.desk.database)


@pytest.mark.parametrize("how", ["late", "withdrawn", "never heard"])
def test_late_withdrawn_lost_request_changes_nothing(
    desk: RunningDesk, officer: Officer, at_work: Callable[..., LaneAtWork], holder: Passenger, how: str
) -> None:
    here = at_work(holder.document)
    ask(officer)
    if how == "late":
        desk.clock.pass_time(seconds=desk.settings.request_s + 1)
    if how == "withdrawn":
        assert officer.ask("DELETE", "/lanes/lane-1/uncaptured").status_code == 204
    if how != "never heard":
        here.status_reporter.exchange()
    report = here.walk()
    assert report.reasons == ()
    assert report.gate_opened
    verify_ledger(desk.desk.database)


def test_no_request_or_withdrawal_without_basis(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """No request to an unknown lane, no withdrawal of what was not asked."""
    unknown = officer.ask("PUT", "/lanes/lane-9/uncaptured", json={"wish": "P08"})
    assert refusal(unknown) == (404, "lane_unknown")
    assert refusal(officer.ask("DELETE", "/lanes/lane-1/uncaptured")) == (404, "no_request")
    assert officer.ask("PUT", "/lanes/lane-1/uncaptured", json={"wish": "F10"}).status_code == 422


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ([{"request": 2}], "asked"),
        ([{"code": "P03"}], "asked"),
        ([{"by": "officer-x"}], "asked"),
        pytest.param([{}, {"passage": "p-2"}], "twice", id="one request used twice"),
    ],
)
def test_lane_claiming_unmade_request_is_found(
    desk: RunningDesk, lane: Lane, officer: Officer, changes: list[dict[str, Any]], fault: str
) -> None:
    ask(officer)
    said = {"passage": "p-1", "request": 1, "code": "P08", "by": officer.pseudonym}
    for change in changes:
        assert lane.deliver(lane.write("passage.asked", said | change)).status_code == 200
    with pytest.raises(LedgerBrokenError, match=fault):
        verify_ledger(desk.desk.database)
