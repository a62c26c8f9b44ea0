"""From a face in a picture to what is compared: a matcher's embedding of one crop, the mean of several."""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.catalogue.spec import NetworkSpec
from models.detect.align import Layout, align, layout_of
from models.detect.face_mesh import fitted_landmarks
from models.errors import InferenceError, MatchersDifferError
from models.runtime.session import Session, Tensor, to_tensor
from models.values.face import AlignedFace, Embedding, Face, ImageBGR
from models.values.identity import FP32, MatcherIdentity


class Embedder(Protocol):
    """A matcher, as far as a template needs it."""

    @property
    def layout(self) -> Layout:
        """How it wants its crops."""

    def embed(self, face: AlignedFace, /) -> Embedding:
        """A crop's embedding. Raises ModelError."""


class FaceEmbedder:
    """A matcher: its file's identity, the layout it wants, and a session that runs it."""

    def __init__(
        self, spec: NetworkSpec, session: Session, preprocessing: str, arithmetic: str = FP32
    ) -> None:
        self.identity = MatcherIdentity(spec.name, spec.sha256, preprocessing)
        self.arithmetic = arithmetic
        """As `models.runtime.bf16` says it, for people: `identity` covers it."""
        self.layout: Layout = layout_of(spec)
        self._spec = spec
        self._session = session

    @property
    def provider(self) -> str:
        """Where it runs, with ` bf16` behind it where it does not compute in fp32."""
        return self._session.provider if self.arithmetic == FP32 else f"{self._session.provider} bf16"

    def embed(self, face: AlignedFace) -> Embedding:
        """The face's vector; InferenceError for another layout's crop or a senseless answer."""
        if face.layout != self.layout.name:
            raise InferenceError(f"{self.identity.name}: wants {self.layout.name}, got {face.layout}")
        outputs = self._session.run(to_tensor(face.image_bgr, self._spec.input))
        answer = only_answer(outputs, self._spec)
        vector = unit_vector(answer) if self._spec.normalise else with_direction(answer)
        return Embedding(vector, self.identity, self._spec.metric)


def only_answer(outputs: Mapping[str, Tensor], spec: NetworkSpec) -> Tensor:
    """The one vector of the size that the catalogue promises; InferenceError for anything else."""
    shapes = [output.shape for output in outputs.values()]
    if shapes != [(1, spec.dimension)]:
        raise InferenceError(f"{spec.name}: answered with {shapes}, expected {[(1, spec.dimension)]}")
    (answer,) = outputs.values()
    vector: Tensor = answer[0]
    return vector


def unit_vector(answer: Tensor) -> NDArray[np.float32]:
    """The answer at L2 norm 1. A zero vector would be equally far from everybody: InferenceError."""
    return (answer / np.float32(_length(answer))).astype(np.float32)


def with_direction(answer: Tensor) -> NDArray[np.float32]:
    """The answer as it is; InferenceError for one that is not finite or zero."""
    _length(answer)
    return answer.astype(np.float32)


def _length(answer: Tensor) -> float:
    exact = answer.astype(np.float64)
    norm = math.sqrt(exact @ exact)
    if not math.isfinite(norm) or norm < 1e-6:
        raise InferenceError(f"the matcher's answer has no direction (norm {norm})")
    return norm


def embed(image_bgr: ImageBGR, face: Face, embedder: Embedder) -> Embedding:
    """The embedding of a face: the mean of two crops. Raises ModelError, also where they show nothing."""
    return mean([embedder.embed(crop) for crop in crops(image_bgr, face, embedder.layout)])


def crops(image_bgr: ImageBGR, face: Face, layout: Layout) -> tuple[AlignedFace, AlignedFace]:
    """The face on the layout twice: by its landmarks, and mirrored by those that its mesh gives.

    What one source of landmarks gets wrong the other seldom does, and a mirrored crop differs from the first
    in all else that should not matter. On photographs of East Asian celebrities false non-matches at FMR
    1e-3 in the worst group fell from 4.8 % with one crop to 4.3 % with its mirror image and 4.1 % with this;
    on LFW by group they stayed at 2.2 % (mean over groups, `benchmarks/results/*-ingredients-*.json`).
    """
    by_mesh = face.landmarks if face.mesh is None else fitted_landmarks(face.mesh)
    upright, other = align(image_bgr, face.landmarks, layout), align(image_bgr, by_mesh, layout)
    _must_show_something(upright, other)
    return upright, mirrored(other)


def _must_show_something(*crops: AlignedFace) -> None:
    """InferenceError for a crop of one colour, such as one outside of its picture: all such look alike."""
    if any(np.ptp(crop.image_bgr) == 0 for crop in crops):
        raise InferenceError("a crop shows no face, only one colour")


def mirrored(face: AlignedFace) -> AlignedFace:
    """Left and right changed; a layout is symmetric but for a fraction of a pixel."""
    return AlignedFace(np.asarray(cv2.flip(face.image_bgr, 1), np.uint8), face.layout)


def mean(embeddings: Sequence[Embedding]) -> Embedding:
    """The mean of several embeddings of one face, at unit length where their metric is the cosine.

    InferenceError where there is none, or they cancel out or are not finite; MatchersDifferError for
    embeddings of different matchers.
    """
    if not embeddings:
        raise InferenceError("no embedding of the face")
    if len({(one.matcher, one.metric, one.vector.shape) for one in embeddings}) > 1:
        raise MatchersDifferError("embeddings of different matchers have no mean")
    middle = np.stack([one.vector for one in embeddings]).astype(np.float64).mean(0)
    length = float(np.linalg.norm(middle))
    if not 1e-6 < length < np.inf:  # NaN compares false
        raise InferenceError("the embeddings of one face cancel out or are not finite")
    matcher, metric = embeddings[0].matcher, embeddings[0].metric
    vector = middle / length if metric == "cosine" else middle
    return Embedding(vector.astype(np.float32), matcher, metric)
