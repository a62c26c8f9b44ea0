"""Pages at a real browser: held keys, lost lines, small windows, other clocks, an administrator's way."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from api.audit.verify.ledger import verify_ledger
from tests.support import tiers
from tests.support.api.officer_pages import (
    cut_off,
    faces_shown,
    judge_new_case,
    open_new_case,
    overlap,
    placed,
    press,
    sign_in,
    small_targets,
    too_wide,
)
from tests.support.api.running_desk import Lane, Officer, RunningDesk, drawn_face, wait_until

QUALITY = [{"code": "F04", "components": ["sharpness"]}]

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("wang")]


@pytest.fixture
def loud_page(browser: Browser, desk: RunningDesk) -> Iterator[Page]:
    """A page whose browser may complain: of an answer that is an error."""
    context = browser.new_context(locale="en-GB")
    yield context.new_page()
    context.close()


@contextmanager
def frozen(desk: RunningDesk) -> Iterator[None]:
    """The desk hangs: its connections stay, and nothing answers."""
    thaw = threading.Event()
    loop = desk.desk.broker._loop
    assert loop is not None
    loop.call_soon_threadsafe(thaw.wait, 60)
    try:
        yield
    finally:
        thaw.set()


def show(page: Page, *, visible: bool) -> None:
    """Bring the page to the front, or put it behind another one."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        not visible,
    )


def test_held_enter_does_not_confirm(desk: RunningDesk, lane: Lane, page: Page) -> None:
    passage = judge_new_case(page, desk, lane)
    press(page, "a", "1")
    for _ in range(5):  # without a release, the browser reports a key that is held
        page.keyboard.down("Enter")
    page.get_by_text("The gate will open.").wait_for()
    assert lane.decision(passage) is None
    page.keyboard.up("Enter")
    press(page, "Escape", "Escape")
    assert page.get_by_role("button", name="Admit").is_visible()
    for key in ("a", "1", "Enter", "Enter", "Enter"):  # nor do quick ones
        page.keyboard.press(key, delay=5)
    page.locator("#confirm:enabled:focus").wait_for()
    assert lane.decision(passage) is None
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Admitted").wait_for()


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "height"), [(683, 384), (1366, 768)])
def test_double_clicked_continue_does_not_confirm(
    desk: RunningDesk, lane: Lane, page: Page, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    passage = judge_new_case(page, desk, lane)
    press(page, "a", "1")
    button = page.get_by_role("button", name="Continue")
    button.scroll_into_view_if_needed()
    pressed = button.bounding_box()
    button.dblclick()
    page.locator("#confirm:enabled").wait_for()
    confirm = page.locator("#confirm").bounding_box()
    assert pressed is not None
    assert confirm is not None
    assert not overlap(pressed, confirm), "Confirm does not lie where Continue was"
    page.locator("#confirm").dispatch_event("click", {"detail": 2})
    assert lane.decision(passage) is None
    page.locator("#confirm").click()
    page.get_by_role("heading", name="Admitted").wait_for()


def test_both_faces_zoom_and_move_together(desk: RunningDesk, lane: Lane, page: Page) -> None:
    passage = lane.refer(images=[drawn_face(1), drawn_face(2, width=1280, height=720)])
    sign_in(page, desk)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/referrals/{passage}")
    placed(page)
    document, live = (view.bounding_box() for view in page.locator(".pair .view").all())
    assert document is not None
    assert live is not None
    assert {**document, "x": 0} == {**live, "x": 0}
    before = scales(page)
    press(page, "z", "ArrowLeft")
    after = scales(page)
    assert [round(new / old, 3) for old, new in zip(before, after, strict=True)] == [2, 2]
    page.keyboard.press("0")
    assert scales(page) == before


@pytest.mark.thorough
def test_case_taken_by_other_told_plainly(desk: RunningDesk, lane: Lane, page: Page) -> None:
    passage = lane.refer()
    sign_in(page, desk)
    with page.expect_response("**/api/v1/referrals/*/claim"):  # the page renews its claim when it opens
        page.keyboard.press("Enter")
    page.keyboard.press("s")
    desk.clock.pass_time(seconds=121)
    with desk.officer("li") as other:
        assert other.claim(passage).status_code == 200
        page.get_by_role("alert").filter(has_text="no longer yours").wait_for()
    assert page.locator("img").count() == 0
    assert page.get_by_role("link", name="To the queue").is_visible()


@pytest.mark.thorough
def test_lost_desk_told_and_hidden_page_holds_no_line(desk: RunningDesk, lane: Lane, page: Page) -> None:
    sign_in(page, desk)
    page.evaluate("window.stays = true")
    lost = page.get_by_text("Connection to the desk lost.")
    broker = desk.desk.broker
    assert broker._loop is not None
    wait_until(lambda: broker._listeners)
    for listener in list(broker._listeners):
        broker._loop.call_soon_threadsafe(listener.drop)
    lost.wait_for()
    lost.wait_for(state="hidden")
    lane.refer()
    page.get_by_role("heading", name="1 passenger waiting").wait_for()
    assert page.evaluate("window.stays") is True
    show(page, visible=False)
    wait_until(lambda: not broker._listeners, timeout_s=15)
    lane.refer()
    assert page.get_by_role("heading", name="2 passengers waiting").count() == 0
    show(page, visible=True)
    page.get_by_role("heading", name="2 passengers waiting").wait_for()
    wait_until(lambda: len(broker._listeners) == 1)


@pytest.mark.thorough
def test_hung_desk_told_despite_open_lines(desk: RunningDesk, page: Page) -> None:
    page.clock.install()
    sign_in(page, desk)
    lost = page.get_by_text("Connection to the desk lost.")
    wait_until(lambda: desk.desk.broker._listeners)
    with frozen(desk):
        page.clock.fast_forward(10_000)  # to the next look; that nobody answers is told by a real clock
        lost.wait_for(timeout=15_000)
        assert desk.desk.broker._listeners, "its lines stayed open all the while"
    page.clock.fast_forward(10_000)
    lost.wait_for(state="hidden")
    assert not lost.is_visible()


@pytest.mark.thorough
def test_expired_claim_clears_faces_without_reclaim(desk: RunningDesk, lane: Lane, page: Page) -> None:
    page.clock.install()
    passage = open_new_case(page, desk, lane)
    assert faces_shown(page) == 2
    show(page, visible=False)  # a computer that slept for the time of the lease
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=130))
    desk.clock.pass_time(seconds=130)
    page.clock.resume()
    show(page, visible=True)
    page.get_by_role("alert").filter(has_text="The time for this case has run out").wait_for()
    assert page.locator("img").count() == 0
    press(page, "s", "1")
    assert page.locator("#judge").is_hidden()
    page.get_by_text("The faces are no longer shown.").wait_for()
    with desk.officer("li") as other:  # a late renewal is given back first
        wait_until(lambda: [case["passage"] for case in other.cases("open")] == [passage])


@pytest.mark.thorough
def test_session_end_clears_faces_from_screen(desk: RunningDesk, lane: Lane, loud_page: Page) -> None:
    page = loud_page
    open_new_case(page, desk, lane)
    assert faces_shown(page) == 2
    page.context.clear_cookies()
    show(page, visible=False)
    show(page, visible=True)
    page.get_by_role("alert").filter(has_text="Nothing was decided; sign in again").wait_for()
    assert page.locator("img").count() == 0


@pytest.mark.thorough
@pytest.mark.parametrize("zone", ["Asia/Shanghai"])
def test_times_follow_officers_clock(desk: RunningDesk, lane: Lane, page: Page) -> None:
    passage = lane.refer()
    with Officer(desk.address, "wang") as officer:
        officer.claim(passage)
        at = datetime.fromisoformat(officer.decide(passage).json()["decision"]["decided_at"])
    sign_in(page, desk)
    there = at.astimezone(timezone(timedelta(hours=8)))
    page.get_by_role("cell", name=there.strftime("%H:%M"), exact=True).wait_for()
    lane.refer()
    page.get_by_role("heading", name="1 passenger waiting").wait_for()
    assert page.locator("td time").inner_text() == there.strftime("%H:%M"), "after a look, too"
    page.goto(f"{desk.address}/referrals/{passage}")
    page.get_by_text(there.strftime("%H:%M:%S")).wait_for()


@pytest.mark.thorough
def test_letter_keys_can_stay_off(desk: RunningDesk, lane: Lane, page: Page) -> None:
    open_new_case(page, desk, lane)
    page.keyboard.press("?")
    page.get_by_label("Use letters, digits and signs as keys").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.locator("#help:visible").wait_for()
    press(page, "?", "s")
    assert page.get_by_role("dialog").is_hidden()
    assert page.locator("input[type=radio]:checked").count() == 0
    page.get_by_role("radio", name="Same person").focus()
    press(page, "Space", "Enter")
    assert page.locator("#judge").is_visible(), "Enter in the form presses none of its buttons"
    page.get_by_role("button", name="fairly sure").press("Enter")
    page.get_by_role("button", name="Admit").press("Enter")
    page.get_by_role("button", name="Continue").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Use letters, digits and signs as keys").check()
    press(page, "Escape", "a")
    page.get_by_role("button", name="Continue").wait_for()


@pytest.mark.thorough
def test_unloaded_picture_told_in_its_place(desk: RunningDesk, lane: Lane, loud_page: Page) -> None:
    page = loud_page
    passage = lane.refer(images=[drawn_face(n) for n in (1, 2, 3)])
    sign_in(page, desk)
    with desk.officer("li") as other:
        other.claim(passage)
        images = other.ask("GET", f"/referrals/{passage}").json()["images"]
        other.ask("DELETE", f"/referrals/{passage}/claim")
    for image in images[:2]:
        page.route(f"**{image['href']}", lambda route: route.abort())
    page.get_by_role("button", name="Open").click()
    document = page.get_by_text("The document photo did not load, or was erased.")
    live = page.get_by_text("The live picture did not load, or was erased.")
    document.wait_for()
    live.wait_for()
    page.locator("[data-frame]", has_text="Live picture 1").wait_for()
    page.locator("[data-frame]").nth(1).click()
    live.wait_for(state="hidden")
    assert document.is_visible()


@tiers.parametrize("locale", ["en-GB", "zh-CN"], quick=1)
@tiers.parametrize(
    ("width", "height"), [(683, 384), (360, 740), (1280, 900), (1366, 768), (1920, 1080)], quick=2
)
def test_pages_and_targets_fit(desk: RunningDesk, lane: Lane, page: Page, width: int, height: int) -> None:
    unknown = {"code": "F04", "components": ["sharpness", "n" * 60]}  # a lane newer than this desk
    images = [drawn_face(n) for n in range(5)]
    passage = lane.refer(images=images, reasons=[unknown, {"code": "F10"}])
    page.set_viewport_size({"width": width, "height": height})
    sign_in(page, desk)
    assert too_wide(page) == 0
    assert small_targets(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/referrals/{passage}")
    for key in ("s", "1", "a", "1", "Escape", "Escape", "o"):
        if key == "a":
            page.locator("#decision").wait_for()
        assert too_wide(page) == 0
        assert small_targets(page) == []
        assert cut_off(page) == []
        page.keyboard.press(key)


def scales(page: Page) -> list[float]:
    found = page.evaluate(
        "[...document.querySelectorAll('.pair .view > img')]"
        ".map((image) => new DOMMatrix(getComputedStyle(image).transform).a)"
    )
    return [float(scale) for scale in found]


@pytest.mark.thorough
@pytest.mark.usefixtures("administrator")
def test_people_registered_changed_disabled_by_keyboard(desk: RunningDesk, page: Page) -> None:
    sign_in(page, desk, "chen", "/people")
    page.get_by_label("Name to sign in with").focus()
    page.keyboard.type("sun.li")
    press(page, "Tab", "Space", "ArrowDown", "Tab")
    page.keyboard.type("customs")
    page.keyboard.press("Enter")
    told = page.locator("output").inner_text()
    page.get_by_role("link", name="It is noted").press("Enter")
    assert "Supervisor" in page.get_by_role("row", name="sun.li").inner_text()
    page.get_by_role("link", name="wang").press("Enter")
    page.get_by_label("Auditor").check()
    page.get_by_role("button", name="Change the role").press("Enter")
    page.get_by_text("Auditor ·").wait_for()
    page.get_by_text("Let this person sign in no more …").press("Enter")
    page.get_by_role("button", name="Sign in no more").press("Enter")
    page.get_by_text("What this person decided stays in the ledger.").wait_for()
    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/sign-in")
    sign_in(page, desk, "sun.li", "/account", told)
    page.locator("input[type=password]:focus").wait_for()
    page.keyboard.type(told)
    for _ in range(2):
        page.keyboard.press("Tab")
        page.keyboard.type("a horse that is correct")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    page.goto(desk.address)
    assert page.url == f"{desk.address}/queue"
    verify_ledger(desk.desk.database)


@pytest.mark.thorough
@pytest.mark.usefixtures("administrator", "lane")
@tiers.parametrize("locale", ["zh-CN", "en-GB"], quick=1)
@tiers.parametrize("scheme", ["light", "dark"], quick=1)
@pytest.mark.parametrize(("width", "height"), [(683, 384), (360, 740)], ids=["200 percent", "phone"])
def test_nothing_cut_off_in_small_window(
    desk: RunningDesk, page: Page, scheme: Literal["light", "dark"], width: int, height: int
) -> None:
    with desk.changed(origin="http://localhost:1"):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        sign_in(page, desk, "chen", "/people")
        person = page.get_by_role("link", name="wang").get_attribute("href")
        for path in ("/people", person, "/lanes", "/account"):
            page.goto(f"{desk.address}{path}")
            assert too_wide(page) == 0, path
            # A target for a finger: as the page's styles promise.
            small = page.locator("main button:visible, main a.button:visible").evaluate_all(
                "found => found.filter(one => one.getBoundingClientRect().height < 44).length"
            )
            assert small == 0, path
