"""Of whom no picture was taken: who gets the case, what the officer does next, what is never offered."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from lane.decision.reason_codes import BY_HAND, Code
from tests.support.api.officer_pages import confirm, sign_in
from tests.support.api.running_desk import Lane, Officer, RunningDesk, judged, refusal
from tests.support.browser import quiet_page

pytestmark = pytest.mark.usefixtures("whole_ledger")

REASONS = [Code.CHILD, Code.BODY_SIZE, Code.IMPAIRMENT, Code.DIPLOMATIC, Code.DECLINES_FACE]
NEVER_AGAIN = {Code.CHILD, Code.DIPLOMATIC, Code.DECLINES_FACE}
"""`P08` after a first capture too: who lets one picture be taken may decline the next."""
ACCUSING = re.compile(r"suspect|refus|deni|fraud|attack alarm|impost|嫌疑|拒绝|冒用|欺骗", re.IGNORECASE)


def refer(lane: Lane, code: Code) -> str:
    """A passenger who was sent straight to an officer, as a lane tells it."""
    nothing = {"not_assessed": "not compared"}
    evidence = judged("", [], [])["evidence"] | {
        "capture": {"ended": "not_taken", "frames_seen": 0, "good_frames": 0},
        "similarity": nothing,
        "achieved_fmr": nothing,
        "quality": {},
    }
    return lane.refer(images=[], reasons=[{"code": code.value, "components": []}], evidence=evidence)


def taken(officer: Officer, passage: str) -> Any:
    assert officer.claim(passage).status_code == 200
    return officer.look(passage)


@pytest.mark.parametrize("code", REASONS)
def test_uncaptured_page_gives_next_steps(desk: RunningDesk, lane: Lane, code: Code) -> None:
    passage = refer(lane, code)
    with desk.officer("wang", duties=["child", "diplomatic"]) as officer:
        seen = taken(officer, passage)
        assert (seen["step"], seen["images"]) == ("revealed", [])
        assert seen["revealed"]["next_steps"] == list(BY_HAND[code].steps)
        assert [one["check"] for one in seen["revealed"]["document"]] == ["expiry", "chip"]
        answers = {one["answer"] for one in seen["revealed"]["answers"]}
        assert ("repeat_capture" in answers) == (code not in NEVER_AGAIN)
        for language in ("en", "zh-CN"):
            page = officer.http.get(f"/referrals/{passage}", headers={"Accept-Language": language}).text
            assert "<img" not in page
            assert len(re.findall("<li>", page.partition("</ol>")[0].partition("<ol>")[2])) == 3
            assert not ACCUSING.search(page.partition("<ol>")[2].partition("</ol>")[0])
        decided = officer.answer(passage, "admit", "checked_by_hand").json()
        assert decided["state"] == "decided", "one officer is enough: nothing is reversed"


def test_declined_repeat_is_not_offered_again(lane: Lane, officer: Officer) -> None:
    passage = lane.refer_to(officer, images=[])
    assert officer.decide(passage, "repeat_capture", "poor_pictures").status_code == 200
    assert lane.decision(passage)["answer"] == "repeat_capture"
    lane.refer(images=[], passage=passage, reasons=[{"code": "P08", "components": []}])
    offered = taken(officer, passage)["revealed"]["answers"]
    assert "repeat_capture" not in {one["answer"] for one in offered}
    assert refusal(officer.answer(passage, "repeat_capture", "other")) == (422, "repeat_refused")


def test_no_step_names_lane_refused_answer(lane: Lane, officer: Officer) -> None:
    passage = refer(lane, Code.IMPAIRMENT)
    assert "Capture again" in taken(officer, passage)["revealed"]["next_steps"][-1]
    officer.answer(passage, "repeat_capture", "other")
    handed = lane.decision(passage)
    lane.deliver(lane.write("passage.repeat_refused", {"passage": passage, "decision": handed["id"]}))
    told = taken(officer, passage)["revealed"]
    assert "repeat_capture" not in {one["answer"] for one in told["answers"]}
    assert [step for step in told["next_steps"] if "Capture again" in step] == []
    assert len(told["next_steps"]) == len(BY_HAND[Code.IMPAIRMENT].steps)


@pytest.mark.thorough
@pytest.mark.browser
def test_officer_asks_and_checks_by_hand(
    browser: Browser, desk: RunningDesk, lane: Lane, officer: Officer
) -> None:
    with quiet_page(browser) as page:
        sign_in(page, desk, officer.name)
        page.get_by_role("link", name="Without the camera").click()
        page.get_by_role("button", name="Declines face recognition").click()
        expect(page.get_by_text("Asked, and not taken up yet")).to_be_visible()
        told = {"state": "waiting", "since": desk.clock().isoformat()}
        asked = lane.http.put("/lane/status", json=told).json()["uncaptured"]
        passage = refer(lane, Code(asked["code"]))
        body = {"passage": passage, "request": asked["request"], "code": asked["code"], "by": asked["by"]}
        lane.deliver(lane.write("passage.asked", body))
        page.get_by_role("link", name="Queue").click()
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="To be checked by hand")).to_be_visible()
        expect(page.locator(".next li")).to_have_count(3)
        page.locator("#help:visible").wait_for()
        page.keyboard.press("a")
        page.keyboard.press("2")
        confirm(page)
        expect(page.get_by_role("heading", name="Admitted")).to_be_visible()
    assert lane.decision(passage)["ground"] == "checked_by_hand"
