"""Passkeys: made and used in a real browser, and refused wherever something is not as it must be."""

import hashlib
import json
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from api.audit.verify.ledger import verify_ledger
from api.people.roles import Role
from api.people.sign_in import CHALLENGE_LASTS, MOST_CHALLENGES
from api.platform.database.tables import ChallengeRow, OfficerRow, PasskeyRow
from lane.platform.errors import LedgerBrokenError
from tests.support.api.running_desk import PASSWORD, Officer, RunningDesk, refusal
from tests.support.browser import quiet_page

USER_PRESENT, USER_VERIFIED, WITH_KEY = 0x01, 0x04, 0x40


@pytest.fixture
def origin(desk: RunningDesk) -> str:
    """The desk at a name for which a browser makes passkeys."""
    found = desk.address.replace("127.0.0.1", "localhost")
    made = desk.desk.settings.model_copy(update={"origin": found})
    desk.app.state.desk = replace(desk.desk, settings=made)
    return found


@dataclass
class Device:
    """An officer's device, honest or not: what it says can be changed."""

    origin: str
    domain: str = "localhost"
    flags: int = USER_PRESENT | USER_VERIFIED
    count: int = 0
    user: str = ""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        self.user = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + key
        statement = {"fmt": "none", "attStmt": {}, "authData": self._authenticator_data(WITH_KEY) + attested}
        response = {
            "clientDataJSON": self._client_data("webauthn.create", options["challenge"]),
            "attestationObject": bytes_to_base64url(cbor2.dumps(statement)),
        }
        return self._credential(response)

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._authenticator_data()
        signed = data + hashlib.sha256(base64url_to_bytes(client_data)).digest()
        response = {
            "clientDataJSON": client_data,
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": self.user,
        }
        return self._credential(response)

    def _authenticator_data(self, more: int = 0) -> bytes:
        counted = struct.pack(">BI", self.flags | more, self.count)
        return hashlib.sha256(self.domain.encode()).digest() + counted

    def _client_data(self, kind: str, challenge: str) -> str:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return bytes_to_base64url(json.dumps(said).encode())

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = bytes_to_base64url(self.credential)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}


def registered(officer: Officer, device: Device) -> httpx.Response:
    options = officer.ask("POST", "/passkeys/challenge", json={"password": PASSWORD}).json()
    return officer.ask("POST", "/passkeys", json={"label": "a key", "credential": device.make(options)})


@pytest.fixture
def device(origin: str, officer: Officer) -> Device:
    """One that the officer has registered."""
    made = Device(origin, count=5)
    assert registered(officer, made).status_code == 201
    return made


def test_open_desk_alone_makes_no_passkey(origin: str, officer: Officer) -> None:
    """Whoever sits down at it has no password."""
    for body in ({}, {"password": ""}, {"password": "not the password"}):
        answer = officer.ask("POST", "/passkeys/challenge", json=body)
        assert refusal(answer) == (401, "wrong_password")
    assert registered(officer, Device(origin)).status_code == 201


def test_provider_user_has_no_passkey(
    desk: RunningDesk, officer: Officer, client: httpx.Client, device: Device
) -> None:
    """Nor one from when they had a password: it would open the desk to whom the provider gives no role."""
    with desk.desk.database.write() as session:
        session.get_one(OfficerRow, officer.pseudonym).external_sha256 = "a" * 64
    for body in ({}, {"password": PASSWORD}):
        assert refusal(officer.ask("POST", "/passkeys/challenge", json=body)) == (401, "passkey_refused")
    assert refusal(by_passkey(client, device)) == (401, "passkey_refused")
    assert "new-passkey" not in officer.http.get("/account").text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("POST", "/password", 200, id="reset: somebody else may have made a passkey meanwhile"),
        pytest.param("DELETE", "", 204, id="disabled"),
    ],
)
def test_administrator_ends_passkeys(
    desk: RunningDesk,
    administrator: Officer,
    officer: Officer,
    client: httpx.Client,
    device: Device,
    method: str,
    path: str,
    status: int,
) -> None:
    assert administrator.ask(method, f"/officers/{officer.pseudonym}{path}").status_code == status
    assert by_passkey(client, device).status_code == 401
    with desk.desk.database.read() as session:
        assert session.query(PasskeyRow).count() == 0
    verify_ledger(desk.desk.database)


@pytest.fixture
def client(desk: RunningDesk) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{desk.address}/api/v1", trust_env=False) as made:
        yield made


def asked(browser: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = browser.post("/session/passkey/challenge").json()
    return found


def signed_in(browser: httpx.Client, credential: dict[str, Any]) -> httpx.Response:
    return browser.post("/session/passkey", json={"credential": credential})


def by_passkey(browser: httpx.Client, device: Device) -> httpx.Response:
    return signed_in(browser, device.sign(asked(browser)))


def test_passkey_signs_in_without_credentials(
    desk: RunningDesk, officer: Officer, client: httpx.Client, device: Device
) -> None:
    assert by_passkey(client, device).status_code == 200
    answer = by_passkey(client, device)
    assert answer.json()["officer"]["pseudonym"] == officer.pseudonym
    assert client.get("/sessions").json()["sessions"][0]["way"] == "passkey"
    verify_ledger(desk.desk.database)


def test_wrong_password_pause_spares_passkeys(officer: Officer, client: httpx.Client, device: Device) -> None:
    codes = [officer.sign_in("not the password").status_code for _ in range(6)]
    assert codes[-1] == 429
    assert by_passkey(client, device).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:1"},
        {"domain": "evil.example"},
        {"flags": USER_PRESENT},
        {"flags": USER_VERIFIED},
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"credential": b"another credential, unknown here"},
        {"user": bytes_to_base64url(b"officer-00000000")},
        {"count": -1},
    ],
)
def test_faulty_answer_is_refused(client: httpx.Client, change: dict[str, Any], device: Device) -> None:
    answer = by_passkey(client, replace(device, **change))
    assert refusal(answer) == (401, "passkey_refused")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "change", [{"origin": "https://evil.example"}, {"domain": "evil.example"}, {"flags": USER_PRESENT}]
)
def test_faulty_passkey_is_not_kept(origin: str, officer: Officer, change: dict[str, Any]) -> None:
    assert registered(officer, replace(Device(origin), **change)).json()["code"] == "passkey_refused"
    assert officer.ask("GET", "/passkeys").json() == {"passkeys": []}


def test_answer_is_taken_once_and_soon(desk: RunningDesk, client: httpx.Client, device: Device) -> None:
    answer = device.sign(asked(client))
    assert signed_in(client, answer).status_code == 200
    assert signed_in(client, answer).status_code == 401
    late = device.sign(asked(client))
    desk.clock.pass_time(seconds=CHALLENGE_LASTS.total_seconds() + 1)
    assert signed_in(client, late).status_code == 401
    assert signed_in(client, device.sign({"challenge": "aW52ZW50ZWQ"})).status_code == 401


def test_counter_finds_copied_key(client: httpx.Client, device: Device) -> None:
    copy = replace(device)
    for _ in range(3):
        assert by_passkey(client, device).status_code == 200
    assert by_passkey(client, copy).status_code == 401


def test_challenge_answered_only_by_its_officer(desk: RunningDesk, origin: str, officer: Officer) -> None:
    options = officer.ask("POST", "/passkeys/challenge", json={"password": PASSWORD}).json()
    made = {"label": "a key", "credential": Device(origin).make(options)}
    with desk.officer("li", Role.SUPERVISOR) as li:
        assert li.ask("POST", "/passkeys", json=made).json()["code"] == "passkey_refused"
        device = Device(origin)
        assert registered(li, device).status_code == 201
        assert registered(officer, device).json()["code"] == "passkey_refused"


def test_nobody_removes_the_passkey_of_another(desk: RunningDesk, origin: str, officer: Officer) -> None:
    with desk.officer("li") as li:
        made = registered(li, Device(origin)).json()
        assert officer.ask("DELETE", f"/passkeys/{made['passkey']}").json()["code"] == "passkey_unknown"
        assert li.ask("DELETE", f"/passkeys/{made['passkey']}").status_code == 204
    verify_ledger(desk.desk.database)


@pytest.mark.usefixtures("device")
def test_passkey_inserted_beside_ledger_is_found(desk: RunningDesk) -> None:
    with desk.desk.database.write() as session:
        row = session.query(PasskeyRow).one()
        row.public_key = b"another"
    with pytest.raises(LedgerBrokenError, match="passkey"):
        verify_ledger(desk.desk.database)


@pytest.mark.parametrize("sent", [{}, {"response": 3}, {"response": {"clientDataJSON": "AAAA"}}, {"id": []}])
def test_what_is_no_credential_is_refused(origin: str, client: httpx.Client, sent: dict[str, Any]) -> None:
    assert signed_in(client, sent).json()["code"] == "passkey_refused"


def test_unanswered_challenges_fill_no_table(desk: RunningDesk, client: httpx.Client, device: Device) -> None:
    """They keep nobody out."""
    with desk.desk.database.write() as session:
        for number in range(MOST_CHALLENGES):
            until = desk.clock() + CHALLENGE_LASTS
            session.add(ChallengeRow(sha256=str(number), kind="passkey", holder="", kept="", until=until))
    options = asked(client)
    for _ in range(3):
        asked(client)
    with desk.desk.database.read() as session:
        assert session.query(ChallengeRow).count() == MOST_CHALLENGES
    assert signed_in(client, device.sign(options)).status_code == 200


def test_desk_without_address_has_no_passkeys(
    desk: RunningDesk, officer: Officer, client: httpx.Client
) -> None:
    assert client.post("/session/passkey/challenge").json()["code"] == "passkeys_off"
    assert "passkeys.js" not in client.get(f"{desk.address}/sign-in").text
    assert officer.ask("GET", "/passkeys").json()["code"] == "passkeys_off"


@pytest.mark.thorough
@pytest.mark.browser
def test_passkey_made_and_used_in_browser(browser: Browser, desk: RunningDesk, origin: str) -> None:
    desk.officer("wang").http.close()
    with quiet_page(browser) as page:
        client = page.context.new_cdp_session(page)
        client.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
        }
        client.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.goto(f"{origin}/sign-in")
        page.get_by_label("Name").fill("wang")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("link", name="wang").click()
        page.get_by_label("What to call the new passkey").fill("desk 3")
        page.locator("#new-passkey [name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Make a passkey").click()
        page.get_by_text("desk 3").first.wait_for()
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(f"{origin}/queue")
        assert page.locator(".who").inner_text() == "wang"
    verify_ledger(desk.desk.database)
