"""No serious fault of accessibility on any page, in both languages, by day and by night, as axe-core sees it.

Every page that is served is looked at: a new one is among them without being named here.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.routing import iter_route_contexts
from playwright.sync_api import Browser

from api.app import create_app
from api.auth import GuardedPage, cookie_name
from api.permissions import RULES, Caller
from api.settings import Settings
from tests.api.desks import drawn_face, running
from tests.api.service import tell
from tests.api.test_permissions import STRANGER, Site

pytestmark = pytest.mark.browser

PARTS = {"show_cases", "show_evaluation_live", "show_hall_live"}
"""Parts of pages, which come into a page that is looked at."""
WAYS = {"ask_provider", "come_from_provider"}
"""Ways to and from the site's identity provider, which this desk does not have: problem pages at most."""
PAGES = [
    pytest.param(str(route.path), route.original_route.name, id=route.original_route.name)
    for route in iter_route_contexts(create_app(Settings()).routes)
    if isinstance(route.original_route, GuardedPage)
    and route.methods == {"GET"}
    and route.original_route.name not in PARTS | WAYS
]
ONLY = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass
class Shown:
    """A desk with something on every page."""

    site: Site
    cookie: str
    passages: dict[str, str]
    people: list[str]

    def addresses(self, path: str, caller: str) -> list[str]:
        if "{passage}" in path:
            return [path.replace("{passage}", passage) for passage in self.passages.values()]
        officer = next(iter(self.people))
        return [path.replace("{lane}", "lane-1").replace("{officer}", officer)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with running(tmp_path_factory.mktemp("desk")) as desk, ExitStack() as stack:
        site = Site(desk, stack)
        lane = stack.enter_context(desk.lane("lane-2"))
        tell(lane)
        states = ("open", "blind", "revealed", "decided")
        images = [drawn_face(1), drawn_face(2), drawn_face(3)]
        passages = {state: lane.refer(images=images) for state in states}
        held = site.people[Caller.OFFICER]
        for state in states[1:]:
            held.claim(passages[state])
            held.ask("GET", f"/referrals/{passages[state]}")
        for state in states[2:]:
            assert held.judge(passages[state]).status_code == 200
        assert held.decide(passages["decided"], "second_line", "cannot_tell").status_code == 200
        people = [officer.pseudonym for officer in site.people.values()]
        yield Shown(site, cookie_name(desk.settings), passages, people)


def faults(browser: Browser, shown: Shown, path: str, caller: str, locale: str, scheme: Any) -> list[str]:
    context = browser.new_context(locale=locale, color_scheme=scheme, viewport={"width": 1366, "height": 768})
    client = shown.site.clients[caller]
    if caller in shown.site.people:
        shown.site.signed_in(Caller(caller))
        value = client.cookies[shown.cookie]
        context.add_cookies([{"name": shown.cookie, "value": value, "url": shown.site.address}])
    page = context.new_page()
    try:
        found = []
        for address in shown.addresses(path, caller):
            answer = page.goto(f"{shown.site.address}{address}")
            assert answer is not None
            assert answer.status == 200, (caller, address, answer.status)
            assert caller == STRANGER or "/sign-in" not in page.url
            result = Axe().run(page, options=ONLY)
            assert len(result.response["passes"]) > 10, "axe has looked at nothing"
            found += [
                f"{caller} {address} {fault['impact']} {fault['id']}: {node['html'][:160]}"
                for fault in result.response["violations"]
                if fault["impact"] in ("serious", "critical")
                for node in fault["nodes"]
            ]
        return found
    finally:
        context.close()


LOOKS: list[tuple[str, Literal["light", "dark"]]] = [("en-GB", "light"), ("zh-CN", "dark")]


@pytest.mark.parametrize(("path", "name"), PAGES)
def test_no_page_has_a_serious_fault_of_accessibility(
    path: str, name: str, browser: Browser, shown: Shown
) -> None:
    allowed = [caller for caller in shown.site.people if caller in RULES[name].callers]
    held = [caller for caller in allowed if caller is Caller.OFFICER]
    for number, caller in enumerate((held if "{passage}" in path else allowed) or [STRANGER]):
        for locale, scheme in LOOKS if number == 0 else LOOKS[:1]:
            assert faults(browser, shown, path, caller, locale, scheme) == []
