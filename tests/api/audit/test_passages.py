"""An auditor finds passages, sees all that happened in one, and takes its proof away; nobody else does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.audit.decision_replay import DecisionReplay
from api.audit.passages import ON_A_PAGE
from api.ledger import search, search_index
from api.ledger.search import PassageQuery
from lane.decision import policy
from lane.decision.decide import Refer, decide
from lane.decision.evidence import Evidence, to_plain
from lane.ledger.entry import GENESIS, follow
from tests.api.audit.test_verifier import alone
from tests.support.api.running_desk import Lane, Officer, RunningDesk, refusal
from tests.support.lane.example_evidence import GOOD

pytestmark = pytest.mark.both_databases

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def find(auditor: Officer, **asked: Any) -> list[str]:
    answer = auditor.ask("GET", "/audit/passages", params=asked)
    assert answer.status_code == 200, answer.text
    return [one["passage"] for one in answer.json()["passages"]]


def look(auditor: Officer, passage: str) -> Any:
    answer = auditor.ask("GET", f"/audit/passages/{passage}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_search_by_lane_reason_officer_name(
    desk: RunningDesk, lane: Lane, officer: Officer, auditor: Officer
) -> None:
    with desk.lane("lane-2") as other:
        one = lane.refer(images=[])
        two = lane.refer(images=[], reasons=[{"code": "D11", "components": []}])
        three = other.refer_to(officer, images=[])
        assert find(auditor) == [three, two, one]
        assert find(auditor, lane="lane-1") == [two, one]
        assert find(auditor, reason="D11") == [two]
        assert find(auditor, officer=officer.pseudonym) == [three]
        assert find(auditor, officer=officer.pseudonym, lane="lane-1") == []
        assert find(auditor, passage=one) == [one]
        assert find(auditor, reason="F09", lane="lane-2") == [three]
        assert find(auditor, reason="A02") == [three, two, one]


def test_search_by_time_desk_heard(desk: RunningDesk, lane: Lane, auditor: Officer) -> None:
    first = lane.refer(images=[])
    desk.clock.pass_time(hours=2)
    between = (desk.clock() - timedelta(hours=1)).isoformat()
    second = lane.refer(images=[])
    auditor.sign_in()
    assert find(auditor, since=between) == [second]
    assert find(auditor, until=between) == [first]
    assert find(auditor, since=between, until=between) == []


def test_long_list_pages_each_passage_once(lane: Lane, auditor: Officer) -> None:
    made = [lane.refer(images=[]) for _ in range(ON_A_PAGE + 2)]
    first = auditor.ask("GET", "/audit/passages").json()
    second = auditor.ask("GET", "/audit/passages", params={"before": first["before"]}).json()
    listed = [one["passage"] for page in (first, second) for one in page["passages"]]
    assert listed == made[::-1]
    assert (len(first["passages"]), second["before"]) == (ON_A_PAGE, None)


def test_passage_told_from_document_to_gate(lane: Lane, officer: Officer, auditor: Officer) -> None:
    passage = lane.refer_to(officer, images=[])
    officer.ask("GET", f"/referrals/{passage}")
    officer.decide(passage, "second_line", "cannot_tell")
    lane.deliver(lane.write("passage.closed", {"passage": passage, "how": "sent_to_second_line"}))
    told = look(auditor, passage)
    kinds, found = [step["kind"] for step in told["steps"]], told["found"]
    assert (kinds[:2], kinds[-1]) == (["passage.started", "passage.judged"], "passage.closed")
    assert "referral.decided" in kinds
    assert (found["outcome"], found["reasons"], found["answer"]) == ("refer", ["F09"], "second_line")
    assert (found["officers"], found["ended"]) == ([officer.pseudonym], "sent_to_second_line")
    assert [step["seq"] for step in told["steps"]] == sorted(step["seq"] for step in told["steps"])
    assert told["steps"][0]["lane"] == "lane-1"


def test_exported_passage_passes_verifier(lane: Lane, auditor: Officer, tmp_path: Path) -> None:
    passage = lane.refer(images=[])
    answer = auditor.ask("GET", f"/audit/passages/{passage}/proof")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert passage in answer.headers["content-disposition"]
    (tmp_path / "proof").write_bytes(answer.content)
    done = alone(tmp_path / "proof")
    assert (done.returncode, "verified." in done.stdout) == (0, True)


@pytest.mark.parametrize("path", ["p-9", "p-9/proof"])
def test_missing_passage_is_not_found(auditor: Officer, path: str) -> None:
    assert refusal(auditor.ask("GET", f"/audit/passages/{path}")) == (404, "passage_not_found")


@pytest.mark.parametrize(
    "asked",
    [
        {"reason": "'; DROP TABLE ledger"},
        {"officer": '"'},
        {"lane": "%"},
        {"since": "yesterday"},
        {"since": "2026-11-25T10:00:00"},
        {"before": 0},
    ],
)
def test_invalid_search_is_refused(auditor: Officer, asked: dict[str, Any]) -> None:
    assert refusal(auditor.ask("GET", "/audit/passages", params=asked)) == (422, "request_refused")


def test_changed_entry_is_shown_as_changed(desk: RunningDesk, lane: Lane, auditor: Officer) -> None:
    passage = lane.refer(images=[])
    with desk.desk.database.write() as session:
        unguarded = {
            "sqlite": "DROP TRIGGER ledger_refuses_update",
            "postgresql": "ALTER TABLE ledger DISABLE TRIGGER ALL",
        }
        session.connection().exec_driver_sql(unguarded[session.get_bind().dialect.name])
        session.connection().exec_driver_sql(
            "UPDATE ledger SET payload = replace(payload, 'F09', 'D11') WHERE passage IS NOT NULL"
        )
    faults = [step["fault"] for step in look(auditor, passage)["steps"]]
    assert faults[0] is None
    assert "was changed" in faults[1]


CODES: st.SearchStrategy[Any] = st.sampled_from(["F10", "A02", "D17", "f10", "F1", "", "F10 ", 7, None, {}])
LISTED: st.SearchStrategy[Any] = st.lists(
    st.one_of(st.fixed_dictionaries({"code": CODES}), st.integers(), st.none()), max_size=3
)
WHO: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["officer-1", "x" * 33, ""]), st.none(), st.integers()
)


@given(
    kind=st.sampled_from(["passage.started", "passage.judged", "passage.closed", "referral.decided"]),
    body=st.fixed_dictionaries(
        {},
        optional={
            "passage": st.one_of(st.sampled_from(["p-1", "p-2"]), st.none(), st.integers()),
            "reasons": st.one_of(LISTED, st.none()),
            "remarks": LISTED,
            "officer": WHO,
            "decision": st.one_of(st.fixed_dictionaries({"officer": WHO}), st.text(max_size=3)),
        },
    ),
    told=st.booleans(),
)
def test_every_entry_has_fitting_index_terms(kind: str, body: dict[str, Any], told: bool) -> None:
    """Whatever an entry holds, its search terms fit their table."""
    said = follow(GENESIS, chain="lane-1" if told else "desk", at=NOW, kind=kind, body=body)
    received = {"chain": "lane-1", "payload": said.payload, "hash": said.hash}
    entry = follow(GENESIS, chain="desk", at=NOW, kind="entry.received", body=received) if told else said
    for row in search_index.terms_of(entry, said if told else None):
        assert (row["seq"], row["lane"]) == (entry.seq, "lane-1" if told else None)
        assert row["passage"] == body["passage"]
        assert 0 < len(row["term"]) <= 64


def test_search_reads_only_shown_entries(desk: RunningDesk) -> None:
    """Whatever is asked, an index leads to it: the time of a search does not grow with the ledger."""
    with desk.desk.database.read() as session:
        for wanted in (PassageQuery(), PassageQuery(reason="F10"), PassageQuery(lane="l", officer="o")):
            assert "payload" not in str(search._matching(wanted).compile(session.connection()))


# --- replay


def judged(evidence: Evidence) -> dict[str, Any]:
    """The body of a `passage.judged` by the shipped policy."""
    known = policy.load()
    outcome = decide(evidence, known)
    return {
        "outcome": "refer" if isinstance(outcome, Refer) else "admit",
        "reasons": to_plain(outcome.reasons) if isinstance(outcome, Refer) else [],
        "remarks": to_plain(outcome.remarks),
        "evidence": to_plain(evidence),
        "policy": known.identity(),
    }


def test_decision_replays_from_policy_and_evidence() -> None:
    replayed = DecisionReplay(None).replay(judged(GOOD))
    assert (replayed.result, replayed.policy_version) == ("same", policy.load().version)
    assert {one.name for one in replayed.measures} >= {"similarity", "liveness", "sharpness"}
    assert all(one.holds for one in replayed.measures if one.name == "sharpness")


def test_diverging_decision_is_called_different() -> None:
    forged = judged(GOOD) | {"outcome": "admit", "reasons": [], "remarks": []}
    assert DecisionReplay(None).replay(forged).result == "different"


def test_nothing_claimed_without_policy_of_site_folder(tmp_path: Path) -> None:
    text = policy.SHIPPED.read_text("utf-8")
    (tmp_path / "older.toml").write_text(text.replace(policy.load().version, "older"), "utf-8")
    (tmp_path / "broken.toml").write_text("no policy at all [", "utf-8")
    body = judged(GOOD) | {"policy": policy.load(tmp_path / "older.toml").identity()}
    assert DecisionReplay(tmp_path).replay(body).result == "same"
    forged = body | {"policy": {"version": "older", "sha256": "0" * 64}}
    assert DecisionReplay(tmp_path).replay(forged).result == "policy_missing"
    replayed = DecisionReplay(None).replay(body)
    assert (replayed.result, replayed.outcome) == ("policy_missing", None)
    assert all(one.holds is None and one.min is None for one in replayed.measures)


@pytest.mark.parametrize("evidence", [None, {}, [], "x", {"document": {}}])
def test_incomplete_evidence_is_not_replayed(evidence: object) -> None:
    assert DecisionReplay(None).replay(judged(GOOD) | {"evidence": evidence}).result == "evidence_incomplete"
    assert DecisionReplay(None).replay({}).result == "evidence_incomplete"
