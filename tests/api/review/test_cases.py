"""A case is judged blind, revealed, decided: who may say what, what is told when, and what stays."""

import re
from functools import partial
from typing import Any

import pytest

from api.people.roles import Role
from lane.decision.referral import GROUNDS, MOST_REPEATS, Answer
from tests.support.api.evaluated_lane import kinds
from tests.support.api.running_desk import Lane, Officer, RunningDesk, at_once, refusal

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("whole_ledger")]

NO_MATCH = [{"code": "F10"}]


# --- blind, revealed, decided


def test_nobody_decides_without_having_judged(lane: Lane, officer: Officer, claimed: str) -> None:
    """Nobody judges what was not shown."""
    unseen = {"verdict": "same", "confidence": 5}
    refused = officer.ask("POST", f"/referrals/{claimed}/judgement", json=unseen)
    assert refusal(refused) == (409, "not_shown")
    assert officer.look(claimed)["step"] == "blind"
    assert refusal(officer.answer(claimed, "admit", "same_person")) == (409, "not_revealed")
    told = officer.judge(claimed, "same", 5).json()
    assert (told["step"], told["revealed"]["own"]["verdict"]) == ("revealed", "same")
    assert officer.answer(claimed, "admit", "same_person").json()["state"] == "decided"
    assert lane.decision(claimed)["answer"] == "admit"


def test_a_judgement_is_given_once(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    assert refusal(officer.judge(passage)) == (409, "claim_missing")
    officer.claim(passage)
    first = officer.judge(passage, "different", 2)
    assert officer.judge(passage, "different", 2).json()["revealed"] == first.json()["revealed"]
    assert refusal(officer.judge(passage, "same", 2)) == (409, "already_judged")
    assert kinds(desk).count("referral.judged_blind") == 1


def test_nothing_to_judge_without_two_faces(lane: Lane, officer: Officer) -> None:
    passage = lane.refer_to(officer, images=[])
    told = officer.look(passage)
    assert told["step"] == "revealed"
    assert told["revealed"]["own"] == {
        "verdict": None,
        "confidence": None,
        "text": "No photo could be read from the document.",
    }
    assert refusal(officer.judge(passage)) == (409, "already_judged")
    assert officer.answer(passage, "second_line", "cannot_tell").status_code == 200


def test_case_taker_judges_blind_from_start(
    desk: RunningDesk, officer: Officer, colleague: Officer, claimed: str
) -> None:
    officer.judge(claimed)
    desk.clock.pass_time(seconds=121)
    colleague.claim(claimed)
    assert colleague.look(claimed)["step"] == "blind"
    assert refusal(officer.answer(claimed, "admit", "same_person")) == (409, "claim_missing")
    assert refusal(colleague.answer(claimed, "admit", "same_person")) == (409, "not_revealed")
    colleague.judge(claimed)
    assert colleague.answer(claimed, "admit", "same_person").status_code == 200
    assert kinds(desk).count("referral.judged_blind") == 2


def test_answer_against_judgement_needs_reason(officer: Officer, claimed: str) -> None:
    rules = officer.judge(claimed, "different").json()["revealed"]["answers"]
    assert {rule["answer"] for rule in rules if rule["note"]} == {"admit"}
    for note in ("", "  \n "):
        assert refusal(officer.answer(claimed, "admit", "same_person", note)) == (422, "note_missing")
    assert officer.answer(claimed, "admit", "same_person", "a beard, grown since").status_code == 200


# --- a second officer, and a third


def test_two_officers_reverse_confident_result(lane: Lane, officer: Officer, colleague: Officer) -> None:
    """They judge apart."""
    passage = lane.refer_to(officer, reasons=NO_MATCH)
    officer.judge(passage)
    assert refusal(officer.answer(passage, "admit", "same_person")) == (422, "note_missing")
    said = officer.answer(passage, "admit", "same_person", "the scar is there")
    assert said.json() == {"state": "second_officer", "decision": None, "feedback": None}
    assert officer.answer(passage, "admit", "same_person", "the scar is there").json() == said.json()
    assert lane.decision(passage) is None
    assert refusal(officer.claim(passage)) == (409, "other_officer_needed")
    colleague.claim(passage)
    blind = colleague.ask("GET", f"/referrals/{passage}")
    assert officer.pseudonym not in blind.text
    assert "second" not in blind.text
    revealed = colleague.judge(passage)
    assert officer.pseudonym not in revealed.text
    assert revealed.json()["needs"] is None
    decided = colleague.answer(passage, "admit", "same_person", "same ears").json()
    assert decided["decision"]["officer"] == colleague.pseudonym
    assert lane.decision(passage) == decided["decision"]


def test_supervisor_decides_when_officers_differ(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer(reasons=NO_MATCH)
    with (
        desk.officer("li") as second,
        desk.officer("qian") as other,
        desk.officer("zhou", Role.SUPERVISOR) as third,
    ):
        officer.claim(passage)
        officer.decide(passage, "admit", "same_person")
        second.claim(passage)
        said = second.decide(passage, "second_line", "cannot_tell")
        assert said.json() == {"state": "third_officer", "decision": None, "feedback": None}
        for one in (officer, second, other):
            assert refusal(one.claim(passage)) == (409, "other_officer_needed")
            assert one.take_next() is None
        assert third.take_next() == passage
        blind = third.ask("GET", f"/referrals/{passage}").text
        assert not any(one.pseudonym in blind for one in (officer, second))
        assert third.decide(passage, "admit", "same_person").json()["state"] == "decided"
    assert lane.decision(passage)["answer"] == "admit"


def left_to_nobody(one: Officer, language: str = "en") -> tuple[Any, ...]:
    """How a supervisor is told: by the queue's row, the hall, the metrics."""
    (row,) = one.cases("open")
    sign = {"en": "No one on site may answer", "zh-CN": "在岗人员无人有权处理"}[language]
    pages = [one.http.get(path, headers={"Accept-Language": language}).text for path in ("/queue", "/hall")]
    hall = one.ask("GET", "/hall").json()["queue"]["unanswerable"]
    metric = re.search("referrals_unanswerable ([0-9.]+)", one.ask("GET", "/metrics").text)
    return row["unanswerable"], hall, *(sign in page for page in pages), metric and float(metric[1])


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_impossible_third_opinion_waits_marked(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer, language: str
) -> None:
    passage = lane.refer(reasons=NO_MATCH)
    answers = ((supervisor, "admit", "same_person"), (officer, "second_line", "cannot_tell"))
    for one, answer, ground in answers:
        assert left_to_nobody(supervisor, language) == (False, 0, False, False, 0)
        one.claim(passage)
        one.decide(passage, answer, ground)
    assert refusal(supervisor.claim(passage)) == (409, "other_officer_needed"), "who was first is not third"
    assert left_to_nobody(supervisor, language) == (True, 1, True, True, 1)
    (row,) = officer.cases("open")
    assert not row["unanswerable"], "supervisors and administrators are told"
    with desk.officer("gu", Role.ADMINISTRATOR) as administrator:
        assert "no one on site may answer" in administrator.http.get("/people").text
    with desk.officer("song", Role.SUPERVISOR) as other:
        assert left_to_nobody(other, language) == (False, 0, False, False, 0), "nothing tells that two differ"
        assert left_to_nobody(supervisor, language)[0] is False
        other.ask("POST", "/shift/end", json={"note": ""})
        (row,) = other.cases("open")
        assert not row["unanswerable"], "who could come back to take it still judges blind"
    assert left_to_nobody(supervisor, language)[0] is True


def test_unserved_duty_case_told_to_supervisors(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    lane.refer(reasons=[{"code": "P06", "components": []}])
    assert supervisor.ask("GET", "/hall").json()["queue"]["unanswerable"] == 1
    with desk.officer("li", duties=["diplomatic"]) as li:
        assert supervisor.ask("GET", "/hall").json()["queue"]["unanswerable"] == 0
        li.ask("POST", "/shift/break")
        assert supervisor.ask("GET", "/hall").json()["queue"]["unanswerable"] == 0, "a break is soon over"


@pytest.mark.parametrize("answer", [answer for answer in Answer if answer is not Answer.ADMIT])
def test_closed_gate_answer_needs_one_officer(lane: Lane, officer: Officer, answer: Answer) -> None:
    passage = lane.refer_to(officer, reasons=NO_MATCH)
    officer.judge(passage)
    assert officer.answer(passage, answer, GROUNDS[answer][-1]).json()["state"] == "decided"


# --- corrected, handed


def test_slip_corrected_until_lane_has_decision(
    desk: RunningDesk, lane: Lane, officer: Officer, colleague: Officer, claimed: str
) -> None:
    assert refusal(correct(officer, claimed, "admit", "same_person")) == (409, "not_decided")
    officer.decide(claimed, "second_line", "cannot_tell")
    assert officer.look(claimed)["correctable"]
    assert refusal(correct(colleague, claimed, "admit", "same_person")) == (403, "not_your_decision")
    corrected = correct(officer, claimed, "admit", "same_person").json()["decision"]
    assert correct(officer, claimed, "admit", "same_person").json()["decision"] == corrected
    assert lane.decision(claimed) == corrected
    assert refusal(correct(officer, claimed, "second_line", "cannot_tell")) == (409, "already_handed")
    assert lane.decision(claimed) == corrected
    assert not officer.look(claimed)["correctable"]
    assert kinds(desk).count("referral.handed") == 1


def test_correction_does_not_bypass_second_officer(lane: Lane, officer: Officer) -> None:
    passage = lane.refer_to(officer, reasons=NO_MATCH)
    officer.decide(passage, "second_line", "cannot_tell")
    refused = correct(officer, passage, "admit", "same_person", "it is her")
    assert refusal(refused) == (422, "second_officer_needed")
    assert lane.decision(passage)["answer"] == "second_line"


def correct(officer: Officer, passage: str, answer: str, ground: str, note: str = "") -> Any:
    body = {"answer": answer, "ground": ground, "note": note}
    return officer.ask("POST", f"/referrals/{passage}/correction", json=body)


# --- captured again


def test_repeated_capture_is_new_blind_case(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    for number in range(MOST_REPEATS):
        officer.claim(passage)
        assert officer.decide(passage, "repeat_capture", "poor_pictures").status_code == 200
        assert lane.decision(passage)["answer"] == "repeat_capture"
        lane.refer(passage=passage, reasons=NO_MATCH if number else None)
        assert lane.decision(passage) is None
    officer.claim(passage)
    told = officer.look(passage)
    assert (told["step"], told["revealed"]) == ("blind", None)
    officer.judge(passage)
    assert refusal(officer.answer(passage, "repeat_capture", "poor_pictures")) == (422, "repeat_refused")
    assert officer.answer(passage, "second_line", "cannot_tell").status_code == 200
    assert lane.decision(passage)["answer"] == "second_line"


def refused_once(lane: Lane, officer: Officer, **asked: Any) -> str:
    """A case that came back: the lane was asked to capture again, and does not."""
    passage = lane.refer_to(officer, **asked)
    officer.decide(passage, "repeat_capture", "poor_pictures")
    handed = lane.decision(passage)
    lane.deliver(lane.write("passage.repeat_refused", {"passage": passage, "decision": handed["id"]}))
    assert lane.decision(passage) is None, "it asks the same again"
    officer.claim(passage)
    return passage


def test_lane_refused_answer_not_offered_again(lane: Lane, officer: Officer) -> None:
    """The page says why."""
    passage = refused_once(lane, officer)
    blind = officer.http.get(f"/referrals/{passage}?lang=en").text
    assert "asked to capture again" not in blind
    told = officer.judge(passage).json()["revealed"]
    assert told["repeat_refused"]
    assert {one["answer"] for one in told["answers"]} == {"admit", "second_line", "other_agency"}
    pages = {lang: officer.http.get(f"/referrals/{passage}?lang={lang}").text for lang in ("en", "zh-Hans")}
    assert "takes no more pictures of this passenger" in pages["en"]
    assert "该旅客不再重新采集" in pages["zh-Hans"]
    assert not [page for page in pages.values() if "repeat_capture" in page]
    assert refusal(officer.answer(passage, "repeat_capture", "poor_pictures")) == (422, "repeat_refused")
    assert officer.answer(passage, "second_line", "cannot_tell").status_code == 200
    assert refusal(correct(officer, passage, "repeat_capture", "poor_pictures")) == (422, "repeat_refused")
    assert lane.decision(passage)["answer"] == "second_line"
    told = officer.judge(lane.refer_to(officer)).json()["revealed"]
    assert not told["repeat_refused"], "one passenger's refusal is not another's"
    assert "repeat_capture" in {one["answer"] for one in told["answers"]}
    assert told["next_steps"] == [], "these are for a passenger who was not captured"


def test_question_stays_until_somebody_asks(lane: Lane, officer: Officer) -> None:
    passage = lane.refer(images=[])
    lane.refer(passage=passage, reasons=NO_MATCH, images=[])
    officer.claim(passage)
    told = officer.look(passage)
    assert [reason["code"] for reason in told["revealed"]["reasons"]] == ["F09"]


def test_diplomat_is_not_captured_twice(desk: RunningDesk, lane: Lane) -> None:
    with desk.officer("li", duties=["diplomatic"]) as li:
        passage = lane.refer_to(li, reasons=[{"code": "P06"}], images=[])
        li.look(passage)
        assert refusal(li.answer(passage, "repeat_capture", "other")) == (422, "repeat_refused")


def test_correction_against_lane_ends_one_decision(lane: Lane, officer: Officer) -> None:
    """Both at the same moment."""
    for _ in range(10):
        passage = lane.refer_to(officer, images=[])
        officer.decide(passage, "second_line", "cannot_tell")
        told, corrected = at_once(
            [
                partial(lane.http.get, f"/passages/{passage}/decision"),
                partial(correct, officer, passage, "admit", "checked_by_hand"),
            ]
        )
        first = told.json()["decision"]
        kept = lane.decision(passage)
        assert first == kept, "what the lane acts on is what counts"
        assert (kept["answer"] == "admit") is (corrected.status_code == 200)
        assert corrected.status_code in (200, 409)
