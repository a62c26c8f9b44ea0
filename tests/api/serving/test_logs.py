"""What a shift leaves in the log: what happened, never who or what was seen."""

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from api.ledger.facts import JudgedFact
from api.web.middleware.request_id import HEADER
from tests.support.api.desk_log import everything_logged
from tests.support.api.running_desk import PASSWORD, RunningDesk, drawn_face, running

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def log() -> Iterator[StringIO]:
    with everything_logged() as written:
        yield written


def test_log_holds_nothing_personal_or_secret(tmp_path: Path, log: StringIO) -> None:
    with running(tmp_path) as desk, desk.lane() as lane, desk.officer("王 Xiaoming") as officer:
        passage = lane.refer(document_number="E12345678", holder="Zhang San")
        officer.sign_in("a wrong password")
        officer.sign_in()
        officer.claim(passage)
        image = officer.ask("GET", f"/referrals/{passage}").json()["images"][0]
        officer.http.get(image["href"])
        officer.decide(passage, "admit", "same_person", note="Zhang San showed a ring")
        officer.decide(passage, "admit", "no such ground", note="Zhang San again")
        officer.http.get("/queue?q=E12345678")
        lane.http.post("/entries", content=b'{"entries": "E12345678"')
        with desk.desk.database.write() as session:
            session.connection().exec_driver_sql("DROP TABLE images")
        failed = lane.http.put(
            f"/passages/{passage}/images/{image['sha256']}", content=drawn_face(1), headers=JPEG
        )
        assert failed.status_code >= 500
        secrets = [lane.token, PASSWORD, officer.http.cookies["passenger_lane_session"]]
    logged = log.getvalue()
    secrets += ["a wrong password", "Xiaoming", "王", "Zhang", "E12345678", "ring", "\\xff\\xd8"]
    for secret in secrets:
        assert secret not in logged
    events = [json.loads(line)["event"] for line in logged.splitlines()]
    assert {"referral.opened", "referral.decided", "sign-in refused", "request failed"} <= set(events)
    assert passage in logged


def test_input_error_does_not_repeat_input() -> None:
    with pytest.raises(ValidationError) as refused:
        JudgedFact.model_validate({"passage": "E12345678 ZHANG", "outcome": "refer"})
    assert "ZHANG" not in str(refused.value)


def test_failure_number_same_in_all_places(tmp_path: Path, log: StringIO) -> None:
    with running(tmp_path) as desk, desk.officer() as officer:
        with desk.desk.database.write() as session:
            session.connection().exec_driver_sql("ALTER TABLE referrals RENAME TO gone")
        asked = {HEADER: "chosen by the one who asks"}
        page = officer.http.get("/queue", headers=asked)
        answer = officer.ask("GET", "/referrals", headers=asked)
    numbers = [page.headers[HEADER], answer.headers[HEADER]]
    assert page.status_code == answer.status_code == 500
    assert numbers[0] in page.text
    assert len(set(numbers)) == 2
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["request"] for line in lines if line["event"] == "request failed"] == numbers
    assert "chosen" not in log.getvalue()


def test_every_answer_has_a_number(desk: RunningDesk) -> None:
    paths = ("/sign-in", "/nothing", "/static/shared/desk.css", "/api/v1/health", "/api/v1/referrals")
    numbers = [httpx.get(f"{desk.address}{path}", trust_env=False).headers[HEADER] for path in paths]
    assert all(re.fullmatch("[0-9A-Z]{4}-[0-9A-Z]{4}", number) for number in numbers)
    assert len(set(numbers)) == len(paths)
