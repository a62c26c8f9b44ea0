"""Whatever somebody puts into a log call by mistake: no secret, no face and no document comes out."""

import asyncio
import base64
import json
import logging
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from api.platform.settings import load
from api.serving import logs
from api.serving.redaction import REPLACED, Redaction
from api.web.access.authentication import csrf_token
from tests.support.running_desk import PASSWORD, drawn_face

log = structlog.get_logger("api.test")
FACE = drawn_face(1, 40, 50)
KNOWN = "what the settings hold"


@pytest.fixture(scope="module")
def written() -> Iterator[StringIO]:
    """Standard error of a desk that logs as much as it can."""
    told = StringIO()
    root = logging.getLogger()
    before, level, hook = root.handlers[:], root.level, threading.excepthook
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", told)
        logs.configure("debug", known=(KNOWN,))
    yield told
    root.handlers[:] = before
    root.setLevel(level)
    threading.excepthook = hook
    logging.getLogger("api").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def since(told: StringIO, start: int) -> str:
    return told.getvalue()[start:]


token = st.binary(min_size=32, max_size=32).map(
    lambda drawn: base64.urlsafe_b64encode(drawn).decode().rstrip("=")
)
readable = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=6, max_size=40)
document = st.from_regex(r"[A-Z]{1,2}[0-9]{7,8}", fullmatch=True)
zone = st.from_regex(r"P<[A-Z]{3}[A-Z]{2,12}<<[A-Z]{2,12}<{5,20}", fullmatch=True)
as_text = st.sampled_from(
    [
        lambda face: face.decode("latin-1"),
        repr,
        lambda face: base64.b64encode(face).decode(),
        lambda face: face,
    ]
)
secret_name = st.sampled_from(
    [
        "password",
        "new_password",
        "token",
        "lane_token",
        "cookie",
        "set-cookie",
        "authorization",
        "Authorization",
        "csrf",
        "csrf_token",
        "X-CSRF-Token",
        "secret",
        "client_secret",
        "session",
        "note",
        "holder",
        "mrz",
        "document_number",
        "body",
        "payload",
        "jpeg",
        "image_bytes",
        "private_key",
        "data_key",
    ]
)
placed = st.sampled_from(
    [
        lambda secret: {"told": secret},
        lambda secret: {"told": f"the lane said {secret} and went"},
        lambda secret: {"told": {"deep": [{"deeper": (secret,)}]}},
        lambda secret: {"told": {secret: 1}} if isinstance(secret, str) else {"told": [secret]},
    ]
)


@given(secret=st.one_of(token, document, zone, st.just(KNOWN)), place=placed)
def test_secret_shaped_value_never_logged(secret: str, place: Any, written: StringIO) -> None:
    start = len(written.getvalue())
    log.info("something", **place(secret))
    logging.getLogger("uvicorn.error").error("it said %s", secret)
    assert secret not in since(written, start)
    assert since(written, start).count(REPLACED) >= 2


@given(name=secret_name, value=st.one_of(readable, st.binary(min_size=8), st.integers(100_000)))
def test_secret_named_value_never_logged(name: str, value: Any, written: StringIO) -> None:
    start = len(written.getvalue())
    log.info("something", **{name: value}, inside={name: [value]})
    line = json.loads(since(written, start))
    assert line[name] == REPLACED
    assert line["inside"] == {name: REPLACED}


@given(
    said=st.sampled_from(["password={}", 'token: "{}"', "Bearer {}", "Authorization: {}", "cookie={}; x=1"])
)
def test_secret_in_sentence_never_logged(said: str, written: StringIO) -> None:
    start = len(written.getvalue())
    log.warning(said.format("OpenSesame1"))
    log.info("address", told="postgresql://desk:OpenSesame1@db/desk")
    log.info("stored", told="$argon2id$v=19$m=8,t=1,p=1$OpenSesame1$abc")
    assert "OpenSesame1" not in since(written, start)


@given(shown=as_text, place=placed)
def test_face_is_never_logged(shown: Any, place: Any, written: StringIO) -> None:
    start = len(written.getvalue())
    log.info("a picture", **place(shown(FACE)))
    told = since(written, start)
    assert REPLACED in told
    assert not any(sign in told for sign in ("JFIF", "ÿØ", "xff", "/9j/"))


def test_exception_logged_without_its_text(written: StringIO) -> None:
    start = len(written.getvalue())
    try:
        try:
            raise ValueError(f"the request said {PASSWORD}")
        except ValueError as error:
            raise RuntimeError(f"and then {PASSWORD}") from error
    except RuntimeError:
        log.exception("failed")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n%s", PASSWORD)
    told = since(written, start)
    assert PASSWORD not in told
    for line in map(json.loads, told.splitlines()):
        assert [one.split()[0] for one in line["exception"]] == ["RuntimeError", "ValueError"]
        assert "test_redaction.py" in line["exception"][0]


def test_dying_task_or_thread_hides_text(written: StringIO) -> None:
    """It is told without the text of its exception."""
    start = len(written.getvalue())

    def die() -> None:
        raise ValueError(PASSWORD)

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": "it died", "exception": ValueError(PASSWORD), "task": PASSWORD})
    loop.close()
    lines = [json.loads(line) for line in since(written, start).splitlines()]
    assert [line["event"] for line in lines] == ["a thread died", "it died"]
    assert PASSWORD not in since(written, start)


def test_own_log_lines_stay_unchanged() -> None:
    passage, sha256 = str(uuid4()), "ab" * 32
    told: dict[str, Any] = {
        "event": "referral.decided",
        "passage": passage,
        "officer": "officer-3f2a",
        "lane": "lane-1",
    }
    told |= {
        "entries": 12,
        "error": "store_busy",
        "path": "/api/v1/referrals/{passage}",
        "head": f"12:{sha256}",
    }
    assert Redaction()(None, "info", dict(told, sha256=sha256)) == dict(told, sha256=sha256)


def test_session_proof_is_never_logged() -> None:
    proof = csrf_token("a session's token")
    assert proof not in str(Redaction()(None, "info", {"event": f"it sent {proof}", "told": [proof]}))


def test_secret_settings_known_to_log() -> None:
    made = load(
        database="postgresql://desk:first-secret@db/desk",
        keyring="postgresql://desk:second-secret@keys/desk",
        metrics_token="third secret, long enough to be one",
    )
    assert {"first-secret", "second-secret", "third secret, long enough to be one"} <= set(made.secrets)
    told = Redaction(made.secrets)(None, "info", {"event": "it said first-secret and second-secret"})
    assert told == {"event": f"it said {REPLACED} and {REPLACED}"}
