"""How officers' eyes do: private to officer and trainer; an alarm that accuses nobody; training apart."""

import pytest
from playwright.sync_api import Browser, ViewportSize

from api.audit.verify.ledger import verify_ledger
from api.platform.database.tables import QualityAlarmRow
from api.review import accuracy_records
from api.review.cases.answers import Judgement, OfficerAnswer
from api.review.cases.steps import Verdict
from api.web.translations.language import CHOICES
from lane.decision.referral import Answer, Ground
from lane.platform.errors import LedgerBrokenError
from tests.api.review.test_inserted_cases import shared
from tests.api.review.test_prepared_cases import prepare
from tests.api.web.pages.test_pages import Inline
from tests.support.api.evaluated_lane import kinds
from tests.support.api.officer_pages import confirm, sign_in, small_targets, too_wide
from tests.support.api.running_desk import Lane, Officer, RunningDesk, drawn_face
from tests.support.browser import quiet_page

pytestmark = pytest.mark.usefixtures("standing_clock")

PICTURES = [drawn_face(1, 48, 60), drawn_face(2, 48, 60)]


def decide_one(desk: RunningDesk, lane: Lane, officer: Officer, *, seconds: float, verdict: str) -> None:
    """A traveller whom the machine did not match, looked at for so long, and sent to secondary inspection."""
    passage = lane.refer(reasons=[{"code": "F10", "components": []}], images=PICTURES)
    cases = desk.desk.cases
    cases.claim(passage, officer.who)
    desk.clock.pass_time(seconds=seconds)
    cases.view(passage, officer.who)
    cases.judge(passage, officer.who, Judgement(Verdict(verdict), 4, {}, []))
    cases.view(passage, officer.who)
    ground = Ground.DIFFERENT_PERSON if verdict == "different" else Ground.CANNOT_TELL
    cases.decide(passage, officer.who, OfficerAnswer(Answer.SECOND_LINE, ground, "a note"))


def test_prepared_cases_give_rates_and_intervals(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    prepare(desk, "different")
    shared(desk, 1.0)
    officer.decide(str(officer.take_next()), "admit", "same_person", "sure")
    found = officer.read("/quality/me")
    assert (found["false_accepts"]["errors"], found["false_accepts"]["n"]) == (1, 1)
    assert found["false_accepts"]["low"] == 0.025
    assert (found["false_rejects"]["n"], found["false_rejects"]["rate"]) == (0, None)


def test_decisions_become_time_and_agreement(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    for seconds, verdict in ((4, "different"), (8, "same"), (9, "cannot_tell")):
        decide_one(desk, lane, officer, seconds=seconds, verdict=verdict)
    found = officer.read("/quality/me")
    assert (found["decisions"], found["median_s"]) == (3, 8)
    assert (found["agreed_before"]["errors"], found["agreed_before"]["n"]) == (1, 2), "not who cannot tell"
    assert (found["agreed_after"]["errors"], found["agreed_after"]["n"]) == (2, 2)
    assert found["changed"]["errors"] == 1


def test_decision_time_from_claim_to_answer(desk: RunningDesk, officer: Officer, claimed: str) -> None:
    officer.judge(claimed, "same")
    desk.clock.pass_time(seconds=5)
    officer.answer(claimed, "admit", "same_person", "a note")
    assert officer.read("/quality/me")["median_s"] == 5


@pytest.mark.thorough
def test_clock_set_back_speeds_no_decision(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    for _ in range(20):
        decide_one(desk, lane, officer, seconds=-2, verdict="same")
    desk.desk.accuracy.update_alarms()
    with desk.desk.database.read() as session:
        assert accuracy_records.count_alarms(session) == 0


def test_earlier_viewer_of_findings_judged_nothing(lane: Lane, officer: Officer) -> None:
    passage = lane.refer_to(officer, reasons=[{"code": "F10", "components": []}])
    officer.judge(passage, "same")
    officer.ask("DELETE", f"/referrals/{passage}/claim")
    officer.claim(passage)
    officer.judge(passage, "different")
    officer.answer(passage, "second_line", "different_person", "a note")
    found = officer.read("/quality/me")
    assert (found["decisions"], found["agreed_after"]["n"], found["median_s"]) == (0, 0, None)


def test_figures_are_officers_and_trainers_only(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    with desk.officer("chen") as colleague:
        assert colleague.ask("GET", "/quality").status_code == 403
        assert colleague.http.get("/quality").status_code == 403
        assert colleague.read("/quality/me")["officer"] == colleague.pseudonym
        everybody = supervisor.read("/quality")["officers"]
    assert {one["name"] for one in everybody} == {"wang", "chen"}


@pytest.fixture
def careless(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """The officer has raised an alarm."""
    for _ in range(20):
        decide_one(desk, lane, officer, seconds=0.2, verdict="different")
    desk.desk.accuracy.update_alarms()


@pytest.mark.thorough
@pytest.mark.usefixtures("careless")
def test_alarm_ends_when_decisions_recover(desk: RunningDesk) -> None:
    desk.clock.pass_time(days=31)
    desk.desk.accuracy.update_alarms()
    assert kinds(desk)[-1] == "quality.alarm_cleared"
    verify_ledger(desk.desk.database)


@pytest.mark.thorough
@pytest.mark.usefixtures("careless")
def test_careless_officer_alarms_trainer_only(
    desk: RunningDesk, officer: Officer, supervisor: Officer
) -> None:
    (one,) = supervisor.read("/quality")["officers"]
    assert [alarm["kind"] for alarm in one["alarms"]] == ["fast"]
    assert "Of 20 decisions, 20 took less than two seconds from the claim" in one["alarms"][0]["text"]
    assert "wang" in supervisor.http.get("/quality").text
    assert "Please talk with an officer" in supervisor.http.get("/hall").text
    assert officer.read("/quality/me")["alarms"] == []
    assert "two seconds" not in officer.http.get("/quality/me").text
    assert kinds(desk).count("quality.alarm_raised") == 1
    verify_ledger(desk.desk.database)
    with desk.desk.database.write() as session:
        session.query(QualityAlarmRow).filter(QualityAlarmRow.kind == "fast").delete()
    with pytest.raises(LedgerBrokenError, match="how officers decide"):
        verify_ledger(desk.desk.database)


def test_look_taken_once_daily_by_anyone(desk: RunningDesk, officer: Officer) -> None:
    def due() -> list[str]:
        with desk.desk.database.read() as session:
            return accuracy_records.due(session, at=desk.clock())

    assert due() == [officer.pseudonym]
    desk.desk.accuracy.update_alarms()
    assert due() == []
    desk.clock.pass_time(hours=25)
    assert due() == [officer.pseudonym]


# --- training


def test_training_takes_and_tells_three_steps(desk: RunningDesk, officer: Officer) -> None:
    prepare(desk, "same", training=True)
    passage = officer.ask("POST", "/training/next").json()["claim"]["passage"]
    detail = officer.look(passage)
    assert (detail["step"], detail["revealed"]) == ("blind", None)
    assert officer.judge(passage, "same").json()["step"] == "revealed"
    answer = officer.answer(passage, "admit", "same_person", "a note").json()
    assert answer["feedback"]["outcome"] == "right"
    page = officer.http.get(f"/referrals/{passage}").text
    assert 'action="/training/next"' in page
    assert officer.read("/training") == {
        "cases": 1,
        "right": 1,
        "false_accepts": 0,
        "false_rejects": 0,
        "undecided": 0,
    }
    verify_ledger(desk.desk.database)


def test_training_never_mixes_with_live(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """Neither with the queue nor with the figures."""
    prepare(desk, "different", training=True)
    passage = officer.ask("POST", "/training/next").json()["claim"]["passage"]
    assert officer.cases("claimed") == []
    traveller = lane.refer()
    assert officer.claim(passage).status_code == 200, "a traveller is for those at work"
    officer.decide(passage, "admit", "same_person", "sure")
    assert officer.read("/quality/me")["false_accepts"]["n"] == 0
    assert [one["passage"] for one in officer.cases("open")] == [traveller]


def test_training_by_forms_moves_through_cases(desk: RunningDesk, officer: Officer) -> None:
    assert "There is no case to train on" in officer.form("/training/next").text
    prepare(desk, "same", training=True)
    prepare(desk, "different", training=True)
    seen = set()
    for _ in range(2):
        path = officer.form("/training/next").headers["location"]
        passage = path.removeprefix("/referrals/")
        seen.add(passage)
        officer.decide(passage, "second_line", "cannot_tell")
    assert len(seen) == 2
    assert "1 of 2 right" in officer.http.get("/training").text


@pytest.mark.parametrize("tag", CHOICES)
@pytest.mark.parametrize("path", ["/quality", "/quality/me", "/training"])
@pytest.mark.usefixtures("officer")
def test_pages_have_nothing_inline(path: str, tag: str, supervisor: Officer) -> None:
    page = Inline()
    answer = supervisor.http.get(f"{path}?lang={tag}")
    assert answer.status_code == 200
    page.feed(answer.text)
    assert (page.found, page.csrf_missing) == ([], 0)


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_officer_trains_fully_by_keyboard(
    browser: Browser, desk: RunningDesk, officer: Officer, locale: str
) -> None:
    """From the first look to the summary."""
    prepare(desk, "different", training=True)
    with quiet_page(browser, locale) as page:
        sign_in(page, desk)
        page.goto(f"{desk.address}/training")
        page.locator("button.primary:focus").wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**/referrals/*")
        page.locator(".view.placed img").first.wait_for()
        page.keyboard.press("d")
        page.keyboard.press("4")
        page.locator("#decision [data-answer=second_line]").wait_for()
        page.keyboard.press("l")
        page.keyboard.press("1")
        confirm(page)
        page.locator(".feedback h1").wait_for()
        assert small_targets(page) == []
        page.locator("a[href='/training']").click()
        page.locator(".training .lead").wait_for()
        assert too_wide(page) == 0


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("window", [{"width": 683, "height": 384}, {"width": 1366, "height": 768}])
@pytest.mark.usefixtures("supervisor")
def test_the_page_of_figures_fits(
    browser: Browser, desk: RunningDesk, lane: Lane, officer: Officer, locale: str, window: ViewportSize
) -> None:
    decide_one(desk, lane, officer, seconds=4, verdict="different")
    with quiet_page(browser, locale) as page:
        page.set_viewport_size(window)
        sign_in(page, desk, "zhou")
        page.goto(f"{desk.address}/quality")
        page.locator("summary").click()
        assert too_wide(page) == 0
        assert small_targets(page) == []
