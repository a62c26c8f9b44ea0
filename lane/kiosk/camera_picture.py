"""The camera's newest frame as a traveller sees it: cut around the capture zone, JPEG, and never kept."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from lane.cameras.shared_memory_feed import FeedReader
from lane.platform.errors import CameraError
from models.values.face import ImageBGR

log = logging.getLogger(__name__)

SHARE = 4 / 5
"""Width of the page's oval, of its height."""
MOST_HEIGHT = 900
"""Pixels; the oval is 907 high on a screen of 1080×1920."""
QUALITY = 80
STALE_S = 0.5
"""An older frame is not shown."""
LOOK_AGAIN_S = 0.005
OPEN_AGAIN_S = 0.5
NOBODY_LOOKS_S = 1.5
"""Without a request for so long the feed is closed."""

Zone: TypeAlias = tuple[float, float, float, float]


def window(width: int, height: int, zone: Zone) -> tuple[int, int, int, int]:
    """x, y, width and height in pixels of what is shown: of the oval's shape, around the middle of the zone,
    as large as the zone where the frame allows it, and never less than a quarter of what it allows."""
    left, top, right, bottom = zone[0] * width, zone[1] * height, zone[2] * width, zone[3] * height
    most = min(height, width / SHARE)
    tall = min(max(bottom - top, (right - left) / SHARE, most / 4), most)
    wide = tall * SHARE
    x = min(max((left + right - wide) / 2, 0), width - wide)
    y = min(max((top + bottom - tall) / 2, 0), height - tall)
    return int(x), int(y), max(1, int(wide)), max(1, int(tall))


def encode(image_bgr: ImageBGR, zone: Zone) -> bytes:
    """JPEG of the window of an H×W×3 frame, not mirrored, at most MOST_HEIGHT high, never enlarged."""
    x, y, width, height = window(image_bgr.shape[1], image_bgr.shape[0], zone)
    cut = image_bgr[y : y + height, x : x + width]
    if height > MOST_HEIGHT:
        size = (max(1, round(width * MOST_HEIGHT / height)), MOST_HEIGHT)
        cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, jpeg = cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise CameraError("a frame cannot be encoded")
    return jpeg.tobytes()


class PictureMaker:
    """Makes pictures in a thread of its own, each on request and of the newest frame: none queues."""

    def __init__(
        self, open_feed: Callable[[], FeedReader], zone: Zone, publish: Callable[[bytes | None], None]
    ) -> None:
        self._open_feed, self._zone, self._publish = open_feed, zone, publish
        self._feed: FeedReader | None = None
        self._sequence, self._fresh_s = 0, float("-inf")
        self._wanted, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def request(self) -> None:
        self._wanted.set()

    def close(self) -> None:
        self._closed.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._closed.is_set():
            if not self._wanted.wait(NOBODY_LOOKS_S):
                self._release_feed()
                self._wanted.wait()
            try:
                if not self._make_one():
                    self._closed.wait(LOOK_AGAIN_S)
            except CameraError as error:
                log.debug("no picture: %s", error)
                self._wanted.clear()  # a page that is still open asks again
                self._release_feed()
                self._closed.wait(OPEN_AGAIN_S)
        self._release_feed()

    def _make_one(self) -> bool:
        """Whether there was a fresh frame."""
        now_s = time.monotonic()
        if self._feed is None:
            self._feed, self._sequence, self._fresh_s = self._open_feed(), 0, now_s
        frame = self._feed.newest(self._sequence)
        if frame is not None:
            self._sequence = frame.sequence
        if frame is None or now_s - frame.captured_monotonic_s > STALE_S:
            if now_s - self._fresh_s > 2 * STALE_S:
                raise CameraError("the feed stands still: it may have been made anew")
            return False
        self._fresh_s = now_s
        jpeg = encode(frame.image_bgr, self._zone)
        self._wanted.clear()  # before it is published: a request from then on is for the next
        self._publish(jpeg)
        return True

    def _release_feed(self) -> None:
        self._publish(None)
        if self._feed is not None:
            self._feed.close()
        self._feed = None
