"""The supervisor's page: plain words that never say more than was counted, and usable without a mouse."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page

from api.web.messages.evaluation import (
    AlarmMessage,
    Evaluation,
    HoldersMessage,
    Matcher,
    RateMessage,
    SeriesMessage,
    StrangersMessage,
)
from api.web.pages import evaluation_views
from api.web.translations.language import CHOICES, words
from lane.evaluation.cohort import Tally
from lane.evaluation.intervals import rate
from tests.api.web.pages.test_pages import Inline
from tests.support import tiers
from tests.support.api.evaluated_lane import OFF, SHADOW, cohort, fnmr_alarm, refer, tell, tell_many
from tests.support.api.officer_pages import open_from_bar, small_targets, text_of, too_wide
from tests.support.api.running_desk import Lane, Officer, RunningDesk

ENGLISH = words("en")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MATCHER = Matcher(name="sface", sha256="a" * 64, preprocessing="b" * 64)


def message(errors: int, n: int) -> RateMessage:
    return RateMessage.model_validate(rate(errors, n).plain())


def one(
    strangers: tuple[int, int] = (0, 100_000),
    holders: tuple[int, int] = (0, 1000),
    *,
    lane: str | None = None,
    alarms: tuple[AlarmMessage, ...] = (),
) -> SeriesMessage:
    low, known = message(*strangers), message(*holders)
    return SeriesMessage(
        lane=lane,
        group=None,
        matcher=MATCHER,
        last_at=NOW,
        strangers=StrangersMessage(
            passengers=known.n, passengers_matched=low.errors, low=low, high=low, expected=1e-3
        ),
        holders=HoldersMessage(
            low=known, high=known, expected=0.05, undecided=0, strangers_stopped=0, strangers_matched=0
        ),
        shadows=[],
        alarms=list(alarms),
    )


def alarm(by: str | None) -> AlarmMessage:
    return AlarmMessage(
        id=1,
        rate="fnmr",
        raised_at=NOW,
        errors=25,
        passengers=100,
        expected=0.05,
        chance=1e-9,
        acknowledged_by=by,
        acknowledged_at=NOW if by else None,
    )


@pytest.mark.parametrize(
    ("series", "state"),
    [
        ([one()], "within"),
        ([one(strangers=(0, 500))], "open"),
        ([one(strangers=(2, 500))], "above"),
        ([one(holders=(60, 1000))], "above"),
        ([one(holders=(0, 10))], "few"),
        ([one(strangers=(2, 500), holders=(0, 10))], "few"),
        ([one(), one(lane="lane-1", alarms=(alarm("officer-1"),))], "watched"),
        ([one(), one(lane="lane-1", alarms=(alarm(None),))], "worse"),
        ([one(alarms=(alarm("officer-1"),)), one(lane="lane-1", alarms=(alarm(None),))], "worse"),
        pytest.param([], None, id="nothing counted is not called good"),
    ],
)
def test_headline_says_known_worst_only(
    series: list[SeriesMessage], state: evaluation_views.State | None
) -> None:
    report = Evaluation(since=NOW, at=NOW, false_alarm=1e-6, fewest=20, series=series)
    assert evaluation_views.worst(evaluation_views.by_matcher(report)) == state


@given(st.integers(30, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_within_only_where_whole_range_is(counts: tuple[int, int]) -> None:
    found = evaluation_views.state(one(strangers=counts), "fmr")
    high = rate(*counts).plain()["high"]
    assert high is not None
    assert (found == "within") is (high <= 1e-3)


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_picture_holds_rate_inside_range(counts: tuple[int, int]) -> None:
    bar = evaluation_views.bar(message(*counts), 1e-3)
    assert bar is not None
    assert 0 <= bar.low <= evaluation_views.WIDTH
    assert bar.expected == evaluation_views.WIDTH // 2
    if bar.counted is not None:
        assert bar.low - 1 <= bar.counted <= bar.low + bar.width + 1


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "none"), (1e-6, "1 in 1,000,000"), (1 / 4321, "1 in 4,300"), (0.1, "1 in 10"), (0.26, "3 in 10")],
)
def test_rate_is_worded_as_people_speak(value: float, said: str) -> None:
    assert evaluation_views.one_in(value, ENGLISH) == said


@given(st.floats(1e-12, 1.0))
def test_every_rate_has_words(value: float) -> None:
    assert re.fullmatch(r"1 in [\d,]+|\d+ in 10", evaluation_views.one_in(value, ENGLISH))


# --- the page


def test_nothing_or_too_few_is_said_without_picture(lane: Lane, supervisor: Officer) -> None:
    assert "Nothing was counted yet" in supervisor.http.get("/evaluation").text
    tell(lane, cohort=OFF)
    html = supervisor.http.get("/evaluation").text
    assert "none counted yet" in html
    assert "0 of 0" not in html
    tell(lane)
    html = supervisor.http.get("/evaluation").text
    assert "<svg" not in html
    assert "Too few to say" in html


@pytest.mark.parametrize("tag", CHOICES)
def test_page_shows_both_numbers_nothing_inline(
    tag: str, desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    within = {"group": "UTO", "cohort": cohort(Tally(96, 0, 1, 1), Tally(40, 0, 0, 0))}
    shadow = {"matcher": SHADOW, "similarity": {"value": 0.5}, "agreement": "both_match"}
    tell_many(lane, 40, **within, shadow=shadow)
    tell(lane, cohort=cohort(Tally(100, 1, 0, 0)), shadow=shadow | {"agreement": "disagree"})
    refer(lane, officer, "admit", "same_person")
    refer(lane, officer, None)
    html = supervisor.http.get(f"/evaluation?lang={tag}").text
    text = text_of(html)
    of = {"en": "{} of {}", "zh-Hans": "{}（共 {}）"}[tag]
    for errors, n in (("1", "3,940"), ("1", "42"), ("41", "3,980"), ("40", "41"), ("0", "1,600")):
        assert of.format(errors, n) in text
    assert "%" not in text
    page = Inline()
    page.feed(html)
    assert (page.found, page.csrf_missing) == ([], 0)


def test_alarm_acknowledged_without_script(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    fnmr_alarm(desk, lane, officer)
    supervisor.sign_in()
    html = supervisor.http.get("/evaluation").text
    assert "errs more than is expected</h1>" in html
    assert "25 of 100 genuine comparisons did not match. At most 1 in 20 was expected." in html
    paths = re.findall(r'action="(/evaluation/alarms/\d+/acknowledgement)"', html)
    assert len(paths) == 2
    refused = officer.form(paths[0])
    assert (refused.status_code, "Your role does not allow this." in refused.text) == (403, True)
    for path in paths:
        assert supervisor.form(path).headers["location"] == "/evaluation"
    html = supervisor.http.get("/evaluation").text
    assert "and somebody looks into it</h1>" in html
    assert f"{supervisor.pseudonym} looks into it" in html


# --- in a browser


@pytest.fixture
def alarming(desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer, page: Page) -> Page:
    """The page with an alarm."""
    tell_many(lane, 30, group="UTO", cohort=cohort(Tally(96, 1, 1, 1), Tally(40, 1, 0, 0)))
    fnmr_alarm(desk, lane, officer)
    open_from_bar(page, desk, "/evaluation")
    return page


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.usefixtures("supervisor")
def test_the_page_follows_what_is_counted(desk: RunningDesk, lane: Lane, page: Page) -> None:
    tell(lane)
    open_from_bar(page, desk, "/evaluation")
    page.get_by_role("heading", name="Too few passengers").wait_for()
    tell_many(lane, 60)
    page.get_by_role("heading", name="Nothing unusual so far").wait_for(timeout=15_000)


@pytest.mark.thorough
@pytest.mark.browser
def test_supervisor_acknowledges_alarm_by_keyboard(alarming: Page) -> None:
    alarming.get_by_role("heading", name="The comparison errs more than is expected").wait_for()
    button = alarming.get_by_role("button", name="I look into it").first
    while not button.evaluate("e => e === document.activeElement"):
        alarming.keyboard.press("Tab")
    alarming.keyboard.press("Enter")
    alarming.get_by_text("looks into it", exact=False).filter(has_text="officer-").wait_for()


@pytest.mark.thorough
@pytest.mark.browser
@tiers.parametrize("locale", ["en-GB", "zh-CN"], quick=1)
@tiers.parametrize(("width", "height"), [(683, 384), (360, 740), (1366, 768)], quick=2)
def test_page_and_targets_fit(alarming: Page, width: int, height: int) -> None:
    alarming.set_viewport_size({"width": width, "height": height})
    alarming.reload()
    alarming.locator("summary").click()
    assert too_wide(alarming) == 0
    assert small_targets(alarming) == []
    pictures: list[Any] = alarming.evaluate(
        "[...document.querySelectorAll('.scale svg')].map((e) => e.getBoundingClientRect().width)"
    )
    assert len(pictures) == 2
    assert all(seen > 200 for seen in pictures)
