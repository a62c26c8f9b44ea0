"""What a hostile client sends over a bare socket: it is refused or closed, and the desk goes on."""

import contextlib
import json
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.serving.connections import MOST_HEAD_BYTES, Bounds
from api.web.middleware.strict_headers import HEADERS, MOST_BYTES
from tests.support.api.running_desk import Lane, RunningDesk, running, wait_until

QUICK = Bounds(head_s=0.5, body_s=0.7, between_s=2, stalled_s=0.7, connections=24)


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with running(tmp_path_factory.mktemp("desk"), bounds=QUICK) as desk:
        yield desk


@pytest.fixture
def lane(bounded: RunningDesk, request: pytest.FixtureRequest) -> Iterator[Lane]:
    with bounded.lane(f"lane-{abs(hash(request.node.name)) % 10**8}") as made:
        yield made


@pytest.fixture(autouse=True)
def alive(bounded: RunningDesk) -> Iterator[None]:
    yield
    wait_until(lambda: httpx.get(f"{bounded.address}/api/v1/health", trust_env=False).status_code == 200)


def connected(desk: RunningDesk) -> socket.socket:
    host, port = desk.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def answer(opened: socket.socket) -> bytes:
    """Everything until the desk closes."""
    answered = b""
    with contextlib.suppress(ConnectionError):
        while part := opened.recv(65536):
            answered += part
    return answered


def healthy(opened: socket.socket) -> bytes:
    """One whole answer of a desk that is well; head and body may come apart."""
    answered = b""
    while not answered.endswith(b'{"status":"ok"}'):
        part = opened.recv(65536)
        assert part, answered
        answered += part
    return answered


def sent(desk: RunningDesk, request: bytes) -> bytes:
    with connected(desk) as opened:
        with contextlib.suppress(ConnectionError):
            opened.sendall(request)
        return answer(opened)


def status(answered: bytes) -> int:
    return int(answered.split()[1]) if answered else 0


GET = b"GET /api/v1/health HTTP/1.1\r\nHost: desk\r\n"
PUT = (
    b"PUT /api/v1/passages/p/images/" + b"0" * 64 + b" HTTP/1.1\r\nHost: desk\r\nContent-Type: image/jpeg\r\n"
)
POST = b"POST /api/v1/session HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(GET + b"X: " + b"a" * 2 * MOST_HEAD_BYTES + b"\r\n\r\n", id="a field too long"),
        pytest.param(GET + b"X: 1\r\n" * MOST_HEAD_BYTES + b"\r\n", id="too many fields"),
        pytest.param(b"GET /" + b"a" * 2 * MOST_HEAD_BYTES + b" HTTP/1.1\r\n\r\n", id="an address too long"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, id="TLS"),
        pytest.param(b"GET /\r\n\r\n", id="HTTP 0.9"),
        pytest.param(GET + b"Host: other\r\n\r\n", id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(GET + b"X\x00Y: 1\r\n\r\n", id="NUL in a name"),
        pytest.param(GET + b"X : 1\r\n\r\n", id="a blank before the colon"),
        pytest.param(POST + b"Content-Length: -1\r\n\r\n{}", id="a negative length"),
        pytest.param(POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", id="two lengths"),
        pytest.param(POST + b"Content-Length: 0x2\r\n\r\n{}", id="a length that is none"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\n{}\r\n0\r\n\r\n", id="chunks that are none"
        ),
        pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", id="an encoding nobody knows"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"F" * 40 + b"\r\n", id="an endless chunk"
        ),
    ],
)
def test_invalid_request_is_refused_and_closed(request_: bytes, bounded: RunningDesk) -> None:
    answered = sent(bounded, request_)
    assert status(answered) in (0, 400, 408, 411, 422, 431, 501), answered[:200]
    assert b"Traceback" not in answered


def test_length_with_chunks_cannot_smuggle_request(bounded: RunningDesk) -> None:
    """No second request is smuggled in: whatever is answered, the connection ends with it."""
    smuggled = b"0\r\n\r\nGET /api/v1/health HTTP/1.1\r\nHost: desk\r\n\r\n"
    length = b"Content-Length: %d\r\n" % len(smuggled)
    answered = sent(bounded, POST + length + b"Transfer-Encoding: chunked\r\n\r\n" + smuggled)
    assert status(answered) == 422
    assert answered.count(b"HTTP/1.1") == 1


def test_declared_oversize_body_refused_before_arrival(bounded: RunningDesk) -> None:
    with connected(bounded) as opened:
        opened.sendall(POST + b"Content-Length: %d\r\n\r\n" % (MOST_BYTES + 1))
        answered = opened.recv(65536)
    assert status(answered) == 413
    for name in HEADERS:
        assert name.lower().encode() in answered.lower()


def test_growing_oversize_body_refused_on_arrival(bounded: RunningDesk) -> None:
    chunk = b"%x\r\n" % 4096 + b" " * 4096 + b"\r\n"
    answered = sent(bounded, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20 + b"0\r\n\r\n")
    assert status(answered) == 413


def test_short_body_is_given_up(bounded: RunningDesk, lane: Lane) -> None:
    bearer = b"Authorization: Bearer " + lane.token.encode() + b"\r\n"
    for head in (POST, PUT + bearer):
        began = time.monotonic()
        answered = sent(bounded, head + b"Content-Length: 1000\r\n\r\n{")
        assert status(answered) in (0, 400, 404, 408)
        assert time.monotonic() - began < 15


def test_broken_off_body_is_no_failure(
    bounded: RunningDesk, lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    bearer = b"Authorization: Bearer " + lane.token.encode() + b"\r\n"
    with caplog.at_level(logging.ERROR):
        for head in (POST, PUT + bearer):
            with connected(bounded) as opened:
                opened.sendall(head + b"Content-Length: 1000\r\n\r\n{")
                time.sleep(0.2)
        time.sleep(0.5)
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.parametrize("head", [b"", b"GET / HT", GET, POST + b"Content-Length: 900\r\n\r\n"], ids=len)
def test_trickling_client_is_not_awaited(head: bytes, bounded: RunningDesk) -> None:
    with connected(bounded) as opened:
        opened.sendall(head)
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            trickle(opened)
    assert time.monotonic() - began < 15


def trickle(opened: socket.socket) -> None:
    for _ in range(200):
        opened.sendall(b"G")
        time.sleep(0.1)


def test_stalled_second_request_is_not_awaited(bounded: RunningDesk) -> None:
    with connected(bounded) as opened:
        opened.sendall(GET + b"\r\n")
        assert status(healthy(opened)) == 200
        opened.sendall(b"GET / HT")
        assert status(answer(opened)) in (0, 408)


def test_second_request_after_pause_is_answered(bounded: RunningDesk) -> None:
    with connected(bounded) as opened:
        for _ in range(2):
            opened.sendall(GET + b"\r\n")
            assert status(healthy(opened)) == 200
            time.sleep(QUICK.head_s * 2)


def test_excess_connections_refused_then_served(bounded: RunningDesk) -> None:
    def served() -> int:
        try:
            return httpx.get(f"{bounded.address}/api/v1/health", trust_env=False, timeout=5).status_code
        except httpx.HTTPError:
            return 0

    with contextlib.ExitStack() as many:
        for _ in range(60):
            many.enter_context(connected(bounded))
        assert served() in (0, 503)
    wait_until(lambda: served() == 200)


def test_pipelined_requests_are_answered_in_order(bounded: RunningDesk) -> None:
    with connected(bounded) as opened:
        opened.sendall((GET + b"\r\n") * 5 + GET + b"Connection: close\r\n\r\n")
        assert answer(opened).count(b"HTTP/1.1 200 OK") == 6


@pytest.mark.parametrize(
    "path",
    [
        b"/%00",
        b"/..%2f..%2fetc/passwd",
        b"/static/..%2f..%2fapp.py",
        b"/static/%2e%2e/__init__.py",
        b"//",
        b"/%ff",
    ],
)
def test_an_odd_address_is_not_found(path: bytes, bounded: RunningDesk) -> None:
    answered = sent(bounded, b"GET " + path + b" HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
    assert status(answered) == 404, answered[:300]


@pytest.mark.parametrize("host", [b"", b"evil.example", b"a" * 300, b"desk:99999999", b"[::", b"\xff"])
def test_no_host_header_is_repeated(host: bytes, bounded: RunningDesk) -> None:
    for path in (b"/", b"/queue", b"/sign-in", b"/api/v1/referrals"):
        head = b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
        answered = sent(bounded, head)
        assert status(answered) in (200, 303, 307, 400, 401), answered[:300]
        assert not host.strip() or b"evil" not in answered


GARBLED = [
    b"[" * 30000,
    b'{"name":' * 5000,
    b'{"name": "\xff\xfe"}',
    b'{"name": "\\ud800", "password": "x"}',
    b"\x00",
    b"",
    json.dumps({"name": "a\x00b", "password": "x" * 20}).encode(),
    b'{"name": 1e999, "password": NaN}',
]


@pytest.mark.parametrize("body", GARBLED, ids=range(len(GARBLED)))
def test_a_garbled_body_is_refused(body: bytes, bounded: RunningDesk, lane: Lane) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/api/v1/session", {}),
        ("/api/v1/entries", {"Authorization": f"Bearer {lane.token}"}),
    ]
    for path, headers in asked:
        headers["Content-Type"] = "application/json"
        address = f"{bounded.address}{path}"
        answered = httpx.post(address, content=body, headers=headers, trust_env=False, timeout=20)
        assert 400 <= answered.status_code < 500, answered.text
        assert answered.json()["code"]
