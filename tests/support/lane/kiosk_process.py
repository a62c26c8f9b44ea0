"""A traveller's screen for the tests: its process, a camera's feed, and the way to both."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from lane.cameras.shared_memory_feed import FeedWriter
from lane.capture.guidance import Instruction
from lane.decision.reason_codes import Code
from lane.kiosk.client import HUNG_S, Kiosk
from lane.kiosk.settings import Setup
from models.values.face import ImageBGR
from tests.support.processes import GENEROUS_S, until


def picture(shade: int, width: int = 64, height: int = 48) -> ImageBGR:
    """Grey on the left half, black on the right: which way round it is shown can be seen."""
    drawn = np.zeros((height, width, 3), np.uint8)
    drawn[:, : width // 2] = shade
    return drawn


@dataclass(slots=True)
class KioskUnderTest:
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

    @property
    def pid(self) -> int:
        pid = self.kiosk._supervisor.pid
        assert pid is not None
        return pid

    @property
    def starts(self) -> int:
        return self.kiosk._supervisor.starts

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

    def show(self, instruction: Instruction) -> dict[str, Any]:
        """The lane shows this; the page's state once it does, too."""
        self.kiosk(instruction)
        return self.reaches(instruction)

    def press(self, wish: object = "no_face", on: object = True, **headers: str) -> int:
        given = {"Origin": self.address.rstrip("/"), **headers}
        return self.http.post("/wish", json={"wish": wish, "on": on}, headers=given).status_code

    def send(self, number: int) -> None:
        """This signal to the kiosk's process."""
        os.kill(self.pid, number)

    def take(self) -> tuple[Code, ...]:
        """What the lane hears, once it hears something."""
        return until(self.kiosk.take)


@contextmanager
def kiosk(hung_s: float = HUNG_S, **setup: Any) -> Iterator[KioskUnderTest]:
    name = f"test-kiosk-{os.getpid()}-{random.getrandbits(32):x}"
    settings = Setup(**{"port": 0, "feed": name, "nice": 0, **setup})
    with FeedWriter(name, 64, 48) as feed, Kiosk(settings, hung_s=hung_s) as started:
        shown = KioskUnderTest(started, feed)
        try:
            yield shown
        finally:
            shown.http.close()
