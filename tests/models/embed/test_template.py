"""What is compared: several looks at one face become one template, and nothing senseless becomes one."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.align import ARCFACE_112
from models.detect import face_mesh
from models.embed.similarity import similarity
from models.embed.template import crops, embed, mean
from models.errors import InferenceError, MatchersDifferError
from models.values.face import AlignedFace, Box, Embedding, Face, Mesh
from models.values.identity import MatcherIdentity, Metric

LAYOUT = ARCFACE_112
MOVED = np.array([40, 50], np.float32)
MOVED_BY_MESH = np.array([140, 50], np.float32)
HERE = MatcherIdentity("here", "0" * 64, "1" * 64)
THERE = MatcherIdentity("there", "0" * 64, "1" * 64)


def embedding(*values: float, matcher: MatcherIdentity = HERE) -> Embedding:
    vector: NDArray[np.float64] = np.array(values)
    return Embedding((vector / np.linalg.norm(vector)).astype(np.float32), matcher)


class Pixels:
    """A matcher whose embedding is the crop's mean colour in eight columns: what is left and right shows."""

    layout = LAYOUT

    def embed(self, face: AlignedFace, /) -> Embedding:
        return embedding(*(face.image_bgr.reshape(112, 8, 14, 3).mean((0, 2, 3)) + 1))


def test_template_ignores_mirroring() -> None:
    image = np.random.default_rng(1).integers(0, 255, (224, 224, 3), np.uint8)
    image[:, :100] //= 4
    points = LAYOUT.enlarged(2).landmarks
    across = points * [-1, 1] + [223, 0]
    one = embed(image, Face(Box(0, 0, 224, 224), points, 1.0), Pixels())
    other = embed(
        np.ascontiguousarray(image[:, ::-1]),
        Face(Box(0, 0, 224, 224), across[[1, 0, 2, 4, 3]].astype(np.float32), 1.0),
        Pixels(),
    )
    assert similarity(one, other) > 0.999  # the layout itself is not quite symmetric


def test_mirrored_crop_follows_mesh() -> None:
    image = np.zeros((300, 300, 3), np.uint8)
    image[:, 150:] = 255
    numbers, shape = face_mesh.mean_shape()
    found = np.zeros((face_mesh.COUNT, 3), np.float32)
    found[numbers, :2] = shape + MOVED_BY_MESH
    face = Face(Box(40, 40, 112, 112), LAYOUT.landmarks + MOVED, 1.0, Mesh(found, 1.0))
    upright, by_mesh = crops(image, face, LAYOUT)
    assert upright.image_bgr[:, :108].max() == 0
    assert by_mesh.image_bgr[:, :99].min() == 255
    assert by_mesh.image_bgr[:, 104:].max() == 0


@pytest.mark.parametrize("offset", [-900.0, 900.0, 5000.0])
def test_outside_face_has_no_template(offset: float) -> None:
    """All such crops are black, and would be one person."""
    image = np.random.default_rng(1).integers(0, 255, (224, 224, 3), np.uint8)
    with pytest.raises(InferenceError, match="one colour"):
        embed(image, Face(Box(0, 0, 224, 224), LAYOUT.landmarks + np.float32(offset), 1.0), Pixels())


def test_a_template_lies_in_the_middle() -> None:
    fused = mean([embedding(1, 0), embedding(0, 1)])
    assert np.allclose(fused.vector, [0.70711, 0.70711], atol=1e-5)
    assert fused.matcher == HERE


@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=1, max_size=8))
def test_template_has_unit_length_or_fails(looks: list[tuple[float, float, float]]) -> None:
    usable = [look for look in looks if np.linalg.norm(look) > 1e-3]
    try:
        fused = mean([embedding(*look) for look in usable])
    except InferenceError:
        return
    assert np.linalg.norm(fused.vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "looks",
    [
        [],
        [embedding(1, 0), embedding(-1, 0)],
        *[
            [Embedding(np.array([1, value], np.float32), HERE, metric)] * 2
            for value in (np.nan, np.inf)
            for metric in get_args(Metric)
        ],
    ],
    ids=["nothing", "opposite", *["not finite"] * 4],
)
def test_senseless_looks_make_no_template(looks: list[Embedding]) -> None:
    with pytest.raises(InferenceError):
        mean(looks)


@pytest.mark.parametrize(
    "other",
    [
        embedding(1, 0, matcher=THERE),
        Embedding(np.ones(2, np.float32), HERE, "euclidean"),
        Embedding(np.ones(1, np.float32), HERE),
    ],
    ids=["matcher", "metric", "size"],
)
def test_embeddings_of_other_kind_never_mix(other: Embedding) -> None:
    with pytest.raises(MatchersDifferError):
        mean([embedding(1, 0), other])


def test_distance_template_is_plain_mean() -> None:
    looks = [Embedding(np.array(vector, np.float32), HERE, "euclidean") for vector in ([2, 0], [0, 4])]
    fused = mean(looks)
    assert fused.vector.tolist() == [1, 2]
    assert fused.metric == "euclidean"
