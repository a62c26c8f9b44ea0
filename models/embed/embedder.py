import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.align import Layout, layout_of
from models.catalogue.spec import NetworkSpec
from models.errors import InferenceError
from models.runtime.input_tensor import to_tensor
from models.runtime.session import Session, Tensor
from models.values.face import AlignedFace, Embedding
from models.values.identity import FP32, MatcherIdentity


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
