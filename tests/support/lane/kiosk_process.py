"""A traveller's screen for the tests: its process, a camera's feed, and the way to both."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import numpy as np

from lane.cameras.shared_memory_feed import FeedWriter
from lane.decision.reason_codes import Code
from lane.kiosk.client import HUNG_S, Kiosk
from lane.kiosk.settings import Setup
from models.values.face import ImageBGR

GENEROUS_S = 30.0
T = TypeVar("T")


def until(look: Callable[[], T]) -> T:
    """What is found, once something is: for what another process does in its own time."""
    give_up_s = time.monotonic() + GENEROUS_S
    while not (found := look()):
        assert time.monotonic() < give_up_s, "waited for nothing"
        time.sleep(0.02)
    return found


def picture(shade: int, width: int = 64, height: int = 48) -> ImageBGR:
    """Grey on the left half, black on the right: which way round it is shown can be seen."""
    drawn = np.zeros((height, width, 3), np.uint8)
    drawn[:, : width // 2] = shade
    return drawn


@dataclass(slots=True)
class KioskUnderTest:
    """A kiosk under way."""

    kiosk: Kiosk
    feed: FeedWriter
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.address, timeout=GENEROUS_S, trust_env=False)

    @property
    def address(self) -> str:
        found = self.kiosk.address(GENEROUS_S)
        assert found is not None
        return found

    def write(self, shade: int = 200) -> int:
        """One frame of the camera."""
        return self.feed.write(picture(shade), time.time_ns(), time.monotonic_ns())

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/state").raise_for_status().json()
        return found

    def reaches(self, instruction: str) -> dict[str, Any]:
        """The page's state, once it shows this."""

        def look() -> dict[str, Any] | None:
            state = self.state()
            return state if state["instruction"] == instruction else None

        found = until(look)
        assert found is not None
        return found

    def press(self, wish: object = "no_face", on: object = True, **headers: str) -> int:
        given = {"Origin": self.address.rstrip("/"), **headers}
        return self.http.post("/wish", json={"wish": wish, "on": on}, headers=given).status_code

    def send(self, number: int) -> None:
        """This signal to the kiosk's process."""
        assert self.kiosk.pid is not None
        os.kill(self.kiosk.pid, number)

    def take(self) -> tuple[Code, ...]:
        """What the lane hears, once it hears something."""
        return until(self.kiosk.take)


@contextmanager
def kiosk(hung_s: float = HUNG_S, **setup: Any) -> Iterator[KioskUnderTest]:
    name = f"test-kiosk-{os.getpid()}-{random.getrandbits(32):x}"
    said = Setup(**{"port": 0, "feed": name, "nice": 0, **setup})
    with FeedWriter(name, 64, 48) as feed, Kiosk(said, hung_s=hung_s) as started:
        shown = KioskUnderTest(started, feed)
        try:
            yield shown
        finally:
            shown.http.close()
