"""Two faces, a blind answer, the reveal, a decision: at a real browser, by keyboard, in both languages."""

import json
import re
import threading
from typing import Any, Literal
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.support import tiers
from tests.support.api.officer_pages import (
    AXE,
    boxes,
    confirm,
    faces_shown,
    faults,
    judge_new_case,
    open_case,
    open_new_case,
    placed,
    press,
    sign_in,
)
from tests.support.api.running_desk import PASSWORD, Lane, RunningDesk, drawn_face, judged

DEAF_MS = 500
"""For so long the page hears no Enter after it asked to confirm: a held key must not run through."""

TIMERS_KEPT = """
const later = window.setTimeout;
window.setTimeout = (call, ms, ...more) => {
  if (/enable|disabled/.test(String(call))) {
    const waits = JSON.parse(sessionStorage.waits ?? "[0]");
    sessionStorage.waits = JSON.stringify([...waits, ms ?? 0]);
  }
  return later(call, ms, ...more);
};
"""

QUALITY = [{"code": "F04", "components": ["sharpness"]}]
NO_MATCH = [{"code": "F10"}]

HIDDEN = (
    "31337",
    "F09",
    "F10",
    "no_match",
    "borderline",
    "achieved_fmr",
    "impostor",
    "comparison:",
    "通道比对结果：",
)
"""What no answer of the desk may hold before the officer's own."""

OF_THE_CASE = ("lane-1", "Picture quality too low", "F04", "A02", "Not checked", "data-since")
"""What the page of a case keeps for later, too."""

SAID = {
    "en-GB": {
        "nobody": "Nobody is waiting",
        "new": "New case: lane-1, Picture quality too low",
        "question": "Is this the same person?",
        "answer_first": "Answer first",
        "decide": "What do you decide?",
        "own": "Your answer before: Cannot tell, unsure",
        "choose": "Choose a ground first.",
        "asked": "Secondary inspection · Cannot tell",
        "sent": "Sent to secondary inspection",
    },
    "zh-CN": {
        "nobody": "当前无人等待",
        "new": "lane-1",
        "question": "是否为同一人？",
        "answer_first": "请先判断",
        "decide": "您如何决定？",
        "own": "您先前的判断：无法判断，不太有把握",
        "choose": "请先选择理由",
        "asked": "转二次查验 · 无法判断",
        "sent": "已转二次查验",
    },
}

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("wang")]


SEEN = {
    "en-GB": ("Seen at the gate since the lane asked: Somebody followed into the lane", "see to it first"),
    "zh-CN": ("转人工核查之后，闸门传感器又发现：有人尾随进入", "请先查看处理"),
}


@pytest.mark.thorough
@tiers.parametrize("locale", SEEN, quick=1)
def test_new_gate_events_appear_beside_faces(desk: RunningDesk, lane: Lane, page: Page, locale: str) -> None:
    told, warned = SEEN[locale]
    passage = judge_new_case(page, desk, lane, images=[drawn_face(1), drawn_face(2)], reasons=QUALITY)
    placed(page)
    where = boxes(page)
    seen = {"passage": passage, "code": "L01", "at": "2026-01-01T00:00:00+00:00", "detail": ""}
    lane.deliver(lane.write("lane.event", seen))
    page.get_by_role("alert").filter(has_text=told).wait_for()
    page.locator("#gate", has_text=told.partition("：")[0].partition(":")[0]).wait_for()
    assert boxes(page) == where, "the faces stay where they are"
    page.keyboard.press("a")
    page.get_by_text(warned).wait_for()
    page.keyboard.press("1")
    lane.deliver(lane.write("lane.event", seen | {"code": "L02"}))
    page.locator("#gate li").nth(1).wait_for()
    assert page.locator("input[name=choice]:checked").count() == 1, "an answer under way stays"
    confirm(page)
    page.wait_for_url("**")


@tiers.parametrize(("locale", "scheme"), [("en-GB", "dark"), ("zh-CN", "light")], quick=1)
def test_officer_reviews_by_keyboard(
    desk: RunningDesk, lane: Lane, page: Page, locale: str, scheme: Literal["light", "dark"]
) -> None:
    """At no step has the page a serious fault of accessibility, by day or by night."""
    said = SAID[locale]
    page.emulate_media(color_scheme=scheme)
    page.add_init_script(AXE)
    sign_in(page, desk)
    page.get_by_role("heading", name=said["nobody"]).wait_for()
    assert faults(page) == []
    passage = lane.refer(images=[drawn_face(1), drawn_face(2), drawn_face(3)], reasons=[*NO_MATCH, *QUALITY])
    page.get_by_role("status").filter(has_text=said["new"]).wait_for()
    assert faults(page) == []
    open_case(page, passage)
    page.get_by_role("heading", name=said["question"]).wait_for()
    assert faces_shown(page) == 2
    assert page.locator("input[type=radio]:checked").count() == 0, "nothing is chosen beforehand"
    assert faults(page) == []
    page.keyboard.press("?")
    assert faults(page) == []
    press(page, "Escape", "m", "4")
    page.get_by_role("alert").filter(has_text=said["answer_first"]).wait_for()
    page.keyboard.press("u")
    assert faults(page) == []
    where = boxes(page)
    page.keyboard.press("2")
    page.get_by_role("heading", name=said["decide"]).wait_for()
    page.locator("#side", has_text=said["own"]).wait_for()
    assert boxes(page) == where, "the faces stay where they are"
    press(page, "a", "1")
    page.locator(".needed:visible").wait_for()
    page.locator("[data-note-needed]:visible").wait_for()
    assert faults(page) == []
    press(page, "Escape", "Escape", "l", "Enter")
    page.get_by_role("alert").filter(has_text=said["choose"]).wait_for()
    assert page.locator("#confirm").is_hidden(), "without a ground there is nothing to confirm"
    assert faults(page) == []
    press(page, "2", "Enter")
    page.get_by_text(said["asked"]).wait_for()
    assert boxes(page) == where
    assert lane.decision(passage) is None, "nothing is decided before it is confirmed"
    page.locator("#confirm:enabled:focus").wait_for()
    assert faults(page) == []
    heard: list[Any] = []
    waiting = threading.Thread(target=lambda: heard.append(lane.decision(passage, wait_s=25)))
    waiting.start()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=said["sent"]).wait_for()
    assert faults(page) == []
    waiting.join()
    assert (heard[0]["answer"], heard[0]["ground"]) == ("second_line", "cannot_tell")
    page.locator("[data-leave]:focus").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=said["nobody"]).wait_for()


@pytest.mark.thorough
def test_nothing_reveals_comparison_before_answer(desk: RunningDesk, lane: Lane, page: Page) -> None:
    bodies: list[str] = []

    def record(route: Route) -> None:
        if route.request.method == "POST" and "/api/" not in route.request.url:
            route.continue_()  # a form, which is answered by a redirection
            return
        answer = route.fetch()
        if "image" not in answer.headers.get("content-type", ""):
            bodies.append(answer.text())
        route.fulfill(response=answer)

    sign_in(page, desk)
    news: list[str] = []  # a route would hold a stream back for ever: the browser itself says what came by it
    browser = page.context.new_cdp_session(page)
    browser.send("Network.enable")
    browser.on("Network.eventSourceMessageReceived", lambda one: news.append(json.dumps(one)))
    page.route(re.compile(r"^(?!.*(/static/|/events$))"), record)
    page.reload()
    passage = lane.refer(reasons=[*NO_MATCH, *QUALITY])
    page.locator(f"[data-passage='{passage}']").wait_for()
    open_case(page, passage)
    page.reload()
    faces_shown(page)
    page.keyboard.press("s")
    case = next(body for body in bodies if "Is this the same person?" in body)
    assert any("passenger waiting" in body for body in bodies), "the queue was recorded, too"
    assert any(passage in one for one in news), "the stream of events was recorded, too"
    for told in HIDDEN:
        assert not [body for body in bodies if told in body], told
        assert not [one for one in news if told in re.sub(r"[0-9a-f-]{36}", "", one)], told
    assert [told for told in OF_THE_CASE if told in case] == []
    before = len(bodies)
    page.keyboard.press("4")
    page.locator("#decision").wait_for()
    assert any("The lane’s comparison: no match" in body for body in bodies[before:])


@pytest.mark.thorough
def test_review_takes_seven_keys_without_wait(desk: RunningDesk, lane: Lane, page: Page) -> None:
    """Twelve seconds are the officer's own: the page asks for seven keys and half a second."""
    passage = lane.refer()
    page.add_init_script(TIMERS_KEPT)
    sign_in(page, desk)
    keys = ["n", "s", "4", "a", "1", "Enter", "Enter"]
    ready = ["#help:visible"] * 2 + ["#decision"] * 3 + ["#confirm:enabled:focus", "h1:has-text('Admitted')"]
    for key, then in zip(keys, ready, strict=True):
        page.keyboard.press(key)
        page.locator(then).wait_for()
    assert lane.decision(passage)["answer"] == "admit"
    timers: list[int] = json.loads(page.evaluate("sessionStorage.waits"))
    assert max(timers) == DEAF_MS, "no key waits for longer"


@pytest.mark.thorough
def test_second_officer_answer_announced_then_requeued(desk: RunningDesk, lane: Lane, page: Page) -> None:
    passage = judge_new_case(page, desk, lane, reasons=NO_MATCH)
    page.keyboard.press("a")
    page.get_by_text("Against the lane’s sure result: needs a note and a second officer.").wait_for()
    press(page, "1", "Enter")
    page.get_by_role("alert").filter(has_text="Write a note first").wait_for()
    page.keyboard.type("same ears, older photo")
    confirm(page)
    page.get_by_role("heading", name="A second officer decides too").wait_for()
    assert lane.decision(passage) is None
    page.keyboard.press("Enter")
    page.get_by_text("Waits for a second officer").wait_for()
    assert page.get_by_role("button", name="Open").count() == 0
    with desk.officer("li") as second:
        second.claim(passage)
        second.decide(passage)
    page.get_by_role("heading", name="Nobody is waiting").wait_for()
    assert lane.decision(passage)["answer"] == "admit"


@pytest.mark.thorough
def test_one_key_corrects_slip(desk: RunningDesk, lane: Lane, page: Page) -> None:
    with desk.changed(correction_window_s=20):
        passage = judge_new_case(page, desk, lane, reasons=QUALITY)
        press(page, "a", "1")
        confirm(page)
        page.get_by_role("heading", name="Admitted").wait_for()
        page.get_by_text("more seconds to correct it").wait_for()
        assert lane.decision(passage) is None, "the lane does not have it yet"
        page.keyboard.press("c")
        page.get_by_role("heading", name="Sent to secondary inspection").wait_for()
    desk.clock.pass_time(seconds=30)
    assert lane.decision(passage)["answer"] == "second_line"


@pytest.mark.thorough
def test_tools_show_one_place_and_go_with_answer(desk: RunningDesk, lane: Lane, page: Page) -> None:
    passage = open_new_case(page, desk, lane, images=[drawn_face(1), drawn_face(2), drawn_face(3)])
    placed(page)
    where = boxes(page)
    page.evaluate("Object.assign(document.getElementById('lost'), {textContent: 'x', hidden: false})")
    assert boxes(page) == where, "a word about the case moves no face"
    page.keyboard.press("m")
    lenses = page.locator(".lens:visible")
    assert lenses.count() == 2
    page.locator(".pair .view").nth(1).hover(position={"x": 60, "y": 70})
    places = [lens.evaluate("lens => lens.style.transform") for lens in lenses.all()]
    assert places[0] == places[1]
    page.keyboard.press("m")
    assert page.locator(".lens:visible").count() == 0
    page.keyboard.press("f")
    page.locator("figure.under", has_text="Live picture").wait_for(state="attached")
    page.locator("figure.under", has_text="Document photo").wait_for(state="attached")
    document, live = boxes(page)
    assert document == live
    page.keyboard.press("d")
    assert page.locator("figure.under").count() == 0, "the answer is given in front of two still pictures"
    assert boxes(page) == where
    page.keyboard.press("z")
    page.get_by_role("radiogroup", name="Ears").get_by_label("differs").check()
    with page.expect_request(f"**/api/v1/referrals/{passage}/judgement") as sent:
        for _ in range(5):  # without a release, the browser reports a key that is held
            page.keyboard.down("1")
    told = json.loads(sent.value.post_data or "")
    assert (told["verdict"], told["confidence"], told["features"]) == ("different", 1, {"ears": "different"})
    assert [look["what"] for look in told["viewed"]][-3:] == ["magnifier", "flicker", "zoom"]
    assert {look["what"] for look in told["viewed"]} >= {"document", "live"}
    page.locator("#decision").wait_for()
    page.keyboard.up("1")
    assert page.locator("input[type=radio]:checked").count() == 0, "the held digit chose no ground, too"


@pytest.mark.thorough
def test_eyes_align_level_at_one_distance(desk: RunningDesk, lane: Lane, page: Page) -> None:
    eyes = [[190, 270], [290, 270]], [[500, 300], [600, 400]]
    pictures = [drawn_face(1), drawn_face(2, width=1280, height=720)]
    passage = str(uuid4())
    body = judged(passage, [lane.upload(picture, passage) for picture in pictures], QUALITY)
    for image, seen in zip(body["images"], eyes, strict=True):
        image["eyes"] = seen
    lane.deliver(lane.write("passage.started", {"passage": passage}), lane.write("passage.judged", body))
    sign_in(page, desk)
    open_case(page, passage)
    placed(page)
    found = page.evaluate(
        """[...document.querySelectorAll('.pair .view > img')].map((image) => {
          const to = new DOMMatrix(getComputedStyle(image).transform);
          return JSON.parse(image.dataset.eyes).map(([x, y]) => {
            const at = to.transformPoint(new DOMPoint(x, y));
            return [at.x, at.y].map(Math.round);
          });
        })"""
    )
    assert found[0] == found[1]
    assert found[0][0][1] == found[0][1][1], "the line of the eyes is level"


def test_scriptless_page_asks_tells_decides(browser: Browser, desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer(reasons=QUALITY)
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(desk.address)
    page.get_by_label("Name").fill("wang")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Take the next").click()
    assert "second_line" not in page.content()
    page.get_by_label("Different person").check()
    page.get_by_role("radiogroup", name="Nose").get_by_label("differs").check()
    page.get_by_role("button", name="fairly sure").click()
    page.get_by_text("Your answer before: Different person, fairly sure").wait_for()
    assert page.locator("input[type=radio]:checked").count() == 0
    assert page.locator("[name=choice]:invalid").count() > 0, "the browser itself asks for a ground"
    page.get_by_role("group", name="Secondary inspection").get_by_label("Different person").check()
    page.locator("[name=note]").fill("两人同行")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("The gate stays closed").wait_for()
    assert lane.decision(passage) is None
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="Sent to secondary inspection").wait_for()
    assert lane.decision(passage)["ground"] == "different_person"
    context.close()


@pytest.mark.thorough
def test_queue_tells_break_and_hands_over(desk: RunningDesk, lane: Lane, page: Page) -> None:
    passage = lane.refer()
    sign_in(page, desk)
    page.get_by_text("a break is due at").wait_for()
    for _ in range(4):  # somebody sits there: a session that nobody uses ends sooner
        desk.clock.pass_time(minutes=desk.settings.stretch_minutes / 4 + 1)
        page.reload()
    page.get_by_text("A break is due now.").wait_for()
    page.get_by_role("button", name="Take a break").click()
    page.get_by_text("You are on a break.").wait_for()
    page.get_by_role("button", name="Back from the break").click()
    page.get_by_role("button", name="Take the next").click()
    page.wait_for_url("**/referrals/*")
    page.goto(f"{desk.address}/shift/end")
    page.get_by_label("What the next shift should know").fill("lane 1 is slow")
    page.get_by_role("button", name="End the shift").click()
    page.get_by_text("1 case went back to the queue, undecided.").wait_for()
    page.get_by_role("button", name="Sign out").first.click()
    page.get_by_role("button", name="Sign in", exact=True).wait_for()
    with desk.officer("li") as colleague:
        assert colleague.claim(passage).status_code == 200, "the case waits for the next officer"
    assert lane.decision(passage) is None
