"""What finishes an entry of an operator's catalogue: the prepared file's hash, and its known answer."""

import hashlib
from pathlib import Path

import numpy as np

from models.catalogue import weights
from models.catalogue.spec import NetworkSpec
from models.embed.template import FaceEmbedder
from models.errors import CatalogueError
from models.networks import known_face
from models.networks.build import session_on
from models.runtime.onnx_runtime import RuntimeSettings
from models.values.face import AlignedFace

LEAST_APART = 0.15
"""SFace has 1.3 here, dlib's ResNet 0.47, whose answers all lie near one direction."""


def finishing_lines(spec: NetworkSpec, cache: Path) -> str:
    """`sha256` and `golden` as lines of TOML, from the file as it answers now, on the CPU.

    They only promise that the network will go on answering like this. Whether colour order, mean and layout
    are those that it was trained with shows in `python -m benchmarks accuracy`.
    """
    if spec.role != "matcher":
        raise CatalogueError(f"{spec.name} is no matcher but has the role {spec.role}")
    graph = weights.convert(spec, weights.source(spec, cache))
    embedder = FaceEmbedder(spec, session_on(graph, spec, RuntimeSettings()), preprocessing="")
    answer = known_face.embedder_answer(embedder)
    _must_tell_apart(embedder, answer)
    numbers = [f"{value:.5f}" for value in answer]
    rows = [", ".join(numbers[start : start + 12]) for start in range(0, len(numbers), 12)]
    listed = "".join(f"    {row},\n" for row in rows)
    return f'sha256 = "{hashlib.sha256(graph).hexdigest()}"\ngolden = [\n{listed}]'


def _must_tell_apart(embedder: FaceEmbedder, face: known_face.Answer) -> None:
    """CatalogueError for a matcher to which a face, noise and an empty picture look alike.

    A quantised SFace that is in circulation scores about 1.0 for any two people.
    """
    size = embedder.layout.size
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    for what, picture in (("noise", noise), ("an empty picture", np.full_like(noise, 127))):
        other = embedder.embed(AlignedFace(picture, embedder.layout.name)).vector
        apart = float(np.linalg.norm(other - face) / np.linalg.norm(face))
        if not apart >= LEAST_APART:  # NaN compares false
            raise CatalogueError(
                f"{embedder.identity.name}: a face and {what} are {apart:.3f} of its answer apart, "
                f"expected at least {LEAST_APART}: this file finds everybody alike"
            )
