"""How many pictures a second a browser gets of a camera, and what the traveller's screen costs the lane.

`python -m tests.support.lane.measure_kiosk` needs Chromium, the networks and the demo's photographs. The
camera is simulated, at 30 frames a second of 1280×720. What the screen costs is told as a ratio of one run:
the same work on a frame while somebody looks at the screen and while nobody does, in turn.
"""

import json
import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from lane.cameras.shared_memory_feed import FeedWriter
from lane.capture.guidance import Instruction
from lane.capture.measuring import Stopwatch
from lane.demo import photos
from lane.kiosk.client import Kiosk
from lane.kiosk.settings import Setup
from lane.service.build import build_measurer, build_policy
from lane.service.settings import Settings
from models.values.face import ImageBGR
from tests.support.browser import chromium
from tests.support.processes import meanwhile

WIDTH, HEIGHT, RATE = 1280, 720, 30
SECONDS = 10.0
BLOCKS, FRAMES = 6, 12


def scene() -> ImageBGR:
    photo = cv2.imdecode(np.frombuffer(photos.load("obama.jpg"), np.uint8), cv2.IMREAD_COLOR)
    assert photo is not None
    scale = HEIGHT / photo.shape[0]
    small = cv2.resize(photo, None, fx=scale, fy=scale)
    drawn = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    left = (WIDTH - small.shape[1]) // 2
    drawn[: small.shape[0], left : left + small.shape[1]] = small[:HEIGHT]
    return drawn


def camera(feed: FeedWriter, image_bgr: ImageBGR, written: list[int]) -> Callable[[threading.Event], None]:
    """Writes at RATE; the list's only entry counts."""

    def write(ended: threading.Event) -> None:
        due = time.monotonic()
        while not ended.wait(max(0.0, due - time.monotonic())):
            feed.write(image_bgr, time.time_ns(), time.monotonic_ns())
            written[0] += 1
            due += 1 / RATE

    return write


def cpu_s(kiosk: Kiosk) -> float:
    fields = Path(f"/proc/{kiosk._supervisor.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_a_browser(kiosk: Kiosk, written: list[int]) -> dict[str, Any]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1080, "height": 1920})
        page.goto(str(kiosk.address(30)))
        page.wait_for_selector("#picture[data-drawn]")
        count = "Number(document.getElementById('picture').dataset.drawn)"
        drawn, taken, began_s, used_s = page.evaluate(count), written[0], time.monotonic(), cpu_s(kiosk)
        page.wait_for_timeout(SECONDS * 1000)
        drawn, taken = page.evaluate(count) - drawn, written[0] - taken
        lasted_s, used_s = time.monotonic() - began_s, cpu_s(kiosk) - used_s
    return {
        "camera_per_s": round(taken / lasted_s, 1),
        "drawn_per_s": round(drawn / lasted_s, 1),
        "drawn_share": round(drawn / taken, 3),
        "kiosk_ms_per_picture": round(1000 * used_s / drawn, 2),
        "kiosk_share_of_one_core": round(used_s / lasted_s, 3),
    }


def beside_the_lane(kiosk: Kiosk, image_bgr: ImageBGR) -> dict[str, Any]:
    def look(ended: threading.Event) -> None:
        """Take every picture; without a browser, which is another machine's work or another core's."""
        with httpx.Client(base_url=str(kiosk.address(30)), trust_env=False) as http:
            after = "0"
            while not ended.is_set():
                after = http.get(f"/picture?after={after}").headers.get("X-Number", after)

    settings = Settings()
    measurer = build_measurer(settings, build_policy(settings))
    times: dict[bool, list[float]] = {True: [], False: []}

    def work(*, looked: bool) -> None:
        for _ in range(FRAMES):
            began_s = time.perf_counter()
            measurer.look(image_bgr, Stopwatch())
            times[looked].append(1000 * (time.perf_counter() - began_s))

    work(looked=False)
    times[False].clear()
    for _ in range(BLOCKS):
        with meanwhile(look):
            work(looked=True)
        time.sleep(2.0)  # the kiosk lets go of the camera
        work(looked=False)
    seen, unseen = (statistics.median(times[looked]) for looked in (True, False))
    return {
        "look_ms_median_while_looked_at": round(seen, 1),
        "look_ms_median_while_nobody_looks": round(unseen, 1),
        "ratio": round(seen / unseen, 3),
    }


def main() -> None:
    name, image_bgr, written = f"measure-kiosk-{os.getpid()}", scene(), [0]
    with (
        FeedWriter(name, WIDTH, HEIGHT) as feed,
        Kiosk(Setup(port=0, feed=name)) as kiosk,
        meanwhile(camera(feed, image_bgr, written)),
    ):
        kiosk(Instruction.LOOK)
        load = round(os.getloadavg()[0], 1)
        found = {"cores": os.cpu_count(), "load": load, "browser": in_a_browser(kiosk, written)}
        print(json.dumps({**found, "lane": beside_the_lane(kiosk, image_bgr)}, indent=2))


if __name__ == "__main__":
    main()
