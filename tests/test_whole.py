"""A passenger, a lane on real networks, a desk, an officer in a real browser: a person opens the gate."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from lane.cameras.simulated import SimulatedCamera
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.decision.referral import Answer
from lane.demo.passengers import demo_passengers
from lane.desk.http_client import HttpDesk
from lane.desk.outbox import Outbox
from lane.desk.status_reporter import StatusReporter
from lane.document.simulated import SimulatedReader
from lane.gate.simulated import SimulatedGate
from lane.ledger.journal import SqliteJournal
from lane.passage.judge import Judge
from lane.passage.station import PassageReport, Station
from lane.platform.clock import SkippingClock
from tests.support.browser import quiet_page
from tests.support.desk_of_lane import DeskOfLane, desk_of_lane
from tests.support.lane.simulated_lane import ABOUT, openings

LANE = "lane-1"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[DeskOfLane]:
    with desk_of_lane(tmp_path, LANE) as desk:
        yield desk


class Walk(threading.Thread):
    """One passenger who walks through the lane while the test's own thread drives the browser."""

    def __init__(self, passage: Callable[[], PassageReport | None]) -> None:
        super().__init__(daemon=True)
        self.passage = passage
        self.report: PassageReport | None = None

    def run(self) -> None:
        self.report = self.passage()


def walk_in_the_dark(
    site: DeskOfLane, folder: Path, measurer: Measurer, policy: Policy, gate: SimulatedGate
) -> Walk:
    """The passenger whose camera sees too little: only an officer can tell."""
    clock = SkippingClock()
    passenger = next(one for one in demo_passengers(measurer, clock.today()) if one.name == "dark")

    camera = SimulatedCamera(clock, clock.skip, passenger.scene, frames_per_second=5)

    def passage() -> PassageReport | None:
        with (
            SqliteJournal(folder / "lane.sqlite", LANE) as journal,
            HttpDesk(site.address, site.token) as desk,
        ):
            station = Station(
                LANE,
                judge=Judge(camera, measurer, policy, clock),
                reader=SimulatedReader(iter([passenger.document])),
                gate=gate,
                journal=journal,
                outbox=Outbox(journal, desk, clock),
                clock=clock,
                status_reporter=StatusReporter(desk, ABOUT, clock),
            )
            station.start()
            return station.serve()

    return Walk(passage)


@pytest.mark.thorough
@pytest.mark.browser
def test_officers_browser_decision_opens_gate(
    browser: Browser, site: DeskOfLane, tmp_path: Path, photos: Path, measurer: Measurer, policy: Policy
) -> None:
    """An officer claims and decides there, and the gate opens in the lane."""
    assert photos.is_dir()
    gate = SimulatedGate()
    walk = walk_in_the_dark(site, tmp_path, measurer, policy, gate)
    with quiet_page(browser) as page:
        sign_in(page, site)
        walk.start()
        admit(page, gate)
    walk.join(timeout=30)
    assert walk.report is not None
    assert walk.report.officer is Answer.ADMIT
    assert walk.report.gate_opened
    assert openings(gate.diary) == 1
    assert gate.diary[-1] == "close"


def sign_in(page: Page, site: DeskOfLane) -> None:
    page.goto(site.address)
    page.get_by_label("Name").fill("officer")
    page.get_by_label("Password").fill(site.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nobody is waiting")).to_be_visible()


def admit(page: Page, gate: SimulatedGate) -> None:
    expect(page.get_by_role("heading", name="1 passenger waiting")).to_be_visible(timeout=30_000)
    assert openings(gate.diary) == 0, "a referral waits behind a closed gate"
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Is this the same person?")).to_be_visible()
    page.locator("#help:visible").wait_for()
    page.keyboard.press("s")
    page.keyboard.press("4")
    expect(page.get_by_role("button", name="Admit")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.locator("#confirm:enabled:focus").wait_for()
    assert openings(gate.diary) == 0, "nothing is decided before it is confirmed"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Admitted")).to_be_visible()
