"""The kiosk's process: reads the lane's messages on standard input, serves the page, reports buttons.

A lane starts it, no person. It ends with the lane: when its input ends, or after `GIVE_UP_S` of silence.
"""

import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from io import FileIO
from typing import Any

import cv2

from lane.cameras.shared_memory_feed import FeedReader
from lane.capture.guidance import Instruction
from lane.kiosk.camera_picture import PictureMaker
from lane.kiosk.http_server import Answer, Bounds, RefusedError, Request, Server
from lane.kiosk.page import MEDIA, SILENT_S, PageState, View, page, release, text
from lane.kiosk.settings import Setup
from lane.kiosk.traveller_requests import OPEN_TO_REQUESTS, Button

log = logging.getLogger("lane.kiosk.process")

MOST_LINE = 4096
"""Bytes of one message between lane and kiosk: whole or not at all in a pipe."""
BEAT_S = 0.4
"""How often a page is answered that nothing has changed."""
ALIVE_S = 0.5
"""How often this process reports that it lives and receives the lane's messages."""
LOOK_S = 0.1
PICTURE_WAIT_S = 0.5
GIVE_UP_S = 15.0
"""A lane that is silent for so long will not come back to this process."""
PRESSES, PER_S = 12, 10.0


class Signal:
    """Wakes all who wait for a change."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        before, self._changed = self._changed, asyncio.Event()
        before.set()

    async def wait(self, most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, most_s)):
                await self._changed.wait()


class KioskServer:
    def __init__(self, setup: Setup, send: Callable[[dict[str, Any]], None]) -> None:
        self._setup, self._send = setup, send
        self.page_state, self._changed = PageState(), Signal()
        self._jpeg: bytes | None = None
        self._number = 0
        self._new_picture = Signal()
        self._run = os.urandom(8).hex()
        self._presses: list[float] = []
        self.port = 0
        loop = asyncio.get_running_loop()

        def publish(jpeg: bytes | None) -> None:
            loop.call_soon_threadsafe(self._keep_during_capture, jpeg)

        self.pictures = PictureMaker(lambda: FeedReader(setup.feed or ""), setup.zone, publish)

    async def answer(self, request: Request) -> Answer:
        """Raises RefusedError for one that is not this page's."""
        self._check_host(request)
        routes: dict[tuple[str, str], Callable[[Request], Awaitable[Answer]]] = {
            ("GET", "/"): self._page,
            ("GET", "/kiosk.css"): self._file,
            ("GET", "/kiosk.js"): self._file,
            ("GET", "/icon.svg"): self._file,
            ("GET", "/state"): self._state,
            ("GET", "/picture"): self._picture,
            ("POST", "/wish"): self._wish,
        }
        route = routes.get((request.method, request.path))
        if route is None:
            known = request.path in {path for _, path in routes}
            raise RefusedError(405 if known else 404)
        return await route(request)

    def _origins(self) -> set[str]:
        return {f"http://{host}:{self.port}" for host in ("127.0.0.1", "localhost")}

    def _check_host(self, request: Request) -> None:
        """Refuse other names of this machine (DNS rebinding) and requests of other sites."""
        if f"http://{request.headers.get('host', '')}" not in self._origins():
            raise RefusedError(421)
        page_itself = request.path == "/" and request.headers.get("sec-fetch-mode") == "navigate"
        fetched_by = request.headers.get("sec-fetch-site", "none")
        if fetched_by not in ("same-origin", "none") and not page_itself:
            raise RefusedError(403)

    async def _page(self, _: Request) -> Answer:
        return Answer(200, page(self._setup.languages).encode(), "text/html; charset=utf-8")

    async def _file(self, request: Request) -> Answer:
        name = request.path.removeprefix("/")
        return Answer(200, text(name).encode(), MEDIA[name.rpartition(".")[2]])

    async def _state(self, request: Request) -> Answer:
        """Answer at once where the state differs from the page's, else after `BEAT_S`."""
        until_s = time.monotonic() + BEAT_S
        while (state := self._state_json())["version"] == request.query.get("after", ""):
            if (left_s := until_s - time.monotonic()) <= 0:
                break
            await self._changed.wait(min(LOOK_S, left_s))
        return Answer(200, json.dumps(state, ensure_ascii=False).encode(), "application/json")

    def _state_json(self) -> dict[str, Any]:
        view = self._view()
        state = view.to_json(self._setup.languages)
        state["pictured"] = view.capturing and self._shows_pictures()
        version = ".".join([self._run, view.instruction, str(state["progress"]), *view.wishes])
        return {**state, "version": version, "release": release()}

    def _view(self) -> View:
        return self.page_state.now(time.monotonic())

    def _shows_pictures(self) -> bool:
        return self._setup.picture and self._setup.feed is not None

    async def _picture(self, request: Request) -> Answer:
        """The newest picture after that number; none while travellers must not see themselves."""
        after = request.query.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise RefusedError(400)
        if not (self._view().capturing and self._shows_pictures()):
            return Answer(204)
        known = min(int(after), self._number)  # not a number of an earlier process
        until_s = time.monotonic() + PICTURE_WAIT_S
        while self._jpeg is None or self._number <= known:
            if (left_s := until_s - time.monotonic()) <= 0 or not self._view().capturing:
                return Answer(204)
            self.pictures.request()
            await self._new_picture.wait(left_s)
        return Answer(200, self._jpeg, "image/jpeg", (("X-Number", str(self._number)),))

    def _keep_during_capture(self, jpeg: bytes | None) -> None:
        self._jpeg = jpeg if self._view().capturing else None
        self._number += 1
        self._new_picture.notify()

    async def _wish(self, request: Request) -> Answer:
        """Report a button of this page to the lane, whose next message confirms it."""
        if request.headers.get("origin") not in self._origins():
            raise RefusedError(403)
        if request.headers.get("content-type") != "application/json":
            raise RefusedError(415)
        wish, on = _pressed(request.body)
        if self._view().instruction not in OPEN_TO_REQUESTS:
            raise RefusedError(409)
        now_s = time.monotonic()
        self._presses = [at_s for at_s in self._presses if at_s > now_s - PER_S]
        if len(self._presses) >= PRESSES:
            raise RefusedError(429)
        self._presses.append(now_s)
        self._send({"wish": wish.value, "on": on})
        return Answer(202)

    def receive(self, line: bytes) -> None:
        """Take in a message of the lane; one that is not understood is ignored, and the page asks to wait."""
        try:
            message = json.loads(line)
            wishes = tuple(Button(wish) for wish in message["wishes"])
            view = View(Instruction(message["show"]), min(1.0, max(0.0, float(message["progress"]))), wishes)
        except (ValueError, TypeError, KeyError):
            log.error("the kiosk does not understand its lane")
            return
        self.page_state.update(view, time.monotonic())
        if not view.capturing:
            self._jpeg = None
        self._changed.notify()

    async def say_alive(self) -> None:
        """Tell the lane so twice a second while its own messages come."""
        while True:
            if self.page_state.silence_s(time.monotonic()) <= SILENT_S:
                self._send({"alive": True})
            await asyncio.sleep(ALIVE_S)


def _pressed(body: bytes) -> tuple[Button, bool]:
    """Raises RefusedError."""
    try:
        message = json.loads(body)
        wish, on = Button(message["wish"]), message["on"]
    except (ValueError, TypeError, KeyError) as error:
        raise RefusedError(400) from error
    if not isinstance(on, bool):
        raise RefusedError(400)
    return wish, on


def _send(message: dict[str, Any]) -> None:
    """Send to the lane, at once or not at all."""
    line = json.dumps(message).encode() + b"\n"
    try:
        os.write(sys.stdout.fileno(), line)
    except BrokenPipeError:
        return  # the lane has ended, and so does this process's input
    except BlockingIOError:
        log.warning("the lane does not listen to its kiosk")


async def run(setup: Setup) -> None:
    kiosk = KioskServer(setup, _send)
    with socket.create_server(("127.0.0.1", setup.port), backlog=16, reuse_port=False) as listening:
        kiosk.port = listening.getsockname()[1]
        server = await asyncio.start_server(Server(kiosk.answer, Bounds()).take, sock=listening)
        kiosk.pictures.start()
        _send({"port": kiosk.port})
        try:
            async with server:
                alive = asyncio.create_task(kiosk.say_alive())
                await _follow(kiosk)
                alive.cancel()
        finally:
            kiosk.pictures.close()


async def _follow(kiosk: KioskServer) -> None:
    """Take in the lane's messages until they end. Raises ValueError for a line that is too long."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=MOST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while True:
        try:
            async with asyncio.timeout(GIVE_UP_S):
                line = await reader.readline()
        except TimeoutError:
            log.error("the lane is silent: its kiosk ends")
            return
        if not line:
            return
        kiosk.receive(line)


def main() -> None:
    """Read the setup, then serve. Ends with status 2 where the page's port cannot be had."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s kiosk %(name)s: %(message)s")
    with FileIO(sys.stdin.fileno(), closefd=False) as unbuffered:  # what comes next is for the loop to read
        setup = Setup.model_validate_json(unbuffered.readline(MOST_LINE))
    os.nice(setup.nice)
    cv2.setNumThreads(1)
    os.set_blocking(sys.stdout.fileno(), False)
    try:
        asyncio.run(run(setup))
    except OSError as error:
        log.error("the traveller's screen at port %d: %s", setup.port, error.strerror)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
