"""The supervisor's hall: words and shapes for each lane, live, without a mouse, without a script."""

import re
from contextlib import ExitStack
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from api.lanes.hall.status_report import State
from api.web.pages import hall_views
from api.web.translations.language import CHOICES, words
from tests.api.lanes.test_hall import ABOUT, command, tell
from tests.support import tiers
from tests.support.api.officer_pages import open_from_bar, press, small_targets, text_of, too_wide
from tests.support.api.running_desk import Lane, Officer, RunningDesk


@pytest.mark.parametrize("tag", CHOICES)
def test_every_lane_state_has_word_shape(tag: str, lane: Lane, supervisor: Officer) -> None:
    said = set()
    for state in State.__args__:  # type: ignore[attr-defined]
        tell(lane, state)
        html = supervisor.http.get(f"/hall?lang={tag}").text
        (word,) = re.findall(r'<span class="word"><span class="sign" aria-hidden="true"></span>(.*?)</', html)
        assert f'class="tile {state}"' in html
        said.add(word)
    assert said == {words(tag).say(text) for state, text in hall_views.STATES.items() if state != "silent"}


def test_faults_are_said_in_small_words(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    with desk.lane("lane-2") as second, desk.lane("lane-3") as third:
        tell(second)
        tell(third)
        fallen_back = ABOUT | {"provider": "CUDAExecutionProvider"}
        tell(lane, camera={"health": "lost", "frame_age_ms": None}, outbox=12, about=fallen_back)
        command(supervisor, "lane-1", "close")
        text = text_of(supervisor.http.get("/hall").text)
    for words_ in ("Camera lost", "12 entries not delivered", "Runs on CUDA", "Told to close, not heard yet"):
        assert text.count(words_) == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"frames": 970, "spoilt": 30}, "Camera: 3% of pictures spoilt"),
        ({"frames": 900, "skipped": 100}, "Camera: 10% of pictures skipped"),
        ({"frames": 900, "reconnects": 4}, "Camera opened again: 4×"),
    ],
)
def test_camera_losses_in_words_and_figures(
    counts: dict[str, int], said: str, lane: Lane, supervisor: Officer
) -> None:
    tell(lane, camera={"health": "good", "frame_age_ms": 40, "counts": counts})
    assert said in text_of(supervisor.http.get("/hall").text)
    text = text_of(supervisor.http.get("/hall/lanes/lane-1").text)
    assert said in text
    assert f"Pictures in ten minutes {counts['frames']:,} whole" in text


def test_small_or_uncounted_losses_stay_unmentioned(lane: Lane, supervisor: Officer) -> None:
    tell(lane)
    assert "Camera" not in text_of(supervisor.http.get("/hall").text)
    assert "Pictures in ten minutes" not in text_of(supervisor.http.get("/hall/lanes/lane-1").text)
    hardly = {"frames": 18000, "spoilt": 20}
    tell(lane, "capturing", camera={"health": "good", "frame_age_ms": 40, "counts": hardly})
    assert "Camera" not in text_of(supervisor.http.get("/hall").text)
    assert "Pictures in ten minutes" in text_of(supervisor.http.get("/hall/lanes/lane-1").text)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (["L04"], "Door forced"),
        (["unreachable"], "Gate out of reach"),
        (["fire", "L01"], "Fire alarm"),
        (["fire"], "close the lane, then open it"),
        (["of a newer lane"], ""),
    ],
)
def test_gate_events_are_said_in_words(gate: list[str], said: str, lane: Lane, supervisor: Officer) -> None:
    tell(lane, "fault", gate=gate)
    assert said in text_of(supervisor.http.get("/hall").text)
    assert said in text_of(supervisor.http.get("/hall/lanes/lane-1").text)


@pytest.mark.usefixtures("standing_clock")
def test_top_tells_waiting_and_due_breaks(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    lane.refer(images=[], at=desk.clock() - timedelta(seconds=150))
    desk.clock.pass_time(minutes=20)
    desk.desk.cases.travellers.escalate()
    officer.http.get("/queue")
    desk.do_chores()
    text = text_of(supervisor.http.get("/hall").text)
    assert re.search(
        r"Passengers waiting 1 Longest 2[23]:\d\d Waits too long 1 Officers 1 Next rotation", text
    )
    desk.clock.pass_time(minutes=25)
    officer.http.get("/queue")
    supervisor.sign_in()
    desk.clock.pass_time(minutes=16)
    assert "Break overdue" in text_of(supervisor.http.get("/hall").text)


def test_lane_commands_work_without_script(lane: Lane, supervisor: Officer) -> None:
    tell(lane)
    for word, wanted in (("close", "closed"), ("stop", "stopped"), ("open", "open")):
        answer = supervisor.form("/hall/lanes/lane-1/command", command=word)
        assert (answer.status_code, answer.headers["location"]) == (303, "/hall/lanes/lane-1")
        assert tell(lane).json()["wanted"] == wanted
        html = supervisor.http.get("/hall/lanes/lane-1").text
        assert f'value="{word}"' not in html, "what is wanted already is not offered"
    html = supervisor.http.get("/hall").text
    assert html.index('<details class="stop">') < html.index('action="/hall/stop"'), "it asks once"
    assert supervisor.form("/hall/stop").headers["location"] == "/hall"
    assert tell(lane).json()["wanted"] == "stopped"


def test_unknown_lane_is_said_in_words(supervisor: Officer) -> None:
    answer = supervisor.http.get("/hall/lanes/lane-9")
    assert (answer.status_code, "There is no such lane" in answer.text) == (404, True)


# --- in a browser


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.usefixtures("supervisor")
def test_changed_lane_repaints_without_moving_focus(desk: RunningDesk, lane: Lane, page: Page) -> None:
    with desk.lane("lane-2") as second:
        tell(lane)
        tell(second)
        open_from_bar(page, desk, "/hall")
        page.locator("a.tile").nth(1).focus()
        page.evaluate("document.querySelector('.tile').dataset.mark = 'untouched'")
        tell(second, "referred")
        page.locator("a.tile.referred").wait_for()
        assert page.evaluate("document.activeElement.getAttribute('href')") == "/hall/lanes/lane-2"
        assert page.evaluate("document.querySelector('.tile').dataset.mark") == "untouched"


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.usefixtures("supervisor")
@tiers.parametrize("locale", ["en-GB", "zh-CN"], quick=1)
@tiers.parametrize(("width", "height"), [(683, 384), (1366, 768), (1920, 1080)], quick=1)
def test_hundred_lanes_fit_width_and_finger(
    desk: RunningDesk, lane: Lane, page: Page, width: int, height: int
) -> None:
    with ExitStack() as stack:
        states = ["waiting", "capturing", "referred", "open", "closed", "stopped", "fault"]
        for number in range(2, 101):
            one = stack.enter_context(desk.lane(f"lane-{number}"))
            tell(one, states[number % 7], outbox=number // 50)
    tell(lane, "referred")
    lane.refer(images=[])
    page.set_viewport_size({"width": width, "height": height})
    open_from_bar(page, desk, "/hall")
    assert page.locator("a.tile").count() == 100
    assert too_wide(page) == 0
    assert small_targets(page) == []
    if height == 1080:
        last = page.locator("a.tile").last.bounding_box()
        assert last is not None
        assert last["y"] + last["height"] <= height


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.usefixtures("supervisor")
def test_supervisor_stops_hall_by_keyboard(desk: RunningDesk, lane: Lane, page: Page) -> None:
    open_from_bar(page, desk, "/hall")
    page.locator(".stop summary").focus()
    press(page, "Enter", "Tab", "Enter")
    page.wait_for_url("**/hall")
    page.get_by_text("Told to stop, not heard yet").wait_for()
    assert tell(lane).json()["wanted"] == "stopped"
