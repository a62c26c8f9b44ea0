"""Several looks at one face become one template, nothing senseless becomes one; and which two are alike."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.detect import face_mesh
from models.detect.align import ARCFACE_112
from models.embed.similarity import similarity
from models.embed.template import crops, embed, mean, unit_vector
from models.errors import InferenceError, MatchersDifferError
from models.runtime.session import Tensor
from models.values.face import AlignedFace, Box, Embedding, Face, Mesh
from models.values.identity import MatcherIdentity, Metric

LAYOUT = ARCFACE_112
MOVED = np.array([40, 50], np.float32)
MOVED_BY_MESH = np.array([140, 50], np.float32)
HERE, THERE = (MatcherIdentity(name, "0" * 64, "1" * 64) for name in ("here", "there"))
OTHER_FILE = MatcherIdentity("here", "1" * 64, "1" * 64)
VECTORS = arrays.arrays(np.float32, 8, elements=st.floats(-100, 100, width=32))


def made(vector: object, metric: Metric = "euclidean") -> Embedding:
    return Embedding(np.asarray(vector, np.float32), HERE, metric)


def embedding(*values: float, matcher: MatcherIdentity = HERE) -> Embedding:
    """At unit length."""
    return Embedding((np.array(values) / np.linalg.norm(values)).astype(np.float32), matcher)


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


@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=1, max_size=8))
def test_template_has_unit_length_or_fails(looks: list[tuple[float, float, float]]) -> None:
    usable = [look for look in looks if np.linalg.norm(look) > 1e-3]
    try:
        fused = mean([embedding(*look) for look in usable])
    except InferenceError:
        return
    assert np.linalg.norm(fused.vector) == pytest.approx(1, abs=1e-5)


SENSELESS = {
    "nothing": ([], InferenceError),
    "opposite": ([embedding(1, 0), embedding(-1, 0)], InferenceError),
    **{
        f"{value} by {metric}": ([made([1, value], metric)] * 2, InferenceError)
        for value in (np.nan, np.inf)
        for metric in get_args(Metric)
    },
    "matchers": ([embedding(1, 0), embedding(1, 0, matcher=THERE)], MatchersDifferError),
    "metrics": ([embedding(1, 0), made([1, 1])], MatchersDifferError),
    "sizes": ([embedding(1, 0), made([1], "cosine")], MatchersDifferError),
}


@pytest.mark.parametrize(("looks", "error"), SENSELESS.values(), ids=SENSELESS)
def test_senseless_looks_make_no_template(looks: list[Embedding], error: type[Exception]) -> None:
    with pytest.raises(error):
        mean(looks)


@pytest.mark.parametrize(
    ("looks", "middle"),
    [([made([2, 0]), made([0, 4])], [1, 2]), ([embedding(1, 0), embedding(0, 1)], [0.70711, 0.70711])],
    ids=get_args(Metric)[::-1],
)
def test_a_template_lies_in_the_middle(looks: list[Embedding], middle: list[float]) -> None:
    fused = mean(looks)
    assert np.allclose(fused.vector, middle, atol=1e-5)
    assert (fused.matcher, fused.metric) == (HERE, looks[0].metric)


@given(VECTORS, VECTORS)
def test_cosine_similarity_holds_for_any_answer(one: Tensor, other: Tensor) -> None:
    if min(np.linalg.norm(one), np.linalg.norm(other)) < 1e-3:
        return
    a, b = (Embedding(unit_vector(vector), HERE) for vector in (one, other))
    assert -1 <= similarity(a, b) <= 1
    assert similarity(a, b) == similarity(b, a)
    assert similarity(a, a) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("answer", [np.zeros(8), np.full(8, np.nan), np.array([np.inf, 1.0])])
def test_directionless_answer_is_no_embedding(answer: Tensor) -> None:
    with pytest.raises(InferenceError, match="no direction"):
        unit_vector(answer.astype(np.float32))


@given(VECTORS, VECTORS)
def test_nearer_is_more_alike(one: Tensor, other: Tensor) -> None:
    if not (one.any() and other.any()):
        return
    expected = 1 - float(np.linalg.norm(one.astype(np.float64) - other))
    assert similarity(made(one), made(other)) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert similarity(made(one), made(other)) <= similarity(made(one), made(one)) == 1


def test_dlib_threshold_is_similarity_0_4() -> None:
    assert similarity(made([1, 1, 1]), made([1, 1, 1.6])) == pytest.approx(0.4)


EIGHT = embedding(*[1] * 8)
OTHER_KINDS = {
    "file": (EIGHT, embedding(*[1] * 8, matcher=OTHER_FILE)),
    "metric": (EIGHT, made(EIGHT.vector)),
    **{
        f"{metric} of {shape}": (made(EIGHT.vector, metric), made(np.ones(shape), metric))
        for shape in ((1,), (4,), (8, 1), (1, 8), ())
        for metric in get_args(Metric)
    },
}


@pytest.mark.parametrize(("one", "other"), OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_other_kinds_have_no_similarity(one: Embedding, other: Embedding) -> None:
    with pytest.raises(MatchersDifferError, match="no similarity"):
        similarity(one, other)


@pytest.mark.parametrize(
    ("one", "other", "match"),
    [
        *((EIGHT, made(EIGHT.vector * by, "cosine"), "length") for by in (0.0, 0.9, 1.1, np.nan, np.inf)),
        *((made(np.zeros(8)), made(other), "zero") for other in (np.zeros(8), np.ones(8))),
        *(
            (made([value] * 8), made(other), "not finite")
            for value in (np.nan, np.inf)
            for other in ([value] * 8, np.ones(8))
        ),
    ],
)
def test_senseless_vector_is_like_none(one: Embedding, other: Embedding, match: str) -> None:
    with pytest.raises(InferenceError, match=match), np.errstate(invalid="ignore"):
        similarity(one, other)
