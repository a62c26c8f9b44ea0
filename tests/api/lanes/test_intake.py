"""Lanes deliver at least once; the desk applies once, in order, whole batches or nothing."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.audit.verify.ledger import verify_ledger
from api.platform.database.tables import LaneRow, LedgerRow
from lane.ledger.entry import GENESIS, canonical
from tests.support import tiers
from tests.support.api.running_desk import (
    REFERRED,
    Lane,
    Officer,
    RunningDesk,
    drawn_face,
    judged,
    refusal,
    wire,
)

pytestmark = pytest.mark.both_databases


def test_repeated_delivery_is_applied_once(desk: RunningDesk, lane: Lane) -> None:
    """Deliveries may overlap. The answer is the head of the desk's own chain."""
    entries = [lane.write("passage.started", {"passage": str(uuid4())}) for _ in range(4)]
    first, second = lane.deliver(*entries[:3]), lane.deliver(*entries[:3])
    assert first.json() == second.json()
    assert first.json()["applied_through"] == 3
    told = lane.deliver(*entries[1:]).json()
    assert told["applied_through"] == 4
    assert received(desk) == [entry.hash for entry in entries]
    with desk.desk.database.read() as session:
        last = session.scalars(select(LedgerRow).order_by(LedgerRow.seq.desc()).limit(1)).one()
    assert told["head"] == {"seq": last.seq, "hash": last.hash}


def test_gap_refuses_whole_batch(desk: RunningDesk, lane: Lane) -> None:
    first, _, third = (lane.write("passage.started", {"passage": str(uuid4())}) for _ in range(3))
    assert refusal(lane.deliver(first, third)) == (409, "chain_broken")
    assert received(desk) == []


def test_a_rewritten_or_foreign_entry_is_refused(desk: RunningDesk, lane: Lane) -> None:
    [changed] = wire(lane.write("passage.started", {"passage": "p-1"}))
    changed["payload"] = changed["payload"].replace("p-1", "p-2")
    assert refusal(lane.http.post("/entries", json={"entries": [changed]})) == (409, "chain_broken")
    lane.head = GENESIS
    lane.deliver(lane.write("passage.started", {"passage": "p-1"}))
    lane.head = GENESIS
    assert refusal(lane.deliver(lane.write("passage.started", {"passage": "p-2"}))) == (409, "chain_broken")
    with desk.lane("lane-2") as other:
        answer = other.deliver(lane.write("passage.started", {"passage": "p-1"}))
        assert refusal(answer) == (409, "chain_broken")


def test_a_referral_waits_for_its_images(desk: RunningDesk, lane: Lane) -> None:
    image = drawn_face(1)
    sha256 = hashlib.sha256(image).hexdigest()
    entry = lane.write("passage.judged", judged("p-1", [sha256], REFERRED))
    assert refusal(lane.deliver(entry)) == (409, "image_missing")
    assert received(desk) == []
    for _ in range(2):
        assert lane.upload(image, "p-1") == sha256, "uploading again changes nothing"
    assert lane.deliver(entry).status_code == 200


def test_no_lane_uses_images_or_passages_of_another(desk: RunningDesk, lane: Lane) -> None:
    passage, image = lane.refer(images=[]), drawn_face(1)
    sha256 = lane.upload(image, "p-2")
    with desk.lane("lane-2") as other:
        assert refusal(other.put_image(image, passage)) == (404, "passage_unknown")
        answer = other.deliver(other.write("passage.judged", judged("p-1", [sha256], REFERRED)))
        assert answer.json()["code"] == "image_missing"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("passage.judged", judged("p-1", [], []) | {"outcome": "admit"}, id="admitted"),
        pytest.param("weather.changed", {"rain": True}, id="unknown kind"),
    ],
)
def test_entry_is_kept_and_opens_no_referral(
    desk: RunningDesk, lane: Lane, officer: Officer, kind: str, body: dict[str, Any]
) -> None:
    entry = lane.write(kind, body)
    assert lane.deliver(entry).status_code == 200
    assert received(desk) == [entry.hash]
    assert officer.ask("GET", "/referrals").json() == {"referrals": [], "waiting": 0}


def without(field: str) -> dict[str, Any]:
    """A judgement that is not complete."""
    return {name: value for name, value in judged("p-1", [], REFERRED).items() if name != field}


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({"seq": -(10**30)}, "seq"),
        ({"seq": 0}, "seq"),
        ({"seq": 2**53 + 1}, "seq"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "at"),
        ({"body": without("passage")}, "passage"),
        ({"body": without("outcome")}, "outcome"),
        ({"body": judged("p-1", [], []) | {"evidence": {"similarity": {"value": 10**400}}}}, ""),
        ({"body": judged("p-1", [], []) | {"evidence": {"capture": {"good_frames": 10**30}}}}, ""),
    ],
)
def test_unkeepable_entry_refused_without_failure(
    desk: RunningDesk, lane: Lane, officer: Officer, odd: dict[str, Any], field: str
) -> None:
    plain = {"at": "2026-01-01T00:00:00+00:00", "kind": "passage.judged", "chain": lane.name}
    fields = plain | {"body": {}, "previous": GENESIS.hash, "seq": 1} | odd
    payload = canonical(fields)
    entry = {"payload": payload, "hash": hashlib.sha256(payload.encode()).hexdigest()}
    answer = lane.http.post("/entries", json={"entries": [entry]})
    if field:
        assert refusal(answer) == (422, "entry_refused")
        assert answer.json()["message"].endswith(f": {field}")
        assert received(desk) == []
    assert answer.status_code in (200, 422)
    assert officer.ask("GET", "/referrals").status_code == 200
    assert officer.http.get("/queue").status_code == 200
    assert verify_ledger(desk.desk.database).head.seq > 0


def test_a_newer_lane_may_say_more(lane: Lane, officer: Officer) -> None:
    lane.refer(reasons=[{"code": "Z99", "components": ["aura"], "since": 2030}], mood="calm")
    [case] = officer.cases()
    assert case["reasons"][0]["code"] == "Z99"
    assert "does not know" in case["reasons"][0]["text"]


def test_passage_belongs_to_first_telling_lane(desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer()
    with desk.lane("lane-2") as other:
        answer = other.deliver(other.write("passage.closed", {"passage": passage, "how": "interrupted"}))
        assert refusal(answer) == (422, "entry_refused")
        assert other.http.get(f"/passages/{passage}/decision").status_code == 404
    assert lane.decision(passage) is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"not a picture", "image/jpeg"), (drawn_face(1)[:-1], "image/jpeg"), (drawn_face(1), "image/png")],
)
def test_only_image_named_by_path_kept(lane: Lane, body: bytes, kind: str) -> None:
    path = f"/passages/p-1/images/{hashlib.sha256(drawn_face(1)).hexdigest()}"
    answer = lane.http.put(path, content=body, headers={"Content-Type": kind})
    assert refusal(answer) == (422, "image_refused")


def test_waiting_lane_hears_decision_immediately(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(lane.decision, passage, wait_s=25)
        officer.claim(passage)
        decided = officer.decide(passage, "second_line", "cannot_tell").json()["decision"]
    assert heard.result() == decided
    assert set(decided) == {"id", "passage", "answer", "ground", "officer", "decided_at"}
    too_long = lane.http.get(f"/passages/{passage}/decision", params={"wait_s": 26})
    assert too_long.status_code == 422


def test_desk_keeps_only_token_hash(desk: RunningDesk, lane: Lane) -> None:
    with desk.desk.database.read() as session:
        kept = session.scalars(select(LaneRow.token_sha256)).one()
    assert kept == hashlib.sha256(lane.token.encode()).hexdigest()
    assert len(lane.token) >= 43  # 256 bits in base64


@settings(
    max_examples=tiers.examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.text() | st.floats() | st.integers(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=6,
        ),
    )
)
def test_no_entries_body_causes_failure(lane: Lane, body: dict[str, Any]) -> None:
    """Whatever the body, the answer is 400 or 422."""
    content = json.dumps({"entries": [body]}, allow_nan=True).encode("utf-8", "surrogatepass")
    answer = lane.http.post("/entries", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"code", "message"}


def received(desk: RunningDesk) -> list[str]:
    """The hashes of the lanes' entries in the ledger."""
    with desk.desk.database.read() as session:
        rows = session.scalars(select(LedgerRow).where(LedgerRow.lane.is_not(None)).order_by(LedgerRow.seq))
        return [json.loads(row.payload)["body"]["hash"] for row in rows]
