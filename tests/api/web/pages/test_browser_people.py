"""Administrators and the own account in a real browser: keyboard alone, both languages, at 200 % zoom."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from api.audit.verify.ledger import verify_ledger
from api.people.roles import Role
from tests.support import tiers
from tests.support.api.officer_pages import press
from tests.support.api.running_desk import PASSWORD, RunningDesk
from tests.support.browser import quiet_page

NEW = "a horse that is correct"

pytestmark = pytest.mark.browser


@pytest.fixture
def people(desk: RunningDesk) -> None:
    for name, role in (("chen", Role.ADMINISTRATOR), ("li.na", Role.OFFICER), ("zhou", Role.AUDITOR)):
        desk.officer(name, role).http.close()
    desk.lane().http.close()


@pytest.fixture
def page(browser: Browser, people: None) -> Iterator[Page]:
    with quiet_page(browser) as opened:
        yield opened


def sign_in(page: Page, desk: RunningDesk, name: str, password: str = PASSWORD) -> None:
    page.goto(f"{desk.address}/sign-in")
    page.locator("input[name=name]:focus").wait_for()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.locator(".who").wait_for()


def test_newcomer_registered_chooses_password_by_keyboard(page: Page, desk: RunningDesk) -> None:
    sign_in(page, desk, "chen")
    assert page.url == f"{desk.address}/people"
    page.get_by_label("Name to sign in with").focus()
    page.keyboard.type("sun.li")
    press(page, "Tab", "Space", "ArrowDown", "Tab")
    page.keyboard.type("customs")
    page.keyboard.press("Enter")
    told = page.locator("output").inner_text()
    page.get_by_role("link", name="It is noted").press("Enter")
    assert "Supervisor" in page.get_by_role("row", name="sun.li").inner_text()
    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/sign-in")
    sign_in(page, desk, "sun.li", told)
    assert page.url == f"{desk.address}/account"
    page.locator("input[type=password]:focus").wait_for()
    page.keyboard.type(told)
    for _ in range(2):
        page.keyboard.press("Tab")
        page.keyboard.type(NEW)
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    page.goto(desk.address)
    assert page.url == f"{desk.address}/queue"
    verify_ledger(desk.desk.database)


@pytest.mark.thorough
def test_person_gets_other_role_and_leaves(page: Page, desk: RunningDesk) -> None:
    sign_in(page, desk, "chen")
    page.get_by_role("link", name="li.na").press("Enter")
    page.get_by_label("Auditor").check()
    page.get_by_role("button", name="Change the role").press("Enter")
    page.get_by_text("Auditor ·").wait_for()
    page.get_by_text("Let this person sign in no more …").press("Enter")
    page.get_by_role("button", name="Sign in no more").press("Enter")
    page.get_by_text("What this person decided stays in the ledger.").wait_for()
    verify_ledger(desk.desk.database)


@pytest.mark.thorough
@tiers.parametrize("locale", ["zh-CN", "en-GB"], quick=1)
@tiers.parametrize("scheme", ["light", "dark"], quick=1)
def test_nothing_cut_off_at_200_percent(
    browser: Browser, people: None, desk: RunningDesk, locale: str, scheme: str
) -> None:
    with desk.changed(origin="http://localhost:1"), quiet_page(browser, locale) as page:
        page.set_viewport_size({"width": 683, "height": 384})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        sign_in(page, desk, "chen")
        person = page.get_by_role("link", name="li.na").get_attribute("href")
        for path in ("/people", person, "/lanes", "/account"):
            page.goto(f"{desk.address}{path}")
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0, path
            # A target for a finger: as the page's styles promise.
            small = page.locator("main button:visible, main a.button:visible").evaluate_all(
                "found => found.filter(one => one.getBoundingClientRect().height < 44).length"
            )
            assert small == 0, path
