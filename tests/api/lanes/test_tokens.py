"""A lane's token: rotated without a gap, ended at its time, and good for its own lane only."""

from typing import Any

import httpx
import pytest

from api.audit.verify.ledger import verify_ledger
from lane.platform.errors import LedgerBrokenError
from tests.support.api.running_desk import Lane, Officer, RunningDesk, drawn_face, refusal

pytestmark = pytest.mark.both_databases


def works(desk: RunningDesk, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{desk.address}/api/v1/openapi.json", headers=headers)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def rotated(administrator: Officer, lane: str = "lane-1", **wanted: Any) -> str:
    answer = administrator.ask("POST", f"/lane-tokens/{lane}/rotation", json=wanted)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def test_new_token_taken_while_old_works(desk: RunningDesk, administrator: Officer, lane: Lane) -> None:
    passage = lane.refer(images=[])
    new = rotated(administrator, overlap_s=60)
    assert works(desk, lane.token)
    assert works(desk, new)
    lane.http.headers["Authorization"] = f"Bearer {new}"
    assert lane.decision(passage) is None
    desk.clock.pass_time(seconds=61)
    assert not works(desk, lane.token)
    assert works(desk, new)
    verify_ledger(desk.desk.database)


def test_token_before_last_is_refused_immediately(
    desk: RunningDesk, administrator: Officer, lane: Lane
) -> None:
    second = rotated(administrator)
    third = rotated(administrator)
    assert [works(desk, token) for token in (lane.token, second, third)] == [False, True, True]
    fourth = rotated(administrator, overlap_s=0)
    assert [works(desk, token) for token in (second, third, fourth)] == [False, False, True]
    verify_ledger(desk.desk.database)


def test_a_token_ends_at_its_time(desk: RunningDesk, administrator: Officer, lane: Lane) -> None:
    short = rotated(administrator, expires_days=1, overlap_s=0)
    desk.clock.pass_time(hours=23)
    administrator.sign_in()
    after = rotated(administrator, overlap_s=30 * 86400)
    assert works(desk, short)
    desk.clock.pass_time(hours=2)
    assert [works(desk, token) for token in (short, after)] == [False, True]
    verify_ledger(desk.desk.database)


def test_revoked_lane_has_and_gets_none(desk: RunningDesk, administrator: Officer, lane: Lane) -> None:
    new = rotated(administrator)
    assert administrator.ask("DELETE", "/lane-tokens/lane-1").status_code == 204
    assert not works(desk, lane.token)
    assert not works(desk, new)
    for name in ("lane-1", "nobody", "desk"):
        answer = administrator.ask("POST", f"/lane-tokens/{name}/rotation", json={})
        assert answer.json()["code"] == "lane_unknown"
    assert administrator.ask("DELETE", "/lane-tokens/desk").json()["code"] == "lane_unknown"
    assert administrator.ask("POST", "/lane-tokens", json={"lane": "lane-1"}).json()["code"] == "name_taken"
    assert administrator.ask("POST", "/lane-tokens", json={"lane": "desk"}).status_code == 422
    verify_ledger(desk.desk.database)


@pytest.mark.usefixtures("standing_clock")
def test_last_contact_of_lane_is_known(desk: RunningDesk, administrator: Officer, lane: Lane) -> None:
    (before,) = administrator.ask("GET", "/lane-tokens").json()["lanes"]
    assert (before["lane"], before["used_at"], before["revoked"]) == ("lane-1", None, False)
    assert works(desk, lane.token)
    (after,) = administrator.ask("GET", "/lane-tokens").json()["lanes"]
    assert after["used_at"] is not None
    assert lane.token not in str(after)
    desk.clock.pass_time(seconds=30)
    works(desk, lane.token)
    assert administrator.ask("GET", "/lane-tokens").json()["lanes"] == [after]
    desk.clock.pass_time(seconds=31)
    works(desk, lane.token)
    assert administrator.ask("GET", "/lane-tokens").json()["lanes"] != [after]


def test_lane_sees_only_its_own_passages(desk: RunningDesk, lane: Lane) -> None:
    with desk.lane("lane-2") as other:
        passage = other.refer(images=[drawn_face(1)])
        assert refusal(lane.http.get(f"/passages/{passage}/decision")) == (404, "passage_unknown")
        assert other.decision(passage) is None


@pytest.mark.parametrize(
    "column", ["former_sha256 = 'aa'", "former_until = '2099-01-01'", "token_until = NULL"]
)
def test_token_inserted_beside_ledger_is_found(
    desk: RunningDesk, administrator: Officer, lane: Lane, column: str
) -> None:
    rotated(administrator, expires_days=1)
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql(f"UPDATE lanes SET {column}")
    with pytest.raises(LedgerBrokenError, match="lane-1"):
        verify_ledger(desk.desk.database)


def test_an_administrator_does_it_by_forms(desk: RunningDesk, administrator: Officer) -> None:
    first = administrator.form("/lanes", lane="lane-7").text
    second = administrator.form("/lanes/lane-7/rotation", overlap_minutes="5").text
    tokens = [text.partition("<output")[2].partition(">")[2].partition("<")[0] for text in (first, second)]
    assert [works(desk, token) for token in tokens] == [True, True]
    page = administrator.http.get("/lanes").text
    assert "lane-7" in page
    assert not any(token in page for token in tokens)
    assert administrator.form("/lanes/lane-7/revocation").status_code == 303
    assert [works(desk, token) for token in tokens] == [False, False]
    assert administrator.form("/lanes", lane="a b").status_code == 422
    verify_ledger(desk.desk.database)
