"""What an officer at a browser does, and what a test sees there."""

import re
from importlib import resources
from typing import Any

from playwright.sync_api import FloatRect, Page

from tests.support.api.running_desk import PASSWORD, Lane, RunningDesk

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
"""Given to a context as an init script, it runs beside the page and leaves the page's policy as it is."""


def text_of(html: str) -> str:
    """A page without its tags, and with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def sign_in(
    page: Page, desk: RunningDesk, name: str = "wang", first: str = "/queue", password: str = PASSWORD
) -> None:
    page.goto(desk.address)
    page.locator("[name=name]:focus").wait_for()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{first}")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def open_from_bar(page: Page, desk: RunningDesk, path: str) -> None:
    """The supervisor signs in, and goes to a place of the bar."""
    sign_in(page, desk, "zhou")
    page.locator(f"a[href='{path}']").click()
    page.wait_for_url(f"**{path}")


def open_case(page: Page, passage: str) -> None:
    page.keyboard.press("n")
    page.wait_for_url(f"**/referrals/{passage}")
    page.locator("#help:visible").wait_for()


def answer_blind(page: Page, passage: str, verdict: str = "s", confidence: str = "4") -> None:
    open_case(page, passage)
    page.keyboard.press(verdict)
    page.keyboard.press(confidence)
    page.locator("#decision").wait_for()


def open_new_case(page: Page, desk: RunningDesk, lane: Lane, **refer: Any) -> str:
    """A passenger is referred, and an officer signs in and opens the case."""
    passage = lane.refer(**refer)
    sign_in(page, desk)
    open_case(page, passage)
    return passage


def judge_new_case(page: Page, desk: RunningDesk, lane: Lane, **refer: Any) -> str:
    """As `open_new_case`; and the officer has judged the faces."""
    passage = lane.refer(**refer)
    sign_in(page, desk)
    answer_blind(page, passage)
    return passage


def confirm(page: Page) -> None:
    page.keyboard.press("Enter")
    page.locator("#confirm:enabled:focus").wait_for()
    page.keyboard.press("Enter")


def faces_shown(page: Page) -> int:
    """How many of the two large pictures have really been drawn."""
    page.wait_for_function(
        "[...document.querySelectorAll('.pair .view > img')].every((i) => i.naturalWidth > 0)"
    )
    return page.locator(".pair .view > img").count()


def placed(page: Page) -> None:
    """Wait until both large pictures lie in their frames."""
    page.wait_for_function("document.querySelectorAll('.pair .view.placed').length === 2")


def boxes(page: Page) -> list[FloatRect]:
    found = [view.bounding_box() for view in page.locator(".pair .view").all()]
    return [box for box in found if box is not None]


def overlap(one: FloatRect, other: FloatRect) -> bool:
    across = one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]
    down = one["y"] < other["y"] + other["height"] and other["y"] < one["y"] + one["height"]
    return across and down


def too_wide(page: Page) -> int:
    """By how many pixels the page, or its side, must be moved sideways to be read."""
    page.wait_for_load_state("load")
    return int(
        page.evaluate(
            "[document.documentElement, ...document.querySelectorAll('#side')]"
            ".reduce((most, one) => Math.max(most, one.scrollWidth - one.clientWidth), 0)"
        )
    )


def small_targets(page: Page) -> list[str]:
    """Buttons, links and choices that are less than 44 px high, by the style sheets."""
    page.wait_for_load_state("load")
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll('button, a:not(.skip), .choice, .feature label, input, textarea')]
        .filter((e) => e.type !== 'radio')
        .filter((e) => e.checkVisibility() && e.type !== 'hidden' && e.getBoundingClientRect().height < 43.9)
        .map((e) => e.outerHTML.slice(0, 80))"""
    )
    return found


def cut_off(page: Page) -> list[str]:
    """Controls below the faces that the window cuts, where faces and controls share one screen."""
    page.wait_for_load_state("load")
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll('#dock button, #dock label, #dock a')]
        .filter((e) => e.checkVisibility())
        .filter((e) => {
          const box = e.getBoundingClientRect();
          const one = matchMedia('(min-width: 1100px) and (min-height: 600px)').matches;
          return box.right > document.documentElement.clientWidth + 0.5 || (one && box.bottom > innerHeight);
        }).map((e) => e.textContent.trim())"""
    )
    return found


def faults(page: Page) -> list[str]:
    """What axe calls serious or critical, once style sheets are loaded and nothing on the page moves."""
    page.wait_for_load_state("load")
    looked, found = page.evaluate(
        "Promise.allSettled(document.getAnimations().map((moving) => moving.finished))"
        ".then(() => axe.run(document, {resultTypes: ['violations']}))"
        ".then((r) => [r.passes.length, r.violations"
        ".filter((v) => ['serious', 'critical'].includes(v.impact))"
        ".map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`)])"
    )
    assert looked > 10, "axe has looked at nothing"
    return list(found)
