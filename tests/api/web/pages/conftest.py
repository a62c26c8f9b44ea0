"""A page of an officer at a real browser, and a passage for an auditor's pages."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from tests.api.audit.test_passages import judged
from tests.support.api.running_desk import Lane, RunningDesk
from tests.support.browser import quiet_page
from tests.support.lane.example_evidence import GOOD


@pytest.fixture
def page(browser: Browser, desk: RunningDesk) -> Iterator[Page]:
    desk.officer("wang").http.close()
    with quiet_page(browser) as opened:
        yield opened


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
