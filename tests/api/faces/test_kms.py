"""The key-encryption key in a key management service: what it must do, and what happens without it."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from api.faces.keyring import keyring_of
from api.faces.kms import TransitKey
from api.faces.sealing import LocalKey, new_key
from api.platform.errors import KeyringError, KeyWrongError, SettingsError
from api.platform.settings import Settings
from tests.api.review.test_prepared_cases import prepare
from tests.support.api.running_desk import drawn_face, refusal, running
from tests.support.http_service import HttpService, served

TOKEN = "a token of the service"


def _data(**content: str) -> bytes:
    return json.dumps({"data": content}).encode()


class Service(HttpService):
    """Transit as it is documented: base64 in and out, the passage as associated data."""

    key = LocalKey(new_key())
    answers: ClassVar[dict[str, bytes]] = {}
    """In place of the honest ones."""

    def respond(self) -> None:
        asked = json.loads(self.body())
        about = base64.b64decode(asked["associated_data"]).decode()
        status, body = 200, b""
        if self.headers["X-Vault-Token"] != TOKEN:
            status = 403
        elif self.path == "/v1/transit/encrypt/faces":
            wrapped = self.key.wrap(base64.b64decode(asked["plaintext"]), about)
            body = _data(ciphertext="vault:v1:" + base64.b64encode(wrapped).decode())
        elif self.path == "/v1/transit/decrypt/faces":
            try:
                wrapped = base64.b64decode(asked["ciphertext"].removeprefix("vault:v1:"), validate=True)
                body = _data(plaintext=base64.b64encode(self.key.unwrap(wrapped, about)).decode())
            except (KeyWrongError, ValueError):
                status = 400
        self.answer(status, self.answers.get(self.path.split("/")[3], body))


class Babbling(Service):
    answers: ClassVar = {"encrypt": b"[1]", "decrypt": _data(plaintext="no base64!")}


def settings_for(address: str) -> dict[str, Any]:
    return {"kms_address": address, "kms_key": "faces", "kms_token": SecretStr(TOKEN)}


@pytest.fixture
def service() -> Iterator[str]:
    with served(Service) as address:
        yield address


def test_key_returns_for_its_passage_only(service: str) -> None:
    kek, key = TransitKey(service, "faces", TOKEN), new_key()
    wrapped = kek.wrap(key, "p-1")
    assert key not in wrapped
    assert kek.unwrap(wrapped, "p-1") == key
    for other, passage in ((wrapped, "p-2"), (b"vault:v1:AAAA", "p-1"), (b"\xff", "p-1")):
        with pytest.raises(KeyWrongError):
            kek.unwrap(other, passage)


def test_failing_service_gives_no_key(service: str) -> None:
    """One that is away, refuses, or answers nonsense."""
    with served(Babbling) as babbling:
        nonsense = TransitKey(babbling, "faces", TOKEN)
        refusing = [TransitKey(service, "faces", "another token"), TransitKey(service, "no-such-key", TOKEN)]
        for kek in (TransitKey("http://127.0.0.1:9", "faces", TOKEN), *refusing, nonsense):
            with pytest.raises(KeyringError) as refused:
                kek.wrap(new_key(), "p-1")
            assert TOKEN not in str(refused.value)
        with pytest.raises(KeyringError):
            nonsense.unwrap(b"vault:v1:AAAA", "p-1")


def test_desk_seals_under_service_key(service: str, tmp_path: Path) -> None:
    with running(tmp_path, **settings_for(service)) as desk, desk.lane() as lane, desk.officer() as officer:
        passage = lane.refer(images=[drawn_face(1), drawn_face(2)])
        officer.claim(passage)
        href = officer.look(passage)["images"][0]["href"]
        assert officer.http.get(href).content == drawn_face(1)
        assert desk.desk.keyring.identity == "transit:faces"
    assert not list(tmp_path.glob("*.kek"))


def test_no_writer_waits_for_service(tmp_path: Path) -> None:
    """A service that answers only once another lane has written shows that it was asked before the turn."""
    wrote: list[int] = []

    class Waiting(Service):
        def respond(self) -> None:
            entry = other.write("passage.started", {"passage": f"other-{len(wrote)}"})
            wrote.append(other.deliver(entry).status_code)
            super().respond()

    with (
        served(Waiting) as address,
        running(tmp_path, busy_timeout_s=2, **settings_for(address)) as desk,
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
    with running(tmp_path, **settings_for("http://127.0.0.1:9")) as desk, desk.lane() as lane:
        answer = lane.put_image(drawn_face(1), "p-1")
        assert refusal(answer) == (503, "keyring_out_of_reach")


def test_remote_service_requires_https() -> None:
    with pytest.raises(SettingsError, match="https"):
        keyring_of(Settings(**settings_for("http://kms.example")))
    with pytest.raises(SettingsError, match="kms_token"):
        keyring_of(Settings(kms_address="https://kms.example", kms_key="faces"))
