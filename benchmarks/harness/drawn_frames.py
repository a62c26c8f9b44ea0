"""What the benchmarks look at: the demo's holder standing at the camera, drawn before anything is timed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, cycle, islice
from pathlib import Path
from typing import TypeAlias

import av
import cv2
import numpy as np

from benchmarks.errors import BenchmarkError
from lane.cameras.simulated import HEIGHT, WIDTH, Scene, render
from lane.capture.measuring import Measurer
from lane.decision.evidence import DocumentKind
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
BITS_PER_SECOND, OF_PIXELS = 30_000_000, 640 * 480
"""As a webcam's MJPEG; of larger pictures as many for each pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A document, and frames of its holder, all of one size."""

    document: TravelDocument
    frames: tuple[ImageBGR, ...]

    def first(self, count: int) -> tuple[ImageBGR, ...]:
        """So many frames, there and back again: no jump between any two."""
        return tuple(islice(cycle((*self.frames, *self.frames[::-1])), count))


def holder(measurer: Measurer, size: Size = DRAWN) -> Walk:
    """Standing before a camera of this size. PhotosError where the photographs are not ready."""
    passenger = cast_as_holder(measurer)
    return Walk(passenger.document, _drawn(passenger.scene, size))


def cast_as_holder(measurer: Measurer) -> Passenger:
    """The passenger `holder` of `lane.demo.passengers`, undrawn.

    PhotosError where the photographs are not ready.
    """
    for passenger in demo_passengers(measurer, datetime.now(UTC).date()):
        if passenger.name == "holder":
            return passenger
    raise BenchmarkError("the cast has no passenger named holder")


def adults_document(photo: bytes) -> TravelDocument:
    """An adult's valid document with this photo."""
    today = datetime.now(UTC).date()
    born, expires = today - timedelta(days=15_000), today + timedelta(days=900)
    return TravelDocument(photo, expires, born_on=born, kind=DocumentKind.ORDINARY)


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


def write_film(pictures: Iterable[ImageBGR], path: Path, rate: int) -> Path:
    """MJPEG of these pictures of one size, at so many a second, for a lane's camera to read."""
    pictures = iter(pictures)
    first = next(pictures)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=rate)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuvj420p"
        stream.bit_rate = BITS_PER_SECOND * stream.width * stream.height // OF_PIXELS
        for picture in chain([first], pictures):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path
