"""What the benchmarks look at: the demo's holder standing at the camera, drawn before anything is timed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice

import numpy as np

from benchmarks.errors import BenchmarkError
from lane.adapters.simulated import Scene, render
from lane.cast import cast
from lane.document import TravelDocument
from lane.measure import Measurer
from models.face import ImageBGR

FRAMES_PER_SECOND = 25
DISTINCT = 25
"""One second of camera; more would only fill memory."""
STANDING_FROM_S = 1.6
SEED = 1


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A document, and frames of its holder at 640×480."""

    document: TravelDocument
    frames: tuple[ImageBGR, ...]

    def endless(self) -> Iterator[ImageBGR]:
        """There and back again: no jump between any two frames."""
        return cycle((*self.frames, *self.frames[::-1]))

    def first(self, count: int) -> tuple[ImageBGR, ...]:
        """So many frames of `endless`."""
        return tuple(islice(self.endless(), count))


def holder(measurer: Measurer) -> Walk:
    """The passenger `holder` of `lane.cast`. PhotosError where the photographs are not ready."""
    for passenger in cast(measurer, datetime.now(UTC).date()):
        if passenger.name == "holder":
            return Walk(passenger.document, _drawn(passenger.scene))
    raise BenchmarkError("the cast has no passenger named holder")


def _drawn(scene: Scene) -> tuple[ImageBGR, ...]:
    rng = np.random.default_rng(SEED)
    times = (STANDING_FROM_S + number / FRAMES_PER_SECOND for number in range(DISTINCT))
    return tuple(render(scene, at_s, rng) for at_s in times)
