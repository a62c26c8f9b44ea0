"""No serious fault of accessibility on any page, in both languages, by day and by night, as axe-core sees it.

Every page that is served is looked at: a new one is among them without being named here.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.routing import iter_route_contexts
from playwright.sync_api import Browser, Page

from api.people.roles import Role
from api.web.access.authentication import GuardedPage, cookie_name
from api.web.access.permissions import RULES
from tests.api.review.test_prepared_cases import prepare
from tests.api.web.test_permissions import STRANGER, Site
from tests.support import tiers
from tests.support.api import described_desk
from tests.support.api.evaluated_lane import tell
from tests.support.api.running_desk import Lane, Officer, RunningDesk, drawn_face, running

pytestmark = pytest.mark.browser

PARTS = {"show_cases", "show_evaluation_live", "show_hall_live"}
"""Parts of pages, which come into a page that is looked at."""
WAYS = {"ask_provider", "come_from_provider"}
"""Ways to and from the site's identity provider, which this desk does not have: problem pages at most."""
PAGES = [
    pytest.param(str(route.path), route.original_route.name, id=route.original_route.name)
    for route in iter_route_contexts(described_desk.app().routes)
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
    settled: list[str]
    """Cases that are no longer the officer's to decide, each in another way."""

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
        held = site.people[Role.OFFICER]
        for state in states[1:]:
            held.claim(passages[state])
            held.ask("GET", f"/referrals/{passages[state]}")
        for state in states[2:]:
            assert held.judge(passages[state]).status_code == 200
        assert held.decide(passages["decided"], "second_line", "cannot_tell").status_code == 200
        settled = _settled(desk, lane, held, stack)
        people = [officer.pseudonym for officer in site.people.values()]
        yield Shown(site, cookie_name(desk.settings), passages, people, settled)


def _settled(desk: RunningDesk, lane: Lane, officer: Officer, stack: ExitStack) -> list[str]:
    two, colleague = [drawn_face(1), drawn_face(2)], stack.enter_context(desk.officer("li"))
    second, ended, taken, handed = (lane.refer(images=two, reasons=[{"code": "F10"}]) for _ in range(4))
    prepare(desk, training=True)
    officer.claim(second)
    officer.judge(second)
    assert officer.answer(second, "admit", "same_person", "as I saw it").json()["state"] == "second_officer"
    lane.deliver(lane.write("passage.closed", {"passage": ended, "how": "interrupted"}))
    assert colleague.claim(taken).status_code == 200
    officer.claim(handed)
    assert officer.decide(handed, "second_line", "cannot_tell").status_code == 200
    assert lane.decision(handed) is not None
    known = officer.ask("POST", "/training/next").json()["claim"]["passage"]
    assert officer.decide(known, "second_line", "cannot_tell").status_code == 200
    return [second, ended, taken, handed, known]


@contextmanager
def opened(browser: Browser, shown: Shown, caller: str, locale: str, scheme: Any) -> Iterator[Page]:
    context = browser.new_context(locale=locale, color_scheme=scheme, viewport={"width": 1366, "height": 768})
    client = shown.site.clients[caller]
    if caller in shown.site.people:
        shown.site.signed_in(Role(caller))
        value = client.cookies[shown.cookie]
        context.add_cookies([{"name": shown.cookie, "value": value, "url": shown.site.address}])
    yield context.new_page()
    context.close()


def seen(page: Page) -> list[str]:
    result = Axe().run(page, options=ONLY)
    assert len(result.response["passes"]) > 10, "axe has looked at nothing"
    return [
        f"{page.url} {fault['impact']} {fault['id']}: {node['html'][:160]}"
        for fault in result.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def faults(browser: Browser, shown: Shown, path: str, caller: str, locale: str, scheme: Any) -> list[str]:
    found = []
    with opened(browser, shown, caller, locale, scheme) as page:
        for address in shown.addresses(path, caller):
            answer = page.goto(f"{shown.site.address}{address}")
            assert answer is not None
            assert answer.status == 200, (caller, address, answer.status)
            assert caller == STRANGER or "/sign-in" not in page.url
            found += seen(page)
    return found


def sent(page: Page, shown: Shown, caller: Role, path: str, **fields: str) -> None:
    """Send a form as a page without a script does, and wait for what comes of it."""
    csrf = shown.site.signed_in(caller).http.headers["X-CSRF-Token"]
    page.goto(f"{shown.site.address}/account")
    with page.expect_navigation():
        page.evaluate(
            """([path, fields]) => {
              const form = document.body.appendChild(document.createElement("form"));
              Object.assign(form, { method: "post", action: path });
              for (const [name, value] of Object.entries(fields)) {
                const input = form.appendChild(document.createElement("input"));
                Object.assign(input, { type: "hidden", name, value });
              }
              form.submit();
            }""",
            [path, {"csrf_token": csrf, **fields}],
        )


AWAKE = "Promise.all(document.getAnimations().map((one) => one.finished)).then(() => true)"
"""Confirm sleeps for a moment, and looks like it."""

LOOKS: list[tuple[str, Literal["light", "dark"]]] = [("en-GB", "light"), ("zh-CN", "dark")]


@tiers.parametrize("looks", [LOOKS[1:], LOOKS], quick=1)
@pytest.mark.parametrize(("path", "name"), PAGES)
def test_no_page_has_serious_accessibility_fault(
    path: str, name: str, browser: Browser, shown: Shown, looks: list[tuple[str, str]]
) -> None:
    allowed = [caller for caller in shown.site.people if caller in RULES[name].callers]
    held = [caller for caller in allowed if caller is Role.OFFICER]
    for number, caller in enumerate((held if "{passage}" in path else allowed) or [STRANGER]):
        for locale, scheme in looks if number == 0 else looks[:-1]:
            assert faults(browser, shown, path, caller, locale, scheme) == []


@pytest.mark.thorough
@tiers.parametrize(("locale", "scheme"), LOOKS, quick=1)
def test_case_outcome_has_no_serious_fault(browser: Browser, shown: Shown, locale: str, scheme: Any) -> None:
    with opened(browser, shown, Role.OFFICER, locale, scheme) as page:
        for passage in shown.settled:
            page.goto(f"{shown.site.address}/referrals/{passage}")
            assert page.locator(".settled h1").count() == 1
            assert seen(page) == []


@pytest.mark.thorough
@tiers.parametrize(("locale", "scheme"), LOOKS, quick=1)
def test_form_result_has_no_serious_fault(browser: Browser, shown: Shown, locale: str, scheme: Any) -> None:
    confirming = f"/referrals/{shown.passages['revealed']}/confirm"
    forms: list[tuple[Role, str, dict[str, str]]] = [
        (Role.ADMINISTRATOR, "/lanes", {"lane": f"lane-{scheme}"}),
        (Role.ADMINISTRATOR, "/people", {"name": f"somebody by {scheme}", "role": "officer"}),
        (Role.OFFICER, confirming, {"choice": "second_line.cannot_tell"}),
        (Role.OFFICER, "/shift/end", {}),
    ]
    shown.site.signed_in(Role.OFFICER).ask("POST", "/shift/start")
    for caller, path, fields in forms:
        with opened(browser, shown, caller, locale, scheme) as page:
            sent(page, shown, caller, path, **fields)
            assert page.locator(".narrow h1").count() == 1, path
            page.evaluate(AWAKE)
            assert seen(page) == []
