"""Each role's way through the pages: what it may open, nothing else, and each of it opens."""

import re
from collections.abc import Iterator

import pytest

from api.people.roles import Role
from api.web.access.permissions import RULES
from api.web.translations.language import CHOICES
from tests.api.lanes.test_hall import tell
from tests.api.web.pages.test_pages import Inline
from tests.api.web.test_permissions import ENDPOINTS
from tests.support.api.running_desk import Lane, Officer, RunningDesk

PAGES = {
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
    """One of each role, on a desk with a status of its lane, a cleared passage and one that is referred."""
    assert tell(lane, "referred").status_code == 200
    lane.refer()
    with desk.officer("somebody", request.param) as made:
        yield request.param, made


def shown(officer: Officer, part: str = "nav") -> list[str]:
    """Where the bar of the role's first page leads to; `main`: where its content does."""
    page = officer.http.get("/", follow_redirects=True)
    assert page.status_code == 200, page.text
    return _links(page.text, part)


def _links(text: str, part: str) -> list[str]:
    inside = "".join(re.findall(rf"<{part}\b.*?</{part}>", text, re.DOTALL))
    return [link for link in re.findall(r'href="(/[^"#]*)"', inside) if "?lang=" not in link]


def test_bar_shows_exactly_role_pages(somebody: tuple[Role, Officer]) -> None:
    role, officer = somebody
    places = {path for path in shown(officer) if path not in ("/", "/account")}
    may = {path for path, name in PAGES.items() if role in RULES[name].callers}
    assert places <= may
    expected = may - set(REACHED_ELSEWHERE)
    assert places - set(REACHED_ELSEWHERE) == expected
    assert set(REACHED_ELSEWHERE) <= set(PAGES)


@pytest.mark.parametrize("tag", CHOICES)
def test_every_bar_page_and_link_opens(somebody: tuple[Role, Officer], tag: str) -> None:
    """Nothing stands inline in them, and every form proves its origin."""
    _, officer = somebody
    officer.http.get(f"/account?lang={tag}")
    seen: set[str] = set()
    ahead = shown(officer)
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
