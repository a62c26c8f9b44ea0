"""The auditor's pages: found by a plain form, told in words, verified by the browser itself."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route

from api.audit.replay.account import Account
from api.web.pages import passage_views
from api.web.translations.language import CHOICES, words
from tests.support import tiers
from tests.support.api.officer_pages import sign_in, small_targets, text_of, too_wide
from tests.support.api.running_desk import Lane, Officer, RunningDesk

LOCALES = ["en-GB", "zh-CN"]


@pytest.fixture
def passage(lane: Lane, officer: Officer) -> str:
    """One that an officer decided."""
    made = lane.refer_to(officer)
    officer.look(made)
    officer.decide(made, "second_line", "cannot_tell")
    return made


@pytest.mark.parametrize("tag", CHOICES)
def test_every_step_titled_none_unknown(auditor: Officer, passage: str, tag: str) -> None:
    html = auditor.http.get(f"/audit/{passage}?lang={tag}").text
    text = text_of(html)
    for kind in (
        "passage.started",
        "passage.judged",
        "referral.claimed",
        "referral.shown",
        "referral.decided",
    ):
        assert words(tag).say(passage_views.KINDS[kind].title) in text
    assert words(tag).say(passage_views.OTHER.title) not in text
    assert "<img" not in html
    claimed_until = re.findall(r"\d\d:\d\d:\d\d \(UTC[+-]\d{4}\)[,，]", text)
    assert len(claimed_until) == 1, "with its zone"


def test_every_passage_entry_kind_has_words() -> None:
    groups = ("passage", "referral", "hold", "images")
    about = {kind for kind in Account()._kinds if kind.split(".")[0] in groups}
    assert about - passage_views.KINDS.keys() == set()


def test_form_search_keeps_its_terms(auditor: Officer, passage: str, cleared: str) -> None:
    assert auditor.http.get("/").headers["location"] == "/audit"
    html = auditor.http.get("/audit", params={"lane": "", "reason": "F09", "officer": "", "since": ""}).text
    assert f"/audit/{passage}" in html
    assert f"/audit/{cleared}" not in html
    assert '<option value="F09" selected>' in html
    nothing = auditor.http.get("/audit", params={"until": "2020-01-01T00:00"}).text
    assert "The ledger holds no passage that fits." in nothing
    assert 'value="2020-01-01T00:00"' in nothing


@pytest.mark.parametrize(
    "asked",
    ["since=yesterday", "lane=%22%3E", "before=x", "since=2026-02-31T00:00", "until=0001-01-01T00:00"],
)
def test_impossible_search_told_in_words(auditor: Officer, asked: str) -> None:
    answer = auditor.http.get(f"/audit?{asked}")
    assert (answer.status_code, "<h1>" in answer.text) == (422, True)


@pytest.fixture
def summer_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The desk's own clock, as in New York."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("summer_time")
@pytest.mark.parametrize(
    ("form", "found"),
    [("since=%sT01:05", 2), ("since=%sT01:15", 1), ("until=%sT01:15", 2), ("until=%sT00:55", 0)],
)
def test_repeated_hour_is_searched_twice(
    form: str, found: int, desk: RunningDesk, lane: Lane, auditor: Officer
) -> None:
    november = datetime(desk.clock().year + 1, 11, 1, tzinfo=UTC)
    sunday = november + timedelta(days=6 - november.weekday())
    for at in (sunday + timedelta(hours=hour, minutes=10) for hour in (5, 6)):
        desk.clock.pass_time(seconds=(at - desk.clock()).total_seconds())
        lane.refer(at=at)
    auditor.sign_in()
    html = auditor.http.get(f"/audit?{form % sunday.date()}").text
    assert len(set(re.findall(r'href="/audit/([^"?]+)"', html))) == found


def test_replayed_decision_told_with_measurements(auditor: Officer, cleared: str, passage: str) -> None:
    text = text_of(auditor.http.get(f"/audit/{cleared}").text)
    assert passage_views.REPLAYS["same"] in text
    assert re.search(r"sharpness 0\.2 ≥ 0\.2 within", text)
    assert re.search(r"presentation attack detection \(PAD\) not measured ≥ 0\.5 missing", text)
    assert passage_views.REPLAYS["evidence_incomplete"] in text_of(auditor.http.get(f"/audit/{passage}").text)


@pytest.mark.parametrize("tag", CHOICES)
def test_gate_events_stand_in_timeline(tag: str, lane: Lane, auditor: Officer) -> None:
    made = str(uuid4())
    seen = {"passage": made, "at": "2026-01-01T00:00:00+00:00"}
    lane.deliver(
        lane.write("passage.started", {"passage": made}),
        lane.write("lane.event", seen | {"code": "L01", "detail": ""}),
        lane.write("lane.event", seen | {"code": "L05", "detail": "fire"}),
    )
    text = text_of(auditor.http.get(f"/audit/{made}?lang={tag}").text)
    say = words(tag).say
    for told in ("Seen at the gate", "Somebody followed into the lane", "Emergency stop", "Fire alarm"):
        assert say(told) in text


def test_malformed_lane_entry_never_breaks_page(lane: Lane, auditor: Officer) -> None:
    made = str(uuid4())
    lane.deliver(
        lane.write("passage.started", {"passage": made}),
        lane.write("gate.opening", {"passage": made, "because": ["<script>"]}),
        lane.write("passage.decided", {"passage": made}),
        lane.write("a.kind.to.come", {"passage": made, "text": "<script>alert(1)</script>"}),
    )
    answer = auditor.http.get(f"/audit/{made}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert passage_views.OTHER.title in answer.text


# --- in a real browser


@pytest.fixture
def screen(page: Page, desk: RunningDesk, auditor: Officer) -> Page:
    sign_in(page, desk, auditor.name, "/audit")
    return page


@pytest.mark.thorough
@pytest.mark.browser
@tiers.parametrize(("hours", "zone"), [(hours, f"Etc/GMT{-hours:+}") for hours in (8, 0, -8)], quick=1)
def test_search_uses_auditors_clock(hours: int, desk: RunningDesk, screen: Page, passage: str) -> None:
    here = desk.clock() + timedelta(hours=hours)
    before, after = (f"{here + timedelta(minutes=n):%Y-%m-%dT%H:%M}" for n in (-20, 20))
    screen.fill("[name=since]", before)
    screen.fill("[name=until]", after)
    screen.press("[name=until]", "Enter")
    screen.wait_for_url("**/audit?since=*")
    assert [screen.input_value(f"[name={name}]") for name in ("since", "until")] == [before, after]
    assert screen.get_by_role("link", name=passage).is_visible()
    screen.fill("[name=until]", before)
    screen.press("[name=until]", "Enter")
    screen.get_by_text("The ledger holds no passage that fits.").wait_for()


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.parametrize("zone", ["America/New_York"])
def test_repeated_hour_searched_to_its_end(screen: Page) -> None:
    screen.fill("[name=since]", "2026-11-01T01:15")
    screen.fill("[name=until]", "2026-11-01T01:15")
    screen.press("[name=until]", "Enter")
    screen.wait_for_url("**/audit?since=2026-11-01T05%3A15%3A00.000Z&until=2026-11-01T06%3A15%3A00.000Z*")


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.parametrize("locale", LOCALES)
def test_the_browser_itself_verifies_every_entry(desk: RunningDesk, screen: Page, passage: str) -> None:
    """And finds the one that was changed."""
    screen.goto(f"{desk.address}/audit/{passage}")
    screen.focus("#all")
    screen.keyboard.press("Enter")
    screen.wait_for_selector("#verdict.green")
    assert screen.locator(".mark-of.included").count() == screen.locator(".step").count()
    screen.reload()
    payload = screen.locator(".step").nth(1).locator(".payload")
    payload.evaluate("(node) => { node.textContent = node.textContent.replace('F09', 'D11') }")
    screen.locator(".verify").nth(1).click()
    screen.wait_for_selector("#verdict.red")
    assert screen.locator(".mark-of.included").count() == 0, "the changed entry is not called included"
    screen.locator(".verify").nth(0).click()
    screen.wait_for_selector("#verdict.green")
    assert screen.locator(".mark-of.included").count() == 1, "the honest one beside it is"


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.parametrize("forged", ["root", "signature", "path", "size"])
def test_browser_rejects_forged_head_or_proof(
    desk: RunningDesk, screen: Page, passage: str, forged: str
) -> None:
    screen.goto(f"{desk.address}/audit/{passage}")
    which = "**/ledger/proof/inclusion*" if forged == "path" else "**/ledger/head"

    def lie(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        value = told[forged]
        if isinstance(value, list):
            told[forged] = [*value[:-1], "0" * 64]
        else:
            told[forged] = value + 1 if isinstance(value, int) else "0" * len(value)
        route.fulfill(response=answer, json=told)

    screen.route(which, lie)
    screen.click("#all")
    screen.wait_for_selector("#verdict.red" if forged != "size" else "#verdict.red, #verdict.amber")
    assert screen.locator("#verdict.green").count() == 0


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.parametrize("locale", LOCALES)
def test_pages_fit_at_twice_size(desk: RunningDesk, screen: Page, passage: str, cleared: str) -> None:
    screen.set_viewport_size({"width": 683, "height": 384})
    for path in ("/audit", f"/audit/{passage}", f"/audit/{cleared}"):
        screen.goto(f"{desk.address}{path}")
        for summary in screen.locator("summary").all():
            summary.click()
        assert not too_wide(screen)
        assert small_targets(screen) == []
