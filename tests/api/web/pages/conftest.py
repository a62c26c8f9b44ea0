"""A page at a real browser, an officer who signs in there, and a passage for an auditor's pages."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from tests.api.audit.test_passages import judged
from tests.support.api.running_desk import Lane, RunningDesk
from tests.support.browser import quiet_page
from tests.support.lane.example_evidence import GOOD


@pytest.fixture
def locale() -> str:
    """What the browser speaks, where a test has no other as a parameter."""
    return "en-GB"


@pytest.fixture
def zone() -> str | None:
    """The browser's time zone, where a test has no other as a parameter."""
    return None


@pytest.fixture
def page(browser: Browser, desk: RunningDesk, locale: str, zone: str | None) -> Iterator[Page]:
    """It needs the desk: the page must be closed before the desk is."""
    with quiet_page(browser, locale, zone) as opened:
        yield opened


@pytest.fixture
def wang(desk: RunningDesk) -> None:
    """An officer who may sign in."""
    desk.officer("wang").http.close()


@pytest.fixture
def cleared(lane: Lane) -> str:
    """A passage whose decision can be made again."""
    made = str(uuid4())
    lane.deliver(
        lane.write("passage.started", {"passage": made}),
        lane.write("passage.judged", {"passage": made, "images": []} | judged(GOOD)),
        lane.write("passage.closed", {"passage": made, "how": "passed_through"}),
    )
    return made
