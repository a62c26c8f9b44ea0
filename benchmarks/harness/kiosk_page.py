"""A browser that has a traveller's screen open, as far as the screen's server can tell. It draws nothing.

`python -m benchmarks.harness.kiosk_page ADDRESS` is a process of its own, as a browser is: it asks for state
and pictures as the page's script does (`lane/kiosk/page/kiosk.js`), writes a line with the first state and
with the first picture, and ends with its input.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any, NoReturn
from urllib.parse import urlsplit

from benchmarks.errors import BenchmarkError
from lane.platform.process_supervisor import Child, start_talking

OPENS_WITHIN_S = 30.0
ANSWER_S = 1.0
AGAIN_S, NO_PICTURE_S = 0.25, 0.05
"""Pauses of the page's script: after a failure, and without a picture."""


@contextmanager
def open_page(address: str) -> Iterator[Child]:
    """The page's process, which has the screen's state already. BenchmarkError where it gets none."""
    child = start_talking([sys.executable, "-m", "benchmarks.harness.kiosk_page", address])
    try:
        if not child.output.readline():
            raise BenchmarkError(f"the traveller's screen at {address} does not open")
        yield child
        if child.process.poll() is not None:
            raise BenchmarkError(f"the traveller's screen at {address} did not stay open")
    finally:
        child.process.kill()
        child.end(0)


class Page:
    """State and pictures, each over a connection of its own."""

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc
        self._pictured = False

    def follow(self) -> NoReturn:
        """Ask for the state, answered once it differs or after a while; ends the process if none comes."""
        connection, version = HTTPConnection(self._host, timeout=ANSWER_S), ""
        until_s = time.monotonic() + OPENS_WITHIN_S
        while True:
            try:
                view: dict[str, Any] = json.loads(_get(connection, f"/state?after={version}")[1])
            except (OSError, HTTPException, ValueError):
                connection.close()
                time.sleep(AGAIN_S)
                if not version and time.monotonic() > until_s:
                    os._exit(1)
                continue
            if not version:
                print(view["instruction"], flush=True)
            version, self._pictured = view["version"], view["pictured"]

    def mirror(self) -> NoReturn:
        """Ask for one picture after another while travellers see themselves."""
        connection, after = HTTPConnection(self._host, timeout=ANSWER_S), "0"
        while True:
            number = None
            try:
                number = _get(connection, f"/picture?after={after}")[0] if self._pictured else None
            except (OSError, HTTPException):
                connection.close()
                time.sleep(AGAIN_S)
            if number is None:
                time.sleep(NO_PICTURE_S)
                continue
            if after == "0":
                print("picture", flush=True)
            after = number


def _get(connection: HTTPConnection, path: str) -> tuple[str | None, bytes]:
    """The picture's number, where it is one, and the content. Raises HTTPException for a refusal."""
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status not in (200, 204):
        raise HTTPException(str(answer.status))
    return answer.headers.get("X-Number"), content


def _end_with_thread(args: threading.ExceptHookArgs) -> NoReturn:
    """Else the process would live on as if its page were open."""
    threading.__excepthook__(args)
    os._exit(1)


def main() -> None:
    """Until standard input ends, or a thread fails."""
    threading.excepthook = _end_with_thread
    page = Page(sys.argv[1])
    for work in (page.follow, page.mirror):
        threading.Thread(target=work, daemon=True).start()
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
