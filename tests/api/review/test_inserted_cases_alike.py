"""A prepared case answers like a traveller's to the same calls, until the truth is told with the decision."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.platform.database.tables import SeededRow
from api.review.prepared import case_file, stored_cases
from tests.api.review.test_inserted_cases import offered, shared
from tests.api.review.test_prepared_cases import file_of, nothing, picture
from tests.support import tiers
from tests.support.api.running_desk import Lane, Officer, RunningDesk, drawn_face

pytestmark = pytest.mark.usefixtures("whole_ledger")

EVIDENCE = {"similarity": {"value": 0.1}}
REASONS = [{"code": "F10", "components": []}]
_OF_ITS_OWN = re.compile(
    r"[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+]\d\d:?\d\d)?|\b\d+:\d\d(:\d\d)?\b"
    r"|\b[0-9A-Z]{4}-[0-9A-Z]{4}\b"
)
"""Hashes, names of passages, times, numbers of requests: what differs between any two cases."""
_COUNTED = re.compile(r'["\']waiting_s["\']: ?\d+|data-left="?\d+')

Act = Callable[[RunningDesk, Officer, str], Any]


def told(answer: httpx.Response) -> Any:
    """What a client can see of an answer."""
    text = _COUNTED.sub("n", _OF_ITS_OWN.sub("x", answer.text))
    return answer.status_code, answer.headers.get("location", "")[:11], text


def _asked(method: str, path: str, body: dict[str, Any] | None = None) -> Act:
    def act(desk: RunningDesk, officer: Officer, passage: str) -> Any:
        sent = {"json": body} if body is not None else {}
        return told(officer.ask(method, f"/referrals/{passage}{path}", **sent))

    act.__name__ = f"{method} {path} {body or ''}"
    return act


def _page(path: str, form: dict[str, str] | None = None) -> Act:
    def act(desk: RunningDesk, officer: Officer, passage: str) -> Any:
        if form is None:
            return told(officer.http.get(f"/referrals/{passage}{path}"))
        return told(officer.form(f"/referrals/{passage}{path}", **form))

    act.__name__ = f"page {path} {form or ''}"
    return act


def _listed(state: str) -> Act:
    def act(desk: RunningDesk, officer: Officer, passage: str) -> Any:
        answer = officer.ask("GET", "/referrals", params={"state": state} if state else {})
        rows = [one for one in answer.json()["referrals"] if one["passage"] == passage]
        return answer.status_code, [_COUNTED.sub("n", _OF_ITS_OWN.sub("x", str(one))) for one in rows]

    act.__name__ = f"listed {state}"
    return act


def picture_of(desk: RunningDesk, officer: Officer, passage: str) -> Any:
    """One that the case has, if it can be known, and one that it has not."""
    images = officer.look(passage).get("images") or [{"sha256": "0" * 64}]
    names = [images[0]["sha256"], "f" * 64]
    answers = [officer.ask("GET", f"/referrals/{passage}/images/{name}") for name in names]
    return [(one.status_code, one.headers["content-type"]) for one in answers]


def next_case(desk: RunningDesk, officer: Officer, passage: str) -> Any:
    return told(officer.ask("POST", "/referrals/next"))


def wait(desk: RunningDesk, officer: Officer, passage: str) -> Any:
    """Longer than a lease, and than anybody should wait."""
    desk.clock.pass_time(seconds=130)
    desk.desk.cases.travellers.escalate()


def leave_and_come_back(desk: RunningDesk, officer: Officer, passage: str) -> Any:
    officer.ask("DELETE", "/session")
    officer.sign_in()


def _answer(answer: str, ground: str, note: str = "") -> dict[str, str]:
    return {"answer": answer, "ground": ground, "note": note}


SAME = {"verdict": "same", "confidence": 4}
ACTS: list[Act] = [
    *(_listed(state) for state in ("", "open", "claimed", "decided", "ended")),
    next_case,
    wait,
    leave_and_come_back,
    picture_of,
    _page(""),
    _page("/claim", {}),
    _page("/release", {}),
    _page("/judgement", {"verdict": "same", "confidence": "4"}),
    _page("/confirm", {"choice": "admit.same_person"}),
    _asked("GET", ""),
    _asked("POST", "/claim"),
    _asked("DELETE", "/claim"),
    _asked("POST", "/judgement", SAME),
    _asked("POST", "/judgement", {"verdict": "different", "confidence": 2}),
    _asked("POST", "/judgement", {"verdict": "same"}),
    _asked("POST", "/decision", _answer("admit", "same_person")),
    _asked("POST", "/decision", _answer("admit", "police")),
    _asked("POST", "/decision", _answer("second_line", "different_person")),
    _asked("POST", "/decision", _answer("repeat_capture", "poor_pictures")),
    _asked("POST", "/correction", _answer("second_line", "cannot_tell")),
    _asked("POST", "/correction", _answer("admit", "police")),
]
LOOK, CLAIM, RELEASE, JUDGE = (
    _asked("GET", ""),
    _asked("POST", "/claim"),
    _asked("DELETE", "/claim"),
    _asked("POST", "/judgement", SAME),
)
BEGINNINGS: list[list[Act]] = [
    [CLAIM],
    [CLAIM, LOOK, JUDGE, RELEASE, CLAIM],
    [CLAIM, LOOK, JUDGE, LOOK, wait],
]
READING: list[Act] = [_page(""), picture_of, _listed("")]


def said(desk: RunningDesk, officer: Officer, passage: str, acts: list[Act]) -> Iterator[Any]:
    """What is answered to each, up to a decision: with that the truth is told."""
    for act in acts:
        answer = act(desk, officer, passage)
        if act.__name__.startswith("POST /decision") and answer[0] == 200:
            yield act.__name__, "decided"
            return
        yield act.__name__, answer


class Pair:
    """A desk with a prepared case, and a traveller who looks like it."""

    def __init__(self, desk: RunningDesk, lane: Lane, officer: Officer) -> None:
        self.desk, self.lane, self.officer = desk, lane, officer

    def of_prepared(self, acts: list[Act]) -> list[Any]:
        shared(self.desk, 1.0)
        passage = offered(self.officer)
        found = list(said(self.desk, self.officer, passage, acts))
        with self.desk.desk.database.write() as session:
            stored_cases.withdraw(session, session.get_one(SeededRow, passage), at=self.desk.clock())
        return found

    def of_traveller(self, acts: list[Act]) -> list[Any]:
        shared(self.desk, 0.0)
        pictures = [drawn_face(one) for one in (1, 2, 3)]
        passage = self.lane.refer(
            images=pictures, reasons=REASONS, evidence=EVIDENCE, remarks=[], at=self.desk.clock()
        )
        found = list(said(self.desk, self.officer, passage, acts))
        self.lane.deliver(self.lane.write("passage.closed", {"passage": passage, "how": "interrupted"}))
        return found


@pytest.fixture
def pair(desk: RunningDesk, lane: Lane, officer: Officer) -> Pair:
    images = [picture(1, "document"), picture(2), picture(3)]
    case = case_file.read(file_of(images=images, judged={"reasons": REASONS, "evidence": EVIDENCE}), nothing)
    stored_cases.add(desk.desk.database, desk.desk.keyring, case, clock=desk.clock)
    return Pair(desk, lane, officer)


@pytest.mark.thorough
@tiers.parametrize("beginning", range(len(BEGINNINGS)), quick=1)
def test_every_call_answered_alike(pair: Pair, beginning: int) -> None:
    """After every beginning."""
    for act in ACTS:
        acts = [*BEGINNINGS[beginning], act, *([] if act in READING else READING)]
        assert pair.of_prepared(acts) == pair.of_traveller(acts)


@settings(
    max_examples=tiers.examples(10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from(ACTS), min_size=2, max_size=10))
def test_no_call_sequence_tells_them_apart(pair: Pair, acts: list[Act]) -> None:
    assert pair.of_prepared(acts) == pair.of_traveller(acts)


def test_ended_case_is_told_alike(pair: Pair) -> None:
    """One because a traveller came, the other because its passage was interrupted."""
    shared(pair.desk, 1.0)
    gone = offered(pair.officer)
    pair.officer.claim(gone)
    traveller = pair.lane.refer(
        images=[drawn_face(one) for one in (1, 2, 3)], reasons=REASONS, evidence=EVIDENCE, remarks=[]
    )
    pair.lane.deliver(pair.lane.write("passage.closed", {"passage": traveller, "how": "interrupted"}))
    shared(pair.desk, 0.0)
    for act in ACTS:
        if act is not next_case:
            assert act(pair.desk, pair.officer, gone) == act(pair.desk, pair.officer, traveller), act.__name__
