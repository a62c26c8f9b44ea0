"""Each role's way through the pages: what it may open, nothing else, and each of it opens, in both languages.

By day and by night none has a serious fault of accessibility, as axe-core sees it.

Every page that is served is looked at: a new one is among them without being named here.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from api.people.roles import Role
from api.web.access.permissions import RULES
from api.web.translations.language import CHOICES
from tests.api.lanes.test_hall import tell as tell_status
from tests.api.review.test_prepared_cases import prepare
from tests.api.web.pages.test_pages import Inline
from tests.api.web.test_permissions import ENDPOINTS, STRANGER, Site
from tests.support import tiers
from tests.support.api.evaluated_lane import tell
from tests.support.api.running_desk import REFERRED, Lane, Officer, RunningDesk, drawn_face, running

PARTS = {"show_cases", "show_evaluation_live", "show_hall_live"}
"""Parts of pages, which come into a page that is looked at."""
WAYS = {"ask_provider", "come_from_provider"}
"""Ways to and from the site's identity provider, which this desk does not have: problem pages at most."""
PAGES = [
    pytest.param(path, name, id=name)
    for method, path, name in ENDPOINTS
    if method == "GET" and not path.startswith("/api/") and name not in PARTS | WAYS
]
ONLY = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass
class Shown:
    """A desk with something on every page."""

    site: Site
    passages: dict[str, str]
    people: list[str]
    settled: list[str]
    """Cases that are no longer the officer's to decide, each in another way."""

    def addresses(self, path: str) -> list[str]:
        if "{passage}" in path:
            return [path.replace("{passage}", passage) for passage in self.passages.values()]
        return [path.replace("{lane}", "lane-1").replace("{officer}", self.people[0])]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with running(tmp_path_factory.mktemp("desk")) as desk, ExitStack() as stack:
        site = Site(desk, stack)
        lane = stack.enter_context(desk.lane("lane-2"))
        tell(lane)
        states = ("open", "blind", "revealed", "decided")
        images = [drawn_face(1), drawn_face(2), drawn_face(3)]
        reasons: dict[str, list[Any]] = {"revealed": [*REFERRED, {"code": "F10"}]}
        passages = {state: lane.refer(images=images, reasons=reasons.get(state)) for state in states}
        held = site.people[Role.OFFICER]
        for state in states[1:]:
            held.claim(passages[state])
            held.look(passages[state])
        for state in states[2:]:
            assert held.judge(passages[state]).status_code == 200
        assert held.decide(passages["decided"], "second_line", "cannot_tell").status_code == 200
        settled = _settled(desk, lane, held, stack)
        people = [officer.pseudonym for officer in site.people.values()]
        yield Shown(site, passages, people, settled)


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
        value = client.cookies[shown.site.cookie]
        context.add_cookies([{"name": shown.site.cookie, "value": value, "url": shown.site.address}])
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


@pytest.mark.browser
@tiers.parametrize("looks", [LOOKS[1:], LOOKS], quick=1)
@pytest.mark.parametrize(("path", "name"), PAGES)
def test_no_page_has_serious_accessibility_fault(
    path: str, name: str, browser: Browser, shown: Shown, looks: list[tuple[str, str]]
) -> None:
    allowed = [caller for caller in shown.site.people if caller in RULES[name].callers]
    held = [caller for caller in allowed if caller is Role.OFFICER]
    for number, caller in enumerate((held if "{passage}" in path else allowed) or [STRANGER]):
        for locale, scheme in looks if number == 0 else looks[:-1]:
            with opened(browser, shown, caller, locale, scheme) as page:
                for address in shown.addresses(path):
                    answer = page.goto(f"{shown.site.address}{address}")
                    assert answer is not None
                    assert answer.status == 200, (caller, address, answer.status)
                    assert caller == STRANGER or "/sign-in" not in page.url
                    assert seen(page) == []


@pytest.mark.browser
@pytest.mark.thorough
@tiers.parametrize(("locale", "scheme"), LOOKS, quick=1)
def test_no_outcome_has_serious_fault(browser: Browser, shown: Shown, locale: str, scheme: Any) -> None:
    """Of a case, of a form, and of an address that is no page."""
    with opened(browser, shown, Role.OFFICER, locale, scheme) as page:
        page.goto(f"{shown.site.address}/nowhere")
        assert seen(page) == []
        for passage in shown.settled:
            page.goto(f"{shown.site.address}/referrals/{passage}")
            assert page.locator(".settled h1").count() == 1
            assert seen(page) == []
    confirming = f"/referrals/{shown.passages['revealed']}/confirm"
    forms: list[tuple[Role, str, dict[str, str]]] = [
        (Role.ADMINISTRATOR, "/lanes", {"lane": f"lane-{scheme}"}),
        (Role.ADMINISTRATOR, "/people", {"name": f"somebody by {scheme}", "role": "officer"}),
        (Role.OFFICER, confirming, {"choice": "second_line.cannot_tell"}),
        (Role.OFFICER, confirming, {"choice": "admit.same_person", "note": "as I saw it"}),
        (Role.OFFICER, "/shift/end", {}),
    ]
    held = shown.site.signed_in(Role.OFFICER)
    held.ask("POST", "/shift/start")
    held.claim(shown.passages["revealed"])  # the end of a shift gives it back
    held.judge(shown.passages["revealed"])
    for caller, path, fields in forms:
        with opened(browser, shown, caller, locale, scheme) as page:
            sent(page, shown, caller, path, **fields)
            assert page.locator(".narrow h1").count() == 1, path
            assert page.locator(".notice.amber").count() == ("note" in fields), "warned where it is needed"
            page.evaluate(AWAKE)
            assert seen(page) == []


# --- what each role may open

OF_THE_BAR = {
    path: name
    for method, path, name in ENDPOINTS
    if method == "GET" and not path.startswith("/api/") and "{" not in path
}
REACHED_ELSEWHERE = {
    "/": "the product's name",
    "/account": "the own name",
    "/sign-in": "for who is signed out",
    "/sign-in/provider": "from the page to sign in",
    "/sign-in/provider/return": "from the identity provider",
    "/queue/cases": "a part of the queue",
    "/hall/live": "a part of the hall",
    "/evaluation/live": "a part of the comparison in service",
    "/shift/end": "from the queue",
    "/quality/me": "a supervisor's own figures, from everybody's",
    "/training": "from the quality page",
}
"""Pages that are no place of their own in the bar, and how one gets there."""


@pytest.fixture(params=list(Role))
def somebody(
    desk: RunningDesk, lane: Lane, cleared: str, request: pytest.FixtureRequest
) -> Iterator[tuple[Role, Officer]]:
    """One of each role, a lane, a cleared passage, and two referred ones of which an officer has one."""
    assert tell_status(lane, "referred").status_code == 200
    lane.refer(reasons=[{"code": "A01"}, {"code": "F04", "components": ["x"]}])
    with desk.officer("somebody", request.param) as made:
        made.claim(lane.refer())
        yield request.param, made


def bar(officer: Officer) -> list[str]:
    """Where the bar of the role's first page leads to."""
    page = officer.http.get("/", follow_redirects=True)
    assert page.status_code == 200, page.text
    return _links(page.text, "nav")


def _links(text: str, part: str) -> list[str]:
    inside = "".join(re.findall(rf"<{part}\b.*?</{part}>", text, re.DOTALL))
    return [link for link in re.findall(r'href="(/[^"#]*)"', inside) if "?lang=" not in link]


def test_bar_shows_exactly_role_pages(somebody: tuple[Role, Officer]) -> None:
    role, officer = somebody
    places = {path for path in bar(officer) if path not in ("/", "/account")}
    may = {path for path, name in OF_THE_BAR.items() if role in RULES[name].callers}
    assert places <= may
    assert places - set(REACHED_ELSEWHERE) == may - set(REACHED_ELSEWHERE)
    assert set(REACHED_ELSEWHERE) <= set(OF_THE_BAR)


@pytest.mark.parametrize("tag", CHOICES)
def test_every_bar_page_and_link_opens(somebody: tuple[Role, Officer], tag: str) -> None:
    """Nothing stands inline in them, and every form proves its origin."""
    role, officer = somebody
    officer.http.get(f"/account?lang={tag}")
    seen: set[str] = set()
    ahead = bar(officer)
    if role in RULES["show_referral"].callers:
        ahead += [f"/referrals/{case['passage']}" for case in officer.cases()]
    while ahead:
        path = ahead.pop()
        answer = officer.http.get(path, follow_redirects=True)
        assert answer.status_code == 200, path
        if "text/html" in answer.headers["content-type"]:
            assert f'<html lang="{tag}">' in answer.text, path
            page = Inline()
            page.feed(answer.text)
            assert (page.found, page.csrf_missing) == ([], 0), path
            links = set(_links(answer.text, "main")) - seen
            seen |= links
            ahead += links
