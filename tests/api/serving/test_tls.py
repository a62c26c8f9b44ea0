"""HTTPS by the desk itself, and the headers behind it."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.platform.errors import SettingsError
from api.platform.settings import load
from api.serving.process import tls_context
from lane.desk.http_client import HttpDesk
from lane.ledger.entry import GENESIS, follow
from lane.platform.errors import NetworkLostError
from lane.platform.errors import SettingsError as LaneSettingsError
from tests.support.api.running_desk import PASSWORD, RunningDesk, running
from tests.support.certificates import Certificates, made


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[RunningDesk]:
    with running(
        tmp_path_factory.mktemp("desk"), tls_certificate=certificates.certificate, tls_key=certificates.key
    ) as desk:
        yield desk


def test_certified_desk_speaks_https_secure_cookies(secure: RunningDesk, certificates: Certificates) -> None:
    assert secure.address.startswith("https://127.0.0.1:")
    officer = secure.officer()
    trusting = ssl.create_default_context(cafile=str(certificates.authority))
    with httpx.Client(base_url=secure.address, verify=trusting, trust_env=False) as browser:
        signed_in = browser.post("/api/v1/session", json={"name": officer.name, "password": PASSWORD})
        assert signed_in.status_code == 200
        assert "Secure" in signed_in.headers["set-cookie"]
        answer = browser.get("/queue")
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    officer.http.close()


def test_plain_http_sends_no_hsts(desk: RunningDesk) -> None:
    answer = httpx.get(f"{desk.address}/sign-in", trust_env=False)
    assert "strict-transport-security" not in answer.headers


def test_proxied_desk_sends_hsts(tmp_path: Path) -> None:
    with running(tmp_path, cookie_secure=True) as desk:
        for path in ("/sign-in", "/api/v1/health", "/nothing", "/static/shared/desk.css"):
            answer = httpx.get(f"{desk.address}{path}", trust_env=False)
            assert answer.headers["strict-transport-security"]


def test_lane_trusts_only_site_authority(
    secure: RunningDesk, certificates: Certificates, tmp_path: Path
) -> None:
    lane = secure.lane("lane-tls")
    lane.http.close()
    entry = follow(GENESIS, chain=lane.name, at=secure.clock(), kind="passage.started", body={"passage": "p"})
    with HttpDesk(secure.address, lane.token, authorities=certificates.authority) as desk:
        assert desk.put_entries([entry]).seq > 0
    (tmp_path / "other").mkdir()
    other = made(tmp_path / "other")
    for authorities in (None, other.authority):
        with (
            HttpDesk(secure.address, lane.token, authorities=authorities) as desk,
            pytest.raises(NetworkLostError),
        ):
            desk.put_entries([entry])
    with pytest.raises(LaneSettingsError, match="desk_authorities"):
        HttpDesk(secure.address, lane.token, authorities=tmp_path / "missing")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(secure: RunningDesk, certificates: Certificates) -> None:
    old = ssl.create_default_context(cafile=str(certificates.authority))
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    host, port = secure.address.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain, pytest.raises(ssl.SSLError):
        old.wrap_socket(plain, server_hostname=host)


def test_http_client_gets_no_answer(secure: RunningDesk, certificates: Certificates) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(secure.address.replace("https", "http"), trust_env=False)
    trusting = ssl.create_default_context(cafile=str(certificates.authority))
    answer = httpx.get(f"{secure.address}/api/v1/health", verify=trusting, trust_env=False)
    assert answer.status_code == 200


def test_mismatched_files_are_named(certificates: Certificates, tmp_path: Path) -> None:
    other = made(tmp_path)
    for certificate, key in (
        (certificates.certificate, other.key),
        (tmp_path / "missing", certificates.key),
        (certificates.key, None),
    ):
        with pytest.raises(SettingsError, match="tls_certificate"):
            tls_context(certificate, key)


def test_remote_desk_needs_https(tmp_path: Path) -> None:
    """By its own certificate or by a proxy."""
    with pytest.raises(SettingsError, match="tls_certificate"):
        load(host="0.0.0.0")
    assert load(host="0.0.0.0", tls_certificate=tmp_path / "desk.pem").https
    with pytest.raises(SettingsError, match="tls_key"):
        load(tls_key=tmp_path / "desk.key")
