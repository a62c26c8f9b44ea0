"""The key-encryption key in a key management service: what it must do, and what happens without it."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api.faces.keyring import keyring_of
from api.faces.kms import TransitKey
from api.faces.sealing import LocalKey, new_key
from api.platform.errors import KeyringError, KeyWrongError, SettingsError
from api.platform.settings import Settings
from tests.api.review.test_prepared_cases import prepare
from tests.support.running_desk import drawn_face, running

TOKEN = "a token of the service"


class Service(BaseHTTPRequestHandler):
    """Transit as it is documented: base64 in and out, the passage as associated data."""

    key = LocalKey(new_key())
    answers: dict[str, bytes] = {}  # noqa: RUF012 - a test sets it on a class of its own

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        about = base64.b64decode(asked["associated_data"]).decode()
        status, told = 200, b""
        if self.headers["X-Vault-Token"] != TOKEN:
            status = 403
        elif self.path == "/v1/transit/encrypt/faces":
            wrapped = self.key.wrap(base64.b64decode(asked["plaintext"]), about)
            told = _data(ciphertext="vault:v1:" + base64.b64encode(wrapped).decode())
        elif self.path == "/v1/transit/decrypt/faces":
            try:
                wrapped = base64.b64decode(asked["ciphertext"].removeprefix("vault:v1:"), validate=True)
                told = _data(plaintext=base64.b64encode(self.key.unwrap(wrapped, about)).decode())
            except (KeyWrongError, ValueError):
                status = 400
        told = self.answers.get(self.path.split("/")[3], told)
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _data(**told: str) -> bytes:
    return json.dumps({"data": told}).encode()


def serving(**answers: bytes) -> Iterator[str]:
    with served(type("Answering", (Service,), {"answers": answers})) as address:
        yield address


@contextmanager
def served(handler: type[Service]) -> Iterator[str]:
    """A service at an address of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def service() -> Iterator[str]:
    yield from serving()


@pytest.fixture
def babbling() -> Iterator[str]:
    yield from serving(encrypt=b"[1]", decrypt=_data(plaintext="no base64!"))


def test_key_returns_for_its_passage_only(service: str) -> None:
    kek, key = TransitKey(service, "faces", TOKEN), new_key()
    wrapped = kek.wrap(key, "p-1")
    assert key not in wrapped
    assert kek.unwrap(wrapped, "p-1") == key
    for other, passage in ((wrapped, "p-2"), (b"vault:v1:AAAA", "p-1"), (b"\xff", "p-1")):
        with pytest.raises(KeyWrongError):
            kek.unwrap(other, passage)


def test_failing_service_gives_no_key(service: str, babbling: str) -> None:
    """One that is away, refuses, or answers nonsense."""
    for kek in (
        TransitKey("http://127.0.0.1:9", "faces", TOKEN),
        TransitKey(service, "faces", "another token"),
        TransitKey(service, "no-such-key", TOKEN),
        TransitKey(babbling, "faces", TOKEN),
    ):
        with pytest.raises(KeyringError) as told:
            kek.wrap(new_key(), "p-1")
        assert TOKEN not in str(told.value)
    with pytest.raises(KeyringError):
        TransitKey(babbling, "faces", TOKEN).unwrap(b"vault:v1:AAAA", "p-1")


def test_desk_seals_under_service_key(service: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "kms_address": service,
        "kms_key": "faces",
        "kms_token": SecretStr(TOKEN),
    }
    with running(tmp_path, **settings) as desk, desk.lane() as lane, desk.officer() as officer:
        officer.sign_in()
        passage = lane.refer(images=[drawn_face(1), drawn_face(2)])
        officer.claim(passage)
        href = officer.ask("GET", f"/referrals/{passage}").json()["images"][0]["href"]
        assert officer.http.get(href).content == drawn_face(1)
        assert desk.desk.keyring.identity == "transit:faces"
    assert not list(tmp_path.glob("*.kek"))


def test_no_writer_waits_for_service(tmp_path: Path) -> None:
    """A service that answers only once another lane has written shows that it was asked before the turn."""
    wrote: list[int] = []

    class Waiting(Service):
        def do_POST(self) -> None:
            entry = other.write("passage.started", {"passage": f"other-{len(wrote)}"})
            wrote.append(other.deliver(entry).status_code)
            super().do_POST()

    with served(Waiting) as address:
        settings: dict[str, Any] = {
            "kms_address": address,
            "kms_key": "faces",
            "kms_token": SecretStr(TOKEN),
        }
        with (
            running(tmp_path, busy_timeout_s=2, **settings) as desk,
            desk.lane() as lane,
            desk.lane("lane-2") as other,
        ):
            lane.upload(drawn_face(1), "p-1")
            lane.upload(drawn_face(2), "p-1")
            faces = len(wrote)
            prepare(desk)
    assert wrote == [200] * len(wrote)
    assert len(wrote) > faces >= 2


def test_no_face_taken_while_service_away(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "kms_address": "http://127.0.0.1:9",
        "kms_key": "faces",
        "kms_token": SecretStr(TOKEN),
    }
    refused = pytest.raises(AssertionError, match="keyring_out_of_reach")
    with running(tmp_path, **settings) as desk, desk.lane() as lane, refused:
        lane.upload(drawn_face(1), "p-1")


def test_remote_service_requires_https() -> None:
    far = Settings(kms_address="http://kms.example", kms_key="faces", kms_token=SecretStr(TOKEN))
    with pytest.raises(SettingsError, match="https"):
        keyring_of(far)
    with pytest.raises(SettingsError, match="kms_token"):
        keyring_of(Settings(kms_address="https://kms.example", kms_key="faces"))
