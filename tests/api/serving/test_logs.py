"""What a shift leaves in the log: what happened, never who or what was seen, also where a call is wrong."""

import asyncio
import base64
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.ledger.facts import JudgedFact
from api.platform.settings import load
from api.serving import logs
from api.serving.logs import REPLACED, Redaction
from api.web.access.authentication import csrf_token
from api.web.middleware.request_id import HEADER
from tests.support.api.running_desk import PASSWORD, RunningDesk, drawn_face, running
from tests.support.logs import kept_logs


@contextmanager
def everything_logged(known: tuple[str, ...] = ()) -> Iterator[StringIO]:
    """What a desk in this process logs at level debug; it knows these secrets."""
    written = StringIO()
    with kept_logs():
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "stderr", written)
            logs.configure("debug", known)
        yield written


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


# --- mistakes in log calls


logger = structlog.get_logger("api.test")
FACE = drawn_face(1, 40, 50)
KNOWN = "what the settings hold"
SECRET_NAMES = """
password new_password token lane_token cookie set-cookie authorization Authorization csrf csrf_token
X-CSRF-Token secret client_secret session note holder mrz document_number body payload jpeg
image_bytes private_key data_key
"""


@pytest.fixture(scope="module")
def everything() -> Iterator[StringIO]:
    with everything_logged((KNOWN,)) as written:
        yield written


@contextmanager
def logged(everything: StringIO) -> Iterator[StringIO]:
    """What is logged inside."""
    start, found = len(everything.getvalue()), StringIO()
    yield found
    found.write(everything.getvalue()[start:])


token = st.binary(min_size=32, max_size=32).map(
    lambda drawn: base64.urlsafe_b64encode(drawn).decode().rstrip("=")
)
readable = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=6, max_size=40)
document = st.from_regex(r"[A-Z]{1,2}[0-9]{7,8}", fullmatch=True)
zone = st.from_regex(r"P<[A-Z]{3}[A-Z]{2,12}<<[A-Z]{2,12}<{5,20}", fullmatch=True)
as_text = st.sampled_from(
    [bytes, repr, lambda face: face.decode("latin-1"), lambda face: base64.b64encode(face).decode()]
)
secret_name = st.sampled_from(SECRET_NAMES.split())
placed = st.sampled_from(
    [
        lambda secret: {"field": secret},
        lambda secret: {"field": f"the lane said {secret} and went"},
        lambda secret: {"field": {"deep": [{"deeper": (secret,)}]}},
        lambda secret: {"field": {secret: 1}} if isinstance(secret, str) else {"field": [secret]},
    ]
)


@given(secret=st.one_of(token, document, zone, st.just(KNOWN)), place=placed)
def test_secret_shaped_value_never_logged(secret: str, place: Any, everything: StringIO) -> None:
    with logged(everything) as found:
        logger.info("something", **place(secret))
        logging.getLogger("uvicorn.error").error("it said %s", secret)
    assert secret not in found.getvalue()
    assert found.getvalue().count(REPLACED) >= 2


@given(name=secret_name, value=st.one_of(readable, st.binary(min_size=8), st.integers(100_000)))
def test_secret_named_value_never_logged(name: str, value: Any, everything: StringIO) -> None:
    with logged(everything) as found:
        logger.info("something", **{name: value}, inside={name: [value]})
    line = json.loads(found.getvalue())
    assert line[name] == REPLACED
    assert line["inside"] == {name: REPLACED}


@given(
    said=st.sampled_from(["password={}", 'token: "{}"', "Bearer {}", "Authorization: {}", "cookie={}; x=1"])
)
def test_secret_in_sentence_never_logged(said: str, everything: StringIO) -> None:
    with logged(everything) as found:
        logger.warning(said.format("OpenSesame1"))
        logger.info("address", field="postgresql://desk:OpenSesame1@db/desk")
        logger.info("stored", field="$argon2id$v=19$m=8,t=1,p=1$OpenSesame1$abc")
    assert "OpenSesame1" not in found.getvalue()


@given(shown=as_text, place=placed)
def test_face_is_never_logged(shown: Any, place: Any, everything: StringIO) -> None:
    with logged(everything) as found:
        logger.info("a picture", **place(shown(FACE)))
    assert REPLACED in found.getvalue()
    assert not any(sign in found.getvalue() for sign in ("JFIF", "ÿØ", "xff", "/9j/"))


def test_exception_logged_without_its_text(everything: StringIO) -> None:
    with logged(everything) as found:
        try:
            try:
                raise ValueError(f"the request said {PASSWORD}")
            except ValueError as error:
                raise RuntimeError(f"and then {PASSWORD}") from error
        except RuntimeError:
            logger.exception("failed")
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n%s", PASSWORD)
    assert PASSWORD not in found.getvalue()
    for line in map(json.loads, found.getvalue().splitlines()):
        assert [one.split()[0] for one in line["exception"]] == ["RuntimeError", "ValueError"]
        assert "test_logs.py" in line["exception"][0]


def test_dying_task_or_thread_hides_text(everything: StringIO) -> None:
    def die() -> None:
        raise ValueError(PASSWORD)

    with logged(everything) as found:
        thread = threading.Thread(target=die)
        thread.start()
        thread.join()
        loop = asyncio.new_event_loop()
        died = {"message": "it died", "exception": ValueError(PASSWORD), "task": PASSWORD}
        loop.call_exception_handler(died)
        loop.close()
    lines = [json.loads(line) for line in found.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["a thread died", "it died"]
    assert PASSWORD not in found.getvalue()


def test_own_log_lines_stay_unchanged() -> None:
    sha256 = "ab" * 32
    line: dict[str, Any] = {"event": "referral.decided", "passage": str(uuid4()), "officer": "officer-3f2a"}
    line |= {"lane": "lane-1", "entries": 12, "error": "store_busy", "path": "/api/v1/referrals/{passage}"}
    line |= {"head": f"12:{sha256}", "sha256": sha256}
    assert Redaction()(None, "info", dict(line)) == line


def test_session_proof_is_never_logged() -> None:
    proof = csrf_token("a session's token")
    assert proof not in str(Redaction()(None, "info", {"event": f"it sent {proof}", "field": [proof]}))


def test_secret_settings_known_to_log() -> None:
    made = load(
        database="postgresql://desk:first-secret@db/desk",
        keyring="postgresql://desk:second-secret@keys/desk",
        metrics_token="third secret, long enough to be one",
    )
    assert {"first-secret", "second-secret", "third secret, long enough to be one"} <= set(made.secrets)
    line = Redaction(made.secrets)(None, "info", {"event": "it said first-secret and second-secret"})
    assert line == {"event": f"it said {REPLACED} and {REPLACED}"}
