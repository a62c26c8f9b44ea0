"""The traveller's screen as a browser shows it: large, whole, truthful, and never longer than it is true."""

import base64
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from lane.capture.guidance import Instruction
from lane.decision.reason_codes import Code
from lane.kiosk.sentences import SENTENCES, TAGS
from lane.kiosk.settings import Language
from lane.kiosk.traveller_requests import OPEN_TO_REQUESTS, PICTURED, Button
from tests.support import tiers
from tests.support.browser import CHROMIUM, NO_BROWSER
from tests.support.lane.kiosk_process import KioskUnderTest, kiosk
from tests.support.processes import GENEROUS_S, until

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)]
PORTRAIT, ZOOMED, LANDSCAPE = (1080, 1920), (540, 960), (1920, 1080)
LONGEST_MS = 1500
"""Between the last word of the lane and the cover; the lane's own silence takes a second at most before."""
Looks = dict[Instruction, dict[str, Any]]
ONLY = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CUT_OFF = """
  ({width, height}) => [...document.querySelectorAll("#screen .clause, #screen svg, #screen button")]
    .filter((one) => one.checkVisibility())
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.left < 0 || box.top < 0 || box.right > width || box.bottom > height)
    .map(([one]) => one.outerHTML.slice(0, 100))
"""
OVERLAP = """
  () => {
    const screen = document.getElementById("screen");
    const boxes = [...screen.querySelectorAll(".sentence > *, #confirmed, #wishes, .mirror")]
      .filter((one) => one.checkVisibility() && one.textContent + one.innerHTML)
      .map((one) => one.getBoundingClientRect());
    return boxes.some((a, i) => boxes.slice(i + 1).some((b) =>
      a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1));
  }
"""
SHADE = """
  (shade) => {
    const [seen] = document.getElementById("picture").getContext("2d").getImageData(2, 2, 1, 1).data;
    return Math.abs(seen - shade) < 2;
  }
"""
SIZES = """
  () => [...document.querySelectorAll("#sentence .clause")]
    .map((one) => parseFloat(getComputedStyle(one).fontSize))
"""
COLOURS = """
  () => ["#sentence", ".mirror .pictogram", "button"].map((one) => document.querySelector(one))
    .filter((one) => one.checkVisibility())
    .map((one) => {
      const own = getComputedStyle(one), paper = getComputedStyle(document.querySelector("#screen"));
      const clear = own.backgroundColor === "rgba(0, 0, 0, 0)";
      return [own.color, clear ? paper.backgroundColor : own.backgroundColor];
    })
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[KioskUnderTest]:
    with kiosk() as shown:
        yield shown


@contextmanager
def opened(
    browser: Browser, shown: KioskUnderTest, size: tuple[int, int] = PORTRAIT, *, quiet: bool = True
) -> Iterator[Page]:
    """The page; where it is `quiet`, whatever the browser complains of fails the test."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page, complaints = context.new_page(), []
    page.set_default_timeout(GENEROUS_S * 1000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(shown.address)
    yield page
    context.close()
    assert not quiet or complaints == []


@pytest.fixture
def page(browser: Browser, shared: KioskUnderTest) -> Iterator[Page]:
    with opened(browser, shared) as page:
        yield page


def reaches(page: Page, shown: KioskUnderTest, instruction: Instruction, progress: float = 0.0) -> None:
    shown.kiosk(instruction, progress)
    page.wait_for_selector(f"html[data-state=told] main[data-instruction={instruction}]")
    page.wait_for_selector("#screen:not([inert])")


def sees_a_picture(page: Page, shown: KioskUnderTest) -> None:
    until(lambda: shown.write() and page.locator("#picture[data-drawn]").count())


# What it looks like


@tiers.parametrize("size", [PORTRAIT, ZOOMED, LANDSCAPE, (768, 1366), (1280, 800)], quick=2)
def test_every_instruction_fits_every_size(
    browser: Browser, shared: KioskUnderTest, size: tuple[int, int]
) -> None:
    with opened(browser, shared, size) as page:
        for instruction in Instruction:
            reaches(page, shared, instruction)
            if instruction in PICTURED:
                sees_a_picture(page, shared)
            sentence = SENTENCES[instruction]
            first = page.inner_text("#sentence").split("\n")[0]
            assert first.replace(" ", "") == sentence.zh.replace(" ", "")
            assert sentence.en in " ".join(page.inner_text("#sentence").split())
            assert page.evaluate(CUT_OFF, {"width": size[0], "height": size[1]}) == [], instruction
            assert not page.evaluate(OVERLAP), instruction
            assert page.locator(".mirror .pictogram").is_visible()


@pytest.mark.thorough
@pytest.mark.parametrize("languages", [("zh",), ("en",), ("en", "zh")])
def test_site_orders_its_languages(browser: Browser, languages: tuple[Language, ...]) -> None:
    with kiosk(languages=languages) as shown, opened(browser, shown) as page:
        reaches(page, shown, Instruction.OFFICER)
        assert page.evaluate("[...document.querySelectorAll('#sentence > *')].map((one) => one.lang)") == [
            TAGS[language] for language in languages
        ]
        assert page.get_attribute("html", "lang") == TAGS[languages[0]]


@pytest.fixture(scope="module")
def looks(browser: Browser, shared: KioskUnderTest) -> Looks:
    """Every instruction on the screen that the page is made for."""
    found = {}
    with opened(browser, shared) as page:
        for instruction in Instruction:
            reaches(page, shared, instruction)
            found[instruction] = {
                "sizes": page.evaluate(SIZES),
                "pictogram": page.locator(".mirror .pictogram").bounding_box(),
                "colours": page.evaluate(COLOURS),
                "faults": faults(page),
            }
    return found


def test_far_read_text_is_large(looks: Looks) -> None:
    for look in looks.values():
        assert min(look["sizes"]) >= 76, "a capital letter of 13 mm on a screen of 21.5 inches"
        assert look["pictogram"]["width"] >= 300


def test_every_state_has_enough_contrast(looks: Looks) -> None:
    for instruction, look in looks.items():
        for text, ground in look["colours"]:
            assert contrast(text, ground) >= 7, (instruction, text, ground)


def test_no_state_has_serious_accessibility_fault(looks: Looks) -> None:
    assert {instruction: look["faults"] for instruction, look in looks.items() if look["faults"]} == {}


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2; of `rgb(r, g, b)`."""
    channels = [int(one) / 255 for one in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def faults(page: Page) -> list[str]:
    result = Axe().run(page, options=ONLY)
    assert len(result.response["passes"]) > 8, "axe has looked at nothing"
    return [
        f"{fault['id']}: {node['html'][:160]}"
        for fault in result.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@pytest.mark.thorough
def test_progress_is_a_ring_that_fills(page: Page, shared: KioskUnderTest) -> None:
    for progress in (0.0, 0.5, 1.0):
        reaches(page, shared, Instruction.HOLD_STILL, progress)
        page.wait_for_function(
            "(left) => document.getElementById('ring').style.strokeDashoffset === String(left)",
            arg=100 - 100 * progress,
        )


# The picture


@pytest.mark.thorough
def test_picture_is_mirrored_until_camera_stops(page: Page, shared: KioskUnderTest) -> None:
    reaches(page, shared, Instruction.LOOK)
    sees_a_picture(page, shared)
    shot = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    box = page.locator("#picture").bounding_box()
    assert shot is not None
    assert box is not None
    row = shot[int(box["y"] + box["height"] / 2)]
    left, right = int(box["x"] + box["width"] / 4), int(box["x"] + box["width"] * 3 / 4)
    assert row[left].mean() < 60 < 150 < row[right].mean(), "the frame is light on its left"
    page.wait_for_selector("#screen:not([data-mirrored])")
    assert page.evaluate("document.getElementById('picture').width") == 4
    assert page.locator(".mirror .pictogram").is_visible()
    sees_a_picture(page, shared)
    page.wait_for_selector("#screen[data-mirrored]")


@pytest.mark.thorough
def test_fast_browser_sees_every_frame(browser: Browser, shared: KioskUnderTest) -> None:
    with opened(browser, shared, quiet=False) as page:  # it warns when its pixels are read back
        reaches(page, shared, Instruction.LOOK)
        sees_a_picture(page, shared)
        for frame in range(50):
            shared.write(40 + 4 * frame)
            page.wait_for_function(SHADE, arg=40 + 4 * frame)


def test_page_clears_traveller_after_capture(page: Page, shared: KioskUnderTest) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    reaches(page, shared, Instruction.LOOK)
    sees_a_picture(page, shared)
    reaches(page, shared, Instruction.OFFICER)
    assert page.evaluate("document.getElementById('picture').width") == 4
    assert all(url.startswith(shared.address) for url in requested)
    assert page.context.cookies() == []
    kept = "[localStorage.length, sessionStorage.length, document.cookie]"
    assert page.evaluate(kept) == [0, 0, ""]


# What is over is not shown


def is_covered(page: Page) -> bool:
    return float(page.evaluate("getComputedStyle(document.getElementById('lost')).opacity")) == 1


@pytest.mark.thorough
def test_unheard_lane_makes_page_wait(browser: Browser) -> None:
    """Also one that has ended."""
    with ExitStack() as stack:
        shown = stack.enter_context(kiosk())
        with opened(browser, shown, quiet=False) as page:
            reaches(page, shown, Instruction.PROCEED)
            page.route("**/state*", lambda route: route.abort())
            page.reload()
            assert is_covered(page)
            assert page.get_attribute("html", "data-state") == "lost"
            page.wait_for_selector("#screen[inert]")
            assert faults(page) == []
            page.unroute("**/state*")
            reaches(page, shown, Instruction.PROCEED)
            stack.close()
            page.wait_for_selector("html[data-state=lost]", state="attached")
            assert is_covered(page)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_failed_kiosk_stops_saying_proceed(browser: Browser, sent: int) -> None:
    with kiosk(hung_s=4.0) as shown, opened(browser, shown, quiet=False) as page:
        reaches(page, shown, Instruction.PROCEED)
        assert not is_covered(page)
        shown.kiosk(Instruction.PLEASE_WAIT)
        shown.send(sent)
        if sent == signal.SIGSTOP:  # one that is killed may be there again before the page misses it
            page.wait_for_selector("html[data-state=lost]", state="attached")
            assert is_covered(page)
            assert page.get_attribute("#screen", "inert") is not None
        page.wait_for_selector("html[data-state=told] main[data-instruction=please_wait]")
        assert page.evaluate("document.getAnimations()[0].effect.getTiming().duration") <= LONGEST_MS


def test_hung_script_still_gets_covered(browser: Browser, shared: KioskUnderTest) -> None:
    with opened(browser, shared, ZOOMED) as page:
        reaches(page, shared, Instruction.PROCEED)
        shots: list[str] = []
        devtools = page.context.new_cdp_session(page)

        def keep(shot: dict[str, Any]) -> None:
            shots.append(shot["data"])
            devtools.send("Page.screencastFrameAck", {"sessionId": shot["sessionId"]})

        devtools.on("Page.screencastFrame", keep)
        devtools.send("Page.startScreencast", {"format": "png"})
        until(lambda: waited(page) and shots)
        assert is_green(shots[-1])
        page.evaluate("setTimeout(() => { for (const end = Date.now() + 6000; Date.now() < end;); }, 0)")
        until(lambda: waited(page) and not is_green(shots[-1]))


def waited(page: Page) -> bool:
    """Until the browser was heard; for this the page's script is not needed."""
    page.wait_for_timeout(20)
    return True


def is_green(png: str) -> bool:
    shot = cv2.imdecode(np.frombuffer(base64.b64decode(png), np.uint8), cv2.IMREAD_COLOR)
    assert shot is not None
    blue, green, red = (int(one) for one in shot[10, 10])
    return green > blue + 20 > red


# What travellers ask for


@tiers.parametrize(
    ("wish", "code"),
    [
        (Button.NO_FACE, Code.DECLINES_FACE),
        (Button.WHEELCHAIR, Code.BODY_SIZE),
        (Button.INFANT, Code.INFANT_CARRIED),
        (Button.HELP, Code.IMPAIRMENT),
    ],
    quick=1,
)
def test_button_cycle_works_and_is_heard(browser: Browser, wish: Button, code: Code) -> None:
    with kiosk() as shown, opened(browser, shown) as page:
        reaches(page, shown, Instruction.WELCOME)
        pressed = f"[data-wish={wish}][aria-pressed=true]"
        page.click(f"[data-wish={wish}]")
        page.wait_for_selector(pressed)
        assert "an officer will help you" in " ".join(page.inner_text("#confirmed").split()).lower()
        assert "检查员将协助您" in page.inner_text("#confirmed")
        assert faults(page) == []
        page.click(f"[data-wish={wish}]")
        page.wait_for_selector(f"[data-wish={wish}][aria-pressed=false]")
        page.focus(f"[data-wish={wish}]")
        page.keyboard.press("Enter")
        page.wait_for_selector(pressed)
        assert shown.take() == (code,)
        reaches(page, shown, Instruction.OFFICER)
        assert not page.locator("#wishes").is_visible()
        reaches(page, shown, Instruction.WELCOME)
        page.wait_for_selector(f"[data-wish={wish}][aria-pressed=false]")
        assert not page.locator("#confirmed").is_visible()


@pytest.mark.thorough
@tiers.parametrize("languages", [("zh", "en"), ("en", "zh")], quick=1)
@tiers.parametrize("size", [PORTRAIT, ZOOMED, LANDSCAPE], quick=1)
def test_confirmation_moves_no_button(
    browser: Browser, size: tuple[int, int], languages: tuple[Language, ...]
) -> None:
    with kiosk(languages=languages) as shown, opened(browser, shown, size) as page:
        for instruction in (Instruction.WELCOME, Instruction.DOCUMENT_UNREADABLE):
            reaches(page, shown, instruction)
            before = page.locator("[data-wish=help]").bounding_box()
            page.click("[data-wish=help]")
            page.wait_for_selector("[data-wish=help][aria-pressed=true]")
            assert page.locator("#confirmed").is_visible()
            assert page.locator("[data-wish=help]").bounding_box() == before
            assert not page.evaluate(OVERLAP)
            assert page.evaluate(CUT_OFF, {"width": size[0], "height": size[1]}) == []
            page.click("[data-wish=help]")
            page.wait_for_selector("[data-wish=help][aria-pressed=false]")


@pytest.mark.thorough
@tiers.parametrize("size", [PORTRAIT, ZOOMED, LANDSCAPE], quick=1)
def test_buttons_are_hand_sized_and_stay(
    browser: Browser, shared: KioskUnderTest, size: tuple[int, int]
) -> None:
    places = set()
    with opened(browser, shared, size) as page:
        for instruction in sorted(OPEN_TO_REQUESTS):
            reaches(page, shared, instruction)
            for wish in Button:
                box = page.locator(f"[data-wish={wish}]").bounding_box()
                assert box is not None
                assert min(box["width"], box["height"]) >= 88, "twice the least target of a finger"
                places.add((wish, round(box["x"]), round(box["y"])))
    assert len(places) == len(Button)
