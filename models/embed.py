"""An aligned face as a unit vector of one matcher."""

import numpy as np
from numpy.typing import NDArray

from models.align import LAYOUTS, Layout
from models.catalogue import NetworkSpec
from models.errors import InferenceError
from models.face import AlignedFace, Embedding, MatcherIdentity
from models.session import Session, Tensor
from models.tensor import to_tensor


class FaceEmbedder:
    """A matcher: its file's identity, the layout it wants, and a session that runs it."""

    def __init__(self, spec: NetworkSpec, session: Session, preprocessing: str) -> None:
        self.identity = MatcherIdentity(spec.name, spec.sha256, preprocessing)
        self.layout: Layout = LAYOUTS[spec.layout]
        self._input = spec.input
        self._session = session

    def embed(self, face: AlignedFace) -> Embedding:
        """The face's unit vector; InferenceError for another layout's crop or a senseless answer."""
        if face.layout != self.layout.name:
            raise InferenceError(f"{self.identity.name}: wants {self.layout.name}, got {face.layout}")
        (answer,) = self._session.run(to_tensor(face.image_bgr, self._input)).values()
        return Embedding(unit_vector(answer[0]), self.identity)


def unit_vector(answer: Tensor) -> NDArray[np.float32]:
    """The answer at L2 norm 1. A zero vector would be equally far from everybody: InferenceError."""
    norm = float(np.linalg.norm(answer.astype(np.float64)))
    if not np.isfinite(norm) or norm < 1e-6:
        raise InferenceError(f"the matcher's answer has no direction (norm {norm})")
    return (answer / np.float32(norm)).astype(np.float32)
