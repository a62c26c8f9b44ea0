"""One face of each picture, found and embedded once for every matcher under test.

A picture that gives no face is a failure to acquire: kept with its cause, never dropped. Nothing is written
to disk.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.progress import follow
from lane.measure import Measurer, Sighting, Stopwatch
from lane.policy import Policy, beyond_limits
from models.errors import ImageError, InferenceError
from models.face import Box, ImageBGR
from models.image import read
from models.quality import assess
from models.template import Embedder, embed

Vector = NDArray[np.float32]
Look = Callable[[ImageBGR, Measurer], Sighting]

CUT_BY_FRAME = ("shown", "cut")
"""Quality components that tell how much of a face the frame leaves; judged by the policy's limits."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a picture gave no embedding: a short stable word."""

    cause: str


class Looker(Protocol):
    """Finds and embeds one face of a picture, for one or several matchers."""

    @property
    def matchers(self) -> tuple[str, ...]:
        """Their names."""
        ...

    def look(self, image_bgr: ImageBGR) -> Mapping[str, Vector | Failure]:
        """By matcher. Raises InferenceError where a network fails."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Acquired:
    """What the pictures gave to one matcher: a vector by name, or a cause."""

    vectors: dict[str, Vector]
    failures: dict[str, str]

    def causes(self) -> dict[str, int]:
        """How many failures of each cause."""
        return dict(sorted(Counter(self.failures.values()).items()))


class LaneLooker:
    """The lane's own looking: its detector, its landmarks, its templates; one look for all its matchers."""

    def __init__(
        self, measurer: Measurer, embedders: Mapping[str, Embedder], look: Look, rules: Policy
    ) -> None:
        self._measurer, self._embedders, self._look = measurer, embedders, look
        limits = {**rules.quality.live, **rules.quality.document}
        self._frame_limits = {name: limits[name] for name in CUT_BY_FRAME if name in limits}

    @property
    def matchers(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._embedders)

    def look(self, image_bgr: ImageBGR) -> Mapping[str, Vector | Failure]:
        """One face, embedded for each matcher."""
        sighting = self._look(image_bgr, self._measurer)
        cause = self.failure(sighting)
        if cause is not None or sighting.face is None:
            return dict.fromkeys(self.matchers, Failure(cause or "no_face"))
        face = sighting.face
        return {name: embed(image_bgr, face, one).vector for name, one in self._embedders.items()}

    def failure(self, sighting: Sighting) -> str | None:
        """Why this sighting is a failure to acquire, or None where the face can be compared."""
        if sighting.face is None:
            return "no_face"
        return "cut_by_frame" if beyond_limits(sighting.quality, self._frame_limits) else None


def prominence(box: Box, image_bgr: ImageBGR) -> float:
    """Area less twice the squared distance from the picture's centre, as is usual with LFW."""
    return area(box, image_bgr) - 2 * centrality(box, image_bgr) ** 2


def centrality(box: Box, image_bgr: ImageBGR) -> float:
    """0 in the picture's centre, falling with the distance of the box's centre from it, in pixels."""
    height, width = image_bgr.shape[:2]
    away = (box.x + box.width / 2 - width / 2, box.y + box.height / 2 - height / 2)
    return -float(np.hypot(*away))


def area(box: Box, image_bgr: ImageBGR) -> float:  # noqa: ARG001  a merit, as the others
    """In square pixels."""
    return box.width * box.height


MERITS: dict[str, Callable[[Box, ImageBGR], float]] = {
    "prominent": prominence,
    "largest": area,
    "central": centrality,
}
"""Which of several faces is meant. LFW's labels name the prominent one; a lane takes the largest."""


def look_for(face: str) -> Look:
    """The lane's look at the face that this merit names; for the largest, the very look of a lane."""
    if face == "largest":
        return lambda image_bgr, measurer: measurer.look(image_bgr, Stopwatch())
    merit = MERITS[face]

    def look(image_bgr: ImageBGR, measurer: Measurer) -> Sighting:
        faces = measurer.networks.detector.detect(image_bgr)
        best = max(faces, key=lambda one: merit(one.box_in_image, image_bgr), default=None)
        return Sighting(image_bgr, len(faces), best, assess(image_bgr, best) if best else {})

    return look


def acquire(names: Sequence[str], root: Path, workers: Sequence[Sequence[Looker]]) -> dict[str, Acquired]:
    """By matcher, in the order of `names`, with one thread for each of `workers`.

    BenchmarkError if no picture gave a matcher a face.
    """
    taken = {name: Acquired({}, {}) for looker in workers[0] for name in looker.matchers}
    for picture, found in _looked_at(names, root, workers):
        for matcher, answer in found.items():
            if isinstance(answer, Failure):
                taken[matcher].failures[picture] = answer.cause
            else:
                taken[matcher].vectors[picture] = answer
    for matcher, one in taken.items():
        if not one.vectors:
            raise BenchmarkError(f"no picture gave a face to {matcher}: {one.causes()}")
    return taken


def _looked_at(
    names: Sequence[str], root: Path, workers: Sequence[Sequence[Looker]]
) -> Iterator[tuple[str, Mapping[str, Vector | Failure]]]:
    """Networks are never shared between threads. Ctrl-C waits for the pictures in hand, starts no other."""
    free: SimpleQueue[Sequence[Looker]] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def look(name: str) -> Mapping[str, Vector | Failure]:
        lookers = free.get()
        try:
            return _look(root / name, lookers)
        finally:
            free.put(lookers)

    pool = ThreadPoolExecutor(len(workers), "looking")
    try:
        answers = pool.map(look, names)
        for name in follow(names, "Looking at pictures"):
            yield name, next(answers)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _look(path: Path, lookers: Sequence[Looker]) -> Mapping[str, Vector | Failure]:
    every = [name for looker in lookers for name in looker.matchers]
    try:
        image_bgr = read(path)
    except ImageError as error:
        return dict.fromkeys(every, Failure(error.code))
    found: dict[str, Vector | Failure] = {}
    for looker in lookers:
        try:
            found |= looker.look(image_bgr)
        except InferenceError:
            found |= dict.fromkeys(looker.matchers, Failure("not_measured"))
    return found
