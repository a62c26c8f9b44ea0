"""What the benchmarks look at: the demo's holder standing at the camera, drawn before anything is timed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import TypeAlias

import cv2
import numpy as np

from benchmarks.errors import BenchmarkError
from lane.cameras.simulated import HEIGHT, WIDTH, Scene, render
from lane.capture.measuring import Measurer
from lane.demo.passengers import Passenger, demo_passengers
from lane.document.travel_document import TravelDocument
from models.values.face import ImageBGR

FRAMES_PER_SECOND = 30
DISTINCT = 45
"""A second and a half of camera; more would only fill memory."""
STANDING_FROM_S = 1.6
SEED = 1

Size: TypeAlias = tuple[int, int]
"""Width and height of a frame."""
DRAWN: Size = (WIDTH, HEIGHT)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A document, and frames of its holder, all of one size."""

    document: TravelDocument
    frames: tuple[ImageBGR, ...]

    def endless(self) -> Iterator[ImageBGR]:
        """There and back again: no jump between any two frames."""
        return cycle((*self.frames, *self.frames[::-1]))

    def first(self, count: int) -> tuple[ImageBGR, ...]:
        """So many frames of `endless`."""
        return tuple(islice(self.endless(), count))


def holder(measurer: Measurer, size: Size = DRAWN) -> Walk:
    """The passenger `holder` of `lane.demo.passengers`, standing before a camera of this size.

    PhotosError where the photographs are not ready.
    """
    passenger = cast_as_holder(measurer)
    return Walk(passenger.document, _drawn(passenger.scene, size))


def cast_as_holder(measurer: Measurer) -> Passenger:
    """Who that is, undrawn. PhotosError where the photographs are not ready."""
    for passenger in demo_passengers(measurer, datetime.now(UTC).date()):
        if passenger.name == "holder":
            return passenger
    raise BenchmarkError("the cast has no passenger named holder")


def _drawn(scene: Scene, size: Size) -> tuple[ImageBGR, ...]:
    rng = np.random.default_rng(SEED)
    still = scene if size == DRAWN else replace(scene, noise=0.0)
    times = (STANDING_FROM_S + number / FRAMES_PER_SECOND for number in range(DISTINCT))
    drawn = (render(still, at_s, rng) for at_s in times)
    if size == DRAWN:
        return tuple(drawn)
    return tuple(_grained(_enlarged(picture, size), scene.noise, rng) for picture in drawn)


def _enlarged(picture: ImageBGR, size: Size) -> ImageBGR:
    """As tall as the frame, and the hall goes on at both sides: what a camera with more pixels sees."""
    width, height = size
    scale = min(width / WIDTH, height / HEIGHT)
    inner = (round(WIDTH * scale), round(HEIGHT * scale))
    larger = cv2.resize(picture, inner, interpolation=cv2.INTER_CUBIC)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    right, bottom = width - inner[0] - left, height - inner[1] - top
    framed = cv2.copyMakeBorder(larger, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(framed, np.uint8)


def _grained(picture: ImageBGR, noise: float, rng: np.random.Generator) -> ImageBGR:
    """With a sensor's noise in each of its pixels."""
    grain = rng.standard_normal((*picture.shape[:2], 1), dtype=np.float32) * noise
    return np.asarray(np.clip(np.rint(picture + grain), 0, 255), np.uint8)


def description(sizes: str = "640x480,") -> str:
    return f"{sizes} {DISTINCT} of the simulated holder standing, seed {SEED}"
