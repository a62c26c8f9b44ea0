"""How far a reduced network's answers lie from the full one's, and how far they may lie.

Compared are the networks as they are used: what a detector finds in a picture, what a matcher says of a crop,
and how alike it finds any two. A broken quantisation that finds any two people alike is seen here at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue.spec import NetworkSpec
from models.detect.detector import FaceDetector
from models.runtime.input_tensor import to_tensor
from models.runtime.session import Session, Tensor
from models.selftest.drawn_faces import drawings
from models.values.face import ImageBGR

SILENCE = 0.01
"""Where no number of an output reaches this in either network, both say nothing: a scale without a face."""
FACE_CENTRE = (54.3, 62.7)
"""Of the drawn face, on the layout that it is drawn on."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What is still the same network for this product, and why."""

    min_cosine: float
    max_moved: float
    unit: str
    """Of `max_moved`."""
    max_score: float
    why: str


LIMITS: Mapping[str, Limit] = {
    "matcher": Limit(
        0.9995,
        0.005,
        "of a similarity",
        0.0,
        "the known face must pass the check at every start (cosine 0.9995), and a similarity must stay "
        "within one step of a calibration (0.005): beyond that the shipped threshold is another one",
    ),
    "detector": Limit(
        0.999,
        0.25,
        "px",
        0.005,
        "boxes and landmarks stay within the start-up check's 0.25 px and scores within 0.005: landmarks "
        "that move by a pixel move every similarity",
    ),
    "landmarks": Limit(
        0.9999,
        0.25,
        "px of the crop",
        0.01,
        "points stay within the start-up check's 0.25 px and the score within 0.01: they cut every crop",
    ),
}


@dataclass(frozen=True, slots=True)
class Drift:
    """The worst over all pictures. A NaN, or a face that only one of them finds, is infinitely far."""

    cosine: float
    """Of the angle between the two answers."""
    moved: float
    """Unit as in the role's `Limit`."""
    score: float
    """Of the network's own confidence; 0 where it has none."""
    pictures: int

    def within(self, limit: Limit) -> bool:
        """Whether it is still the same network; NaN compares false."""
        return (
            self.cosine >= limit.min_cosine
            and self.moved <= limit.max_moved
            and self.score <= limit.max_score
        )


def pictures(spec: NetworkSpec) -> list[ImageBGR]:
    """Drawn faces as this network meets them: a detector in a frame, others as a crop."""
    if spec.role == "detector":
        return [image for size in ((640, 480), (320, 256)) for image in _framed(*size, size[1] / 170)]
    width, height = spec.input.shapes[0]
    if spec.role == "landmarks":
        return _framed(width, height, width / 156)
    return list(drawings(width, height, scale=width / 112, left=0, top=0))


def _framed(width: int, height: int, scale: float) -> list[ImageBGR]:
    left, top = width / 2 - FACE_CENTRE[0] * scale, height / 2 - FACE_CENTRE[1] * scale
    return list(drawings(width, height, scale=scale, left=left, top=top))


def measure(spec: NetworkSpec, full: Session, reduced: Session, images: Sequence[ImageBGR]) -> Drift:
    """The drift on these pictures, at least one; a crop must have a shape that the network takes.

    Raises ModelError where one of the two does not run.
    """
    if spec.role == "detector":
        return _of_detector(spec, full, reduced, images)
    tensors = [to_tensor(image, spec.input) for image in images]
    pairs = [(full.run(tensor), reduced.run(tensor)) for tensor in tensors]
    cosine = min(cosine_of(*pair) for pair in pairs)
    if spec.role == "matcher":
        return Drift(cosine, _similarities_moved(pairs), 0.0, len(images))
    return Drift(cosine, *_points_moved(pairs), len(images))


def cosine_of(full: Mapping[str, Tensor], reduced: Mapping[str, Tensor]) -> float:
    """The least cosine over the outputs that say something; −1 where they have other names or shapes."""
    if {name: value.shape for name, value in full.items()} != {n: v.shape for n, v in reduced.items()}:
        return -1.0
    return min(_cosine(value, reduced[name]) for name, value in full.items())


def _cosine(one: Tensor, other: Tensor) -> float:
    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    if max(np.abs(a).max(initial=0), np.abs(b).max(initial=0)) < SILENCE:
        return 1.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths > 0 else -1.0


def _similarities_moved(pairs: Sequence[tuple[Mapping[str, Tensor], Mapping[str, Tensor]]]) -> float:
    """The largest change of a similarity between any two pictures, by the angle of their embeddings."""
    full, reduced = (
        np.stack([np.concatenate([value.ravel() for value in answer.values()]) for answer in answers])
        for answers in zip(*pairs, strict=True)
    )
    return float(np.abs(_alike(full) - _alike(reduced)).max()) if full.shape == reduced.shape else np.inf


def _alike(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = embeddings.astype(np.float64)
    units = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    alike: NDArray[np.float64] = units @ units.T
    return alike


def _points_moved(pairs: Sequence[tuple[Mapping[str, Tensor], Mapping[str, Tensor]]]) -> tuple[float, float]:
    """How far points move, and how much the confidence: of a network's outputs the largest are points."""
    moved = score = 0.0
    for full, reduced in pairs:
        points = max(full, key=lambda name: full[name].size)
        for name, value in full.items():
            if name == points:
                moved = max(moved, float(np.abs(value - reduced[name]).max()))
            else:
                score = max(score, float(np.abs(_sure(value) - _sure(reduced[name])).max()))
    return moved, score


def _sure(logits: Tensor) -> NDArray[np.float64]:
    sure: NDArray[np.float64] = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return sure


def _of_detector(spec: NetworkSpec, full: Session, reduced: Session, images: Sequence[ImageBGR]) -> Drift:
    heard = Listener(full)
    whole, less = FaceDetector(spec, heard), FaceDetector(spec, reduced)
    cosine, moved, score = 1.0, 0.0, 0.0
    for image in images:
        heard.heard.clear()  # the tensors of many pictures would fill the memory
        by_points, by_score = _faces_moved(whole, less, image)
        moved, score = max(moved, by_points), max(score, by_score)
        # On the tensors that the full network was fed, since a landmark that moves changes the next look.
        cosine = min(cosine, *(cosine_of(answer, reduced.run(tensor)) for tensor, answer in heard.heard))
    return Drift(cosine, moved, score, len(images))


def _faces_moved(full: FaceDetector, reduced: FaceDetector, image: ImageBGR) -> tuple[float, float]:
    """Pixels by which box or landmarks move, and the change of the score; infinite where a face is lost."""
    expected, found = full.detect(image), reduced.detect(image)
    if len(expected) != len(found):
        return np.inf, np.inf
    moved = score = 0.0
    for one, other in zip(expected, found, strict=True):
        a, b = one.box_in_image, other.box_in_image
        box = np.abs([a.x - b.x, a.y - b.y, a.width - b.width, a.height - b.height]).max()
        moved = max(moved, float(box), float(np.abs(one.landmarks - other.landmarks).max()))
        score = max(score, abs(one.score - other.score))
    return moved, score


class Listener:
    """A session that remembers what it was asked and what it answered."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.heard: list[tuple[Tensor, Mapping[str, Tensor]]] = []

    @property
    def provider(self) -> str:
        """Where the session runs."""
        return self._session.provider

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """The session's answer."""
        answer = self._session.run(tensor)
        self.heard.append((tensor, answer))
        return answer
