"""The traveller's screen: what it may say, who may ask it, and that it never goes on saying what is over."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lane.capture.guidance import Instruction
from lane.decision.reason_codes import Code
from lane.decision.traveller_notices import NEUTRAL
from lane.kiosk import page
from lane.kiosk.camera_picture import MOST_HEIGHT, SHARE, encode, window
from lane.kiosk.client import BEAT_S, Kiosk, probe
from lane.kiosk.http_server import Bounds
from lane.kiosk.page import LINGERS_S, PROCEED_S, SILENT_S, PageState, View
from lane.kiosk.process import ALIVE_S, PRESSES
from lane.kiosk.sentences import BUTTONS, CONFIRMED, SENTENCES
from lane.kiosk.settings import KioskSettings, Setup
from lane.kiosk.traveller_requests import (
    CODES,
    FORGOTTEN_AFTER_S,
    OPEN_TO_REQUESTS,
    PICTURED,
    Button,
    PressedButtons,
)
from lane.platform.process_supervisor import Child
from tests.support.lane.kiosk_process import KioskUnderTest, kiosk, picture
from tests.support.lane.simulated_lane import StandingClock
from tests.support.processes import GENEROUS_S, until

REASONS = re.compile(
    r"match|attack|fake|photo|suspect|list|police|customs|identity|refus|reject|denied|fail|error|wrong|fraud"
    r"|攻击|假|可疑|名单|警察|海关|身份|拒绝|失败|错误|欺诈",
    re.IGNORECASE,
)
INSTRUCTIONS = st.sampled_from(Instruction)
TIMES = st.floats(0, 100)


@pytest.fixture(scope="module")
def shared() -> Iterator[KioskUnderTest]:
    """One kiosk for the tests that leave it as it was."""
    with kiosk() as shown:
        yield shown


# What may be said


@pytest.mark.parametrize("instruction", Instruction)
def test_every_instruction_has_sentence_and_pictogram(instruction: Instruction) -> None:
    sentence = SENTENCES[instruction]
    assert re.search(r"[一-鿿]", sentence.zh)
    assert re.search(r"[A-Za-z]", sentence.en)
    assert page.text("pictograms.svg").count(f'id="{instruction}"') == 1


def test_no_sentence_tells_a_reason() -> None:
    sentences = [*SENTENCES.values(), *BUTTONS.values(), CONFIRMED]
    assert not [text for one in sentences for text in (one.zh, one.en) if REASONS.search(text)]


def test_referred_traveller_reads_neutral_notice() -> None:
    officer = SENTENCES[Instruction.OFFICER]
    assert (officer.zh, officer.en) == (NEUTRAL.chinese, NEUTRAL.english)


def test_page_is_self_contained_keeps_nothing() -> None:
    files = [page.text(name) for name in ("kiosk.html", "kiosk.css", "kiosk.js", "pictograms.svg")]
    assert not [file for file in files if re.search(r"https?:|//[a-z]|@import|url\(", file)]
    assert not re.search(r"localStorage|sessionStorage|indexedDB|caches|cookie", page.text("kiosk.js"))


@pytest.mark.parametrize("languages", [(), ("zh", "zh"), ("fr",)])
def test_missing_languages_are_refused(languages: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        KioskSettings(languages=languages)  # type: ignore[arg-type]


# What is shown, and until when


@given(st.lists(st.tuples(INSTRUCTIONS, st.floats(0, SILENT_S)), max_size=8), st.floats(0, 1e6))
def test_silent_lane_shows_wait(instructions: list[tuple[Instruction, float]], later_s: float) -> None:
    shown, at_s = PageState(), 0.0
    for instruction, after_s in instructions:
        at_s += after_s
        shown.update(View(instruction), at_s)
    assert shown.now(at_s + SILENT_S + 0.001 + later_s).instruction is Instruction.PLEASE_WAIT


@given(st.lists(st.tuples(INSTRUCTIONS, st.floats(0, 2 * PROCEED_S)), min_size=1, max_size=8))
def test_proceed_shows_only_while_told(instructions: list[tuple[Instruction, float]]) -> None:
    shown, at_s, since_s, before = PageState(), 0.0, 0.0, None
    for instruction, after_s in instructions:
        at_s += after_s
        since_s = since_s if instruction is before else at_s
        before = instruction
        shown.update(View(instruction), at_s)
        seen = shown.now(at_s).instruction
        if seen is Instruction.PROCEED:
            assert instruction is Instruction.PROCEED
            assert at_s - since_s <= PROCEED_S


def test_officer_notice_lingers() -> None:
    shown = PageState()
    shown.update(View(Instruction.OFFICER), 0)
    shown.update(View(Instruction.PLEASE_WAIT), 10)
    shown.update(View(Instruction.WELCOME), 10.1)
    assert shown.now(10.2).instruction is Instruction.OFFICER
    shown.update(View(Instruction.WELCOME), 10 + LINGERS_S)
    assert shown.now(10 + LINGERS_S).instruction is Instruction.WELCOME
    shown.update(View(Instruction.OFFICER), 20)
    shown.update(View(Instruction.PROCEED), 21)
    assert shown.now(21).instruction is Instruction.PROCEED


# What is asked for


@pytest.mark.parametrize("wish", Button)
@pytest.mark.parametrize("when", sorted(OPEN_TO_REQUESTS))
def test_wish_is_told_once_and_confirmed(wish: Button, when: Instruction) -> None:
    pressed = PressedButtons(StandingClock().monotonic_s)
    pressed.note(when)
    pressed.press(wish, on=True)
    assert pressed.confirmed() == (wish,)
    pressed.note(Instruction.LOOK)
    assert pressed.take() == (CODES[wish],)
    assert pressed.take() == ()
    pressed.note(Instruction.OFFICER)
    pressed.note(Instruction.PLEASE_WAIT)
    assert pressed.confirmed() == (wish,)
    pressed.note(Instruction.WELCOME)
    assert pressed.confirmed() == ()


def test_every_button_has_its_person_code() -> None:
    assert not {Instruction.OFFICER, Instruction.PROCEED} & (PICTURED | OPEN_TO_REQUESTS)
    assert set(CODES) == set(Button) == set(BUTTONS)
    assert len(set(CODES.values())) == len(CODES)
    assert all(code.value.startswith("P") for code in CODES.values())


WELCOME, LAPSED_S = Instruction.WELCOME, FORGOTTEN_AFTER_S + 1
Story = list[Instruction | tuple[Button, bool] | float]
STORIES: dict[str, tuple[Story, tuple[Code, ...]]] = {
    "withdrawn": ([WELCOME, (Button.HELP, True), (Button.HELP, False)], ()),
    "not the next traveller's": ([WELCOME, (Button.NO_FACE, True), LAPSED_S, WELCOME], ()),
    "outlives a slow document": (
        [WELCOME, Instruction.DOCUMENT_UNREADABLE, (Button.NO_FACE, True), WELCOME, Instruction.LOOK],
        (Code.DECLINES_FACE,),
    ),
    **{
        f"not at {when}": ([when, (Button.HELP, True)], ())
        for when in sorted(set(Instruction) - OPEN_TO_REQUESTS)
    },
}


@pytest.mark.parametrize(("story", "taken"), STORIES.values(), ids=STORIES)
def test_wish_counts_for_one_traveller_in_time(story: Story, taken: tuple[Code, ...]) -> None:
    clock = StandingClock()
    pressed = PressedButtons(clock.monotonic_s)
    for step in story:
        match step:
            case Instruction():
                pressed.note(step)
            case float():
                clock.skip(step)
            case button, on:
                pressed.press(button, on=on)
    assert len(pressed.confirmed()) == len(taken)
    assert pressed.take() == taken


# The picture


@given(
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.lists(st.floats(0, 1), min_size=4, max_size=4).map(
        lambda edges: (*sorted(edges[:2]), *sorted(edges[2:]))
    ),
)
def test_cutout_fits_frame_and_oval(
    width: int, height: int, sides: tuple[float, float, float, float]
) -> None:
    left, right, top, bottom = sides
    x, y, wide, tall = window(width, height, (left, top, right, bottom))
    assert 0 <= x < width
    assert 0 <= y < height
    assert 1 <= wide <= width - x
    assert 1 <= tall <= height - y
    assert abs(wide - tall * SHARE) <= 2


def test_picture_has_shown_size_and_side() -> None:
    jpeg = np.frombuffer(encode(picture(200, 1920, 1080), (0, 0, 1, 1)), np.uint8)
    seen = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert seen is not None
    assert seen.shape == (MOST_HEIGHT, MOST_HEIGHT * SHARE, 3)
    assert seen[:, 10].mean() > 150 > 50 > seen[:, -10].mean()


def test_pictures_are_given_only_while_mirroring(shared: KioskUnderTest) -> None:
    for instruction in (Instruction.WELCOME, Instruction.OFFICER, Instruction.PROCEED):
        shared.show(instruction)
        shared.write()
        assert shared.http.get("/picture?after=0").status_code == 204
    shared.show(Instruction.LOOK)
    answer = until(lambda: (shared.write(), shared.http.get("/picture?after=0"))[1].content)
    assert cv2.imdecode(np.frombuffer(answer, np.uint8), cv2.IMREAD_COLOR) is not None
    shared.feed.write(picture(99), time.time_ns(), time.monotonic_ns() - 10**9)
    assert shared.http.get("/picture?after=999999").status_code == 204, "a camera that stands still is none"


def test_slow_browser_gets_newest_picture(shared: KioskUnderTest) -> None:
    shared.show(Instruction.HOLD_STILL)
    number = 0

    def next_picture() -> tuple[int, float] | None:
        answer = shared.http.get(f"/picture?after={number}")
        if answer.status_code != 200:
            return None
        seen = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert seen is not None
        return int(answer.headers["X-Number"]), float(seen[:, 2].mean())

    for shade in (40, 80, 120, 160, 240):
        shared.write(shade)
    seen = 0.0
    while seen < 230:
        found = until(next_picture)
        assert found is not None
        number, seen = found
    assert next_picture() is None, "nothing waits behind the newest"


def test_picture_needs_camera_and_site_consent() -> None:
    for setup in ({"feed": None}, {"picture": False}):
        with kiosk(**setup) as shown:
            assert shown.show(Instruction.LOOK)["pictured"] is False
            assert shown.http.get("/picture?after=0").status_code == 204


# Who may ask


def test_answers_are_never_cached_or_framed(shared: KioskUnderTest) -> None:
    for path in ("/", "/kiosk.css", "/kiosk.js", "/icon.svg", "/state", "/picture?after=0", "/no-such-thing"):
        headers = shared.http.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "host", ["lane.example", "127.0.0.1", "127.0.0.1.example:{port}", "localhost.:{port}", ""]
)
def test_foreign_host_name_is_refused(shared: KioskUnderTest, host: str) -> None:
    given = {"Host": host.format(port=httpx.URL(shared.address).port)}
    for path in ("/", "/state", "/picture?after=0"):
        assert shared.http.get(path, headers=given).status_code == 421


def test_page_is_served_only_locally(shared: KioskUnderTest) -> None:
    port = httpx.URL(shared.address).port
    assert port is not None
    sockets = subprocess.run(
        ["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True, check=True
    )
    listening = {
        line.split()[1]
        for line in sockets.stdout.splitlines()
        if line.split()[3] == "0A" and f":{port:04X}" in line
    }
    assert listening == {f"0100007F:{port:04X}"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_foreign_page_gets_no_state(shared: KioskUnderTest, site: str) -> None:
    for path in ("/state", "/picture?after=0", "/kiosk.js"):
        assert shared.http.get(path, headers={"Sec-Fetch-Site": site}).status_code == 403
    linked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert shared.http.get("/", headers=linked).status_code == 200


def test_buttons_work_only_from_this_page(shared: KioskUnderTest) -> None:
    shared.show(Instruction.WELCOME)
    for origin in ("https://lane.example", "null", shared.address, "http://127.0.0.1"):
        assert shared.press(Origin=origin) == 403
    assert shared.http.post("/wish", json={"wish": "help", "on": True}).status_code == 403
    assert shared.press(**{"Content-Type": "text/plain"}) == 415
    assert shared.press("admit") == 400
    assert shared.press("help", "yes") == 400
    assert shared.press("help", [["deep"]]) == 400
    assert shared.press(["help"]) == 400
    assert shared.http.get("/wish").status_code == 405
    assert shared.kiosk.take() == ()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n", b" 400 "),
        (b"GET /" + 20000 * b"x" + b" HTTP/1.1\r\nHost: {host}\r\n\r\n", b" 431 "),
        (b"POST /wish HTTP/1.1\r\nHost: {host}\r\nContent-Length: 999\r\n\r\n" + 999 * b"x", b" 413 "),
        (
            b"POST /wish HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
            b" 417 ",
        ),
        (b"\x16\x03\x01 what is this\r\n\r\n", b" 400 "),
        (b"GET /picture?after=-1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", b" 400 "),
    ],
)
def test_what_no_browser_sends_is_refused(shared: KioskUnderTest, sent: bytes, answered: bytes) -> None:
    url = httpx.URL(shared.address)
    assert url.port is not None
    with socket.create_connection((url.host, url.port), timeout=GENEROUS_S) as connection:
        connection.sendall(sent.replace(b"{host}", f"{url.host}:{url.port}".encode()))
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    assert answered in answer.partition(b"\r\n")[0]


def test_many_connections_keep_nobody_out(shared: KioskUnderTest) -> None:
    url = httpx.URL(shared.address)
    assert url.port is not None
    idle = [socket.create_connection((url.host, url.port)) for _ in range(4 * Bounds().connections)]
    try:
        shared.kiosk(Instruction.PLEASE_WAIT)
        with httpx.Client(base_url=shared.address, trust_env=False, timeout=GENEROUS_S) as another:
            assert another.get("/state").status_code == 200
    finally:
        for connection in idle:
            connection.close()


# The lane and its kiosk


def test_button_reaches_lane_and_is_confirmed() -> None:
    with kiosk() as shown:
        shown.show(Instruction.WELCOME)
        assert shown.press("no_face") == 202
        state = until(lambda: (state := shown.state())["wishes"] and state)
        assert state["wishes"] == ["no_face"]
        assert len(state["confirmed"]) == 2
        assert shown.take() == (Code.DECLINES_FACE,)
        shown.show(Instruction.OFFICER)
        assert shown.press("help") == 409
        assert shown.show(Instruction.WELCOME)["wishes"] == []
        pressed = [shown.press("help", on % 2 == 0) for on in range(PRESSES)]
        assert 429 in pressed, "a button that is hammered on is not heard any more"


def test_failed_kiosk_restarts_beside_lane() -> None:
    with kiosk(hung_s=2.0) as shown:
        shown.kiosk(Instruction.LOOK)
        address = shown.address
        shown.reaches("look")
        shown.send(signal.SIGKILL)
        until(lambda: shown.starts == 2)
        shown.kiosk(Instruction.PROCEED)
        assert shown.address == address, "a browser that is open finds it again"
        until(lambda: _shows(shown, "proceed"))
        shown.send(signal.SIGSTOP)
        for _ in range(20_000):
            shown.kiosk(Instruction.OFFICER)
            shown.kiosk.take()
        until(lambda: shown.starts == 3)
        until(lambda: _shows(shown, "officer"))


def test_idle_kiosk_exchanges_few_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each speaks at its own pace, however often the lane guides: an answer to each message never ends."""
    written: list[tuple[Child, bytes]] = []
    heard: list[Kiosk] = []
    write, handle = Child.write, Kiosk._handle

    def count_written(child: Child, text: bytes) -> bool:
        written.append((child, text))
        return write(child, text)

    def count_heard(self: Kiosk, message: dict[str, Any]) -> None:
        heard.append(self)
        handle(self, message)

    monkeypatch.setattr(Child, "write", count_written)
    monkeypatch.setattr(Kiosk, "_handle", count_heard)
    with kiosk() as shown:
        shown.show(Instruction.WELCOME)
        ((child, _),) = (
            one for one in written if b"port" in one[1]
        )  # another test's kiosk may run beside it
        began_s, before = time.monotonic(), (len(written), len(heard))
        while time.monotonic() < began_s + 3:
            shown.kiosk(Instruction.WELCOME)
            assert shown.state()["instruction"] == "welcome"
        lasted_s = time.monotonic() - began_s
        to_kiosk = sum(one is child for one, _ in written[before[0] :])
        to_lane = sum(one is shown.kiosk for one in heard[before[1] :])
    assert 1 <= to_kiosk <= lasted_s / BEAT_S + 1
    assert 1 <= to_lane <= lasted_s / ALIVE_S + 1


def _shows(shown: KioskUnderTest, instruction: str) -> bool:
    try:
        return bool(shown.state()["instruction"] == instruction)
    except httpx.TransportError:
        return False


def test_taken_port_stops_no_lane() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Kiosk(Setup(port=taken.getsockname()[1])) as one:
        until(lambda: one._supervisor.starts > 1)
        one(Instruction.PROCEED)
        assert one.address() is None
        assert one.take() == ()


def test_probe_tells_whether_port_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (finding,) = probe(KioskSettings(port=port))
        assert not finding.ok
        assert f"kiosk.port {port}" in finding.said
    (finding,) = probe(KioskSettings(port=0))
    assert finding.ok


def test_kiosk_ends_with_lane() -> None:
    command = [sys.executable, "-m", "lane.kiosk.process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(Setup(port=0).model_dump_json().encode() + b"\n")
        process.stdin.flush()
        address = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        message = {"show": "proceed", "progress": 0, "wishes": []}
        with httpx.Client(base_url=address, trust_env=False, timeout=GENEROUS_S) as http:
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
            until(lambda: http.get("/state").json()["instruction"] == "proceed")
            until(lambda: http.get("/state").json()["instruction"] == "please_wait")
            process.stdin.write(b'{"show": "nonsense"}\n[1]\nnot json\n')
            process.stdin.flush()
            assert http.get("/state").json()["instruction"] == "please_wait"
        process.stdin.close()
        assert process.wait(GENEROUS_S) == 0
