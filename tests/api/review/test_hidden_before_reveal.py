"""What a step hides is not sent: no answer, no page and no event of the desk holds it before the reveal."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.audit.verify.ledger import verify_ledger
from lane.ledger.entry import Entry
from tests.support.api.running_desk import Lane, Officer, RunningDesk, judged

SIMILARITY, FMR, THRESHOLD, BORDERLINE = 0.4711471, 0.0008151, 0.4913913, 0.3717171
CUES = {"score": {"value": 0.2619191}, "border": {"value": 6.3317171}}
EXPIRES_ON = "2020-02-29"
SENTINELS = {
    "similarity": r"47114",
    "achieved FMR": r"00081|\b9 of 10,000",
    "threshold": r"49139",
    "band": r"37171",
    "no match": r"\bF10\b|no_match|do not match|comparison: |通道比对结果：",
    "borderline": r"\bF09\b|borderline",
    "expiry": r"2020-02-29|\bD11\b|expired",
    "attack": r"\bA01\b|presentation attack",
    "cue": r"26191|33171|liveness_cues|hint that decides|仅供参考，不作任何决定依据|\"hint\": \"u",
    "waiting": r"waiting_s\": \d|opened_at\": \"",
}
OF_THE_COMPARISON = ("similarity", "achieved FMR", "threshold", "band", "no match", "borderline")
WORST = [{"code": "A01"}, {"code": "F10"}, {"code": "D11"}]


def refer(lane: Lane, reasons: list[dict[str, str]]) -> str:
    evidence = judged("p", [], [])["evidence"] | {
        "document": {"expiry": "failed", "expires_on": EXPIRES_ON},
        "similarity": {"value": SIMILARITY},
        "achieved_fmr": {"value": FMR},
        "liveness_cues": CUES,
        "matcher": {"name": "sface"},
    }
    band = {"admit": THRESHOLD, "borderline": BORDERLINE}
    return lane.refer(reasons=reasons, evidence=evidence, band=band)


def words(text: str) -> str:
    """Without hashes, names of passages and parts of a second: they hold every short code some day."""
    return re.sub(r"[0-9a-f-]{32,}|(?<=T\d\d:\d\d:\d\d)\.\d+", "", text)


def found(text: str, *names: str) -> list[str]:
    """The hidden things that a text holds."""
    return [name for name in names or SENTINELS if re.search(SENTINELS[name], words(text), re.IGNORECASE)]


def test_timestamps_tell_nothing_of_comparison() -> None:
    assert found('"opened_at": "2026-11-26T01:28:42.647114Z"') == ["waiting"]
    assert found('"similarity": 0.4711471') == ["similarity"]


def case_alone(officer: Officer, passage: str) -> Iterator[str]:
    """Everything about one case that an officer can ask for."""
    answer = officer.ask("GET", f"/referrals/{passage}")
    yield json.dumps(answer.json())
    yield json.dumps(officer.claim(passage).json())
    for language in ("en", "zh-Hans"):
        yield officer.http.get(f"/referrals/{passage}?lang={language}").text
    officer.http.get("/queue?lang=en")
    for image in answer.json()["images"]:
        yield str(officer.http.get(image["href"]).headers)
    listed = officer.cases()
    yield json.dumps([one for one in listed if one["passage"] == passage])


def waits(text: str) -> list[str]:
    """Minutes and seconds as the queue shows them, which no time of day is."""
    shown = re.sub(r"data-[\w-]+=\S+", "", text)
    return re.findall(r"(?<![\d:T])\d+:\d\d(?![\d:])", shown)


def test_no_findings_sent_before_judgement(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = refer(lane, WORST)
    desk.clock.pass_time(seconds=95)
    officer.claim(passage)
    for text in case_alone(officer, passage):
        assert found(text) == []
        assert waits(text) == [], "how long the passenger waits"
    told = officer.judge(passage).text
    assert set(found(told)) >= {"achieved FMR", "no match", "expiry", "attack", "cue"}
    assert '"A01"' in told, "`attack` also matches the words that nothing was assessed"
    hint = r"26191|33171|liveness_cues|planarity"
    assert not re.search(hint, words(told)), "the hint is a word, never a number"
    assert found(told, "similarity", "threshold", "band") == []


def seen_at_gate(lane: Lane, passage: str, code: str) -> Entry:
    at = {"at": "2026-01-01T00:00:00+00:00", "detail": ""}
    return lane.write("lane.event", {"passage": passage, "code": code, **at})


def test_gate_events_told_with_findings(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    lane.deliver(*(seen_at_gate(lane, passage, code) for code in ("L01", "L03", "L01")))
    officer.claim(passage)
    for text in case_alone(officer, passage):
        assert not re.search(r"\bL0[1-6]\b|followed into|有人尾随|since the lane asked", text)
    told = officer.judge(passage).json()["revealed"]["gate"]
    assert [one["code"] for one in told] == ["L01", "L03"]
    pages = {lang: officer.http.get(f"/referrals/{passage}?lang={lang}").text for lang in ("en", "zh-Hans")}
    assert "Somebody followed into the lane" in pages["en"]
    assert "有人尾随进入" in pages["zh-Hans"]
    sure = officer.form(f"/referrals/{passage}/confirm?lang=en", choice="admit.same_person").text
    assert "Something was seen at the gate: see" in sure
    verify_ledger(desk.desk.database)


def test_earlier_gate_event_told_by_question(lane: Lane, officer: Officer) -> None:
    """What the gate saw before the lane asked is told by its question alone."""
    passage = "p-0123456789"
    lane.deliver(seen_at_gate(lane, passage, "L02"))
    lane.refer(passage=passage, reasons=[{"code": "L02"}])
    with_no_name = lane.write("lane.event", {"passage": passage, "code": "L" * 99})
    lane.deliver(with_no_name)
    officer.claim(passage)
    told = officer.judge(passage).json()["revealed"]
    assert [one["code"] for one in told["reasons"]] == ["L02"]
    assert [one["code"] for one in told["gate"]] == ["L" * 16], "what nobody here knows is not kept back"
    assert officer.http.get(f"/referrals/{passage}").status_code == 200


@pytest.mark.parametrize("code", ["F09", "F10"])
def test_list_hides_comparison_result(lane: Lane, officer: Officer, code: str) -> None:
    refer(lane, [{"code": "D16"}, {"code": code}] if code == "F09" else [{"code": code}, {"code": "D16"}])
    [told] = officer.cases()
    assert [reason["code"] for reason in told["reasons"]] == ["D16", "compare"]
    for sent in (told, officer.look(told["passage"])):
        assert not sent.keys() & {"grave", "handed", "ended"}, "fields for the pages alone"
    for text in (json.dumps(told), officer.http.get("/queue").text, officer.http.get("/queue/cases").text):
        assert found(text, *OF_THE_COMPARISON) == []


def test_case_of_others_sends_summary_only(lane: Lane, officer: Officer, colleague: Officer) -> None:
    passage = refer(lane, WORST)
    colleague.claim(passage)
    colleague.judge(passage)
    told = officer.look(passage)
    assert (told["step"], told["images"], told["badges"], told["revealed"]) == (None, [], [], None)
    for text in (json.dumps(told), officer.http.get(f"/referrals/{passage}").text):
        assert found(text, *OF_THE_COMPARISON) == []
    colleague.answer(passage, "second_line", "cannot_tell")
    told = officer.look(passage)
    assert (told["step"], told["revealed"]) == (None, None)


def test_second_officer_learns_nothing_of_first(lane: Lane, officer: Officer, colleague: Officer) -> None:
    passage = refer(lane, WORST)
    officer.claim(passage)
    officer.judge(passage, "different", 5)
    officer.answer(passage, "admit", "same_person", "PLANTED-NOTE")
    hidden = rf"{officer.pseudonym}|PLANTED|second|proposed"
    listed = json.dumps(colleague.ask("GET", "/referrals").json())
    assert not re.search(hidden, listed)
    assert not re.search(hidden, re.sub("seconds", "", colleague.http.get("/queue").text))
    colleague.claim(passage)
    for text in case_alone(colleague, passage):
        assert found(text) == []
        assert not re.search(rf"{officer.pseudonym}|PLANTED", text)
    revealed = colleague.judge(passage).json()
    assert revealed["needs"] is None
    assert revealed["revealed"]["own"]["verdict"] == "same"
    assert not re.search(rf"{officer.pseudonym}|PLANTED", json.dumps(revealed))
    assert not re.search(rf"{officer.pseudonym}|PLANTED", colleague.http.get(f"/referrals/{passage}").text)
    assert officer.look(passage)["needs"] == "second"


def test_events_name_only_case(lane: Lane, officer: Officer) -> None:
    with officer.http.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        passage = refer(lane, WORST)
        officer.claim(passage)
        officer.judge(passage)
        officer.answer(passage, "second_line", "cannot_tell")
        heard: list[Any] = []
        while len(heard) < 3:
            line = next(lines)
            if line.startswith("data:"):
                heard.append(json.loads(line.removeprefix("data:")))
    assert heard == [{"passage": passage}] * 3


@pytest.mark.parametrize(
    ("score", "alarm", "hint"),
    [
        (0.2, False, "unusual"),
        (0.5, False, "usual"),
        (None, False, "none"),
        (7.0, False, "none"),
        pytest.param(0.2, True, "none", id="an alarm is no hint"),
    ],
)
def test_hint_told_in_words_after_judgement(
    lane: Lane, officer: Officer, score: float | None, alarm: bool, hint: str
) -> None:
    told = {"not_assessed": "few"} if score is None else {"value": score}
    evidence = judged("p", [], [])["evidence"] | {"liveness_cues": {"score": told}}
    evidence |= {"liveness": told} if alarm else {}
    passage = lane.refer_to(officer, evidence=evidence, reasons=[{"code": "A01"}] if alarm else None)
    attack = officer.judge(passage).json()["revealed"]["attack"]

    assert (attack["hint"], attack["alarm"], attack["assessed"]) == (hint, alarm, alarm)
    pages = {lang: officer.http.get(f"/referrals/{passage}?lang={lang}").text for lang in ("en", "zh-Hans")}
    assert ("A hint that decides nothing" in pages["en"]) is (hint != "none")
    assert ("仅供参考，不作任何决定依据" in pages["zh-Hans"]) is (hint != "none")
