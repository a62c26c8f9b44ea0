"""A page of an officer at a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import quiet_page
from tests.support.running_desk import RunningDesk


@pytest.fixture
def page(browser: Browser, desk: RunningDesk) -> Iterator[Page]:
    desk.officer("wang").http.close()
    with quiet_page(browser) as opened:
        yield opened
