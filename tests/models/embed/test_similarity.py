import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from models.embed.embedder import unit_vector
from models.embed.similarity import similarity
from models.errors import InferenceError, MatchersDifferError
from models.runtime.session import Tensor
from models.values.face import Embedding
from models.values.identity import MatcherIdentity, Metric

MATCHER = MatcherIdentity("a", "0" * 64, "2" * 64)
Floats = NDArray[np.floating]
VECTORS = arrays.arrays(np.float32, 8, elements=st.floats(-100, 100, width=32))


def test_two_matchers_have_no_similarity() -> None:
    vector = unit_vector(np.ones(8, np.float32))
    other_file = MatcherIdentity("a", "1" * 64, "2" * 64)
    with pytest.raises(MatchersDifferError, match="no similarity"):
        similarity(Embedding(vector, MATCHER), Embedding(vector, other_file))


@given(VECTORS, VECTORS)
def test_cosine_similarity_holds_for_any_answer(one: Tensor, other: Tensor) -> None:
    if min(np.linalg.norm(one), np.linalg.norm(other)) < 1e-3:
        return
    a, b = (Embedding(unit_vector(vector), MATCHER) for vector in (one, other))
    assert -1 <= similarity(a, b) <= 1
    assert similarity(a, b) == similarity(b, a)
    assert similarity(a, a) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("answer", [np.zeros(8), np.full(8, np.nan), np.array([np.inf, 1.0])])
def test_directionless_answer_is_no_embedding(answer: Tensor) -> None:
    with pytest.raises(InferenceError, match="no direction"):
        unit_vector(answer.astype(np.float32))


def measured(vector: Floats, metric: Metric = "euclidean") -> Embedding:
    return Embedding(vector.astype(np.float32), MATCHER, metric)


@given(VECTORS, VECTORS)
def test_nearer_is_more_alike(one: Tensor, other: Tensor) -> None:
    if not (one.any() and other.any()):
        return
    expected = 1 - float(np.linalg.norm(one.astype(np.float64) - other))
    assert similarity(measured(one), measured(other)) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert similarity(measured(one), measured(other)) <= similarity(measured(one), measured(one)) == 1


def test_dlib_threshold_is_similarity_0_4() -> None:
    one, other = np.ones(8, np.float32), np.ones(8, np.float32)
    other[3] = 1.6
    assert similarity(measured(one), measured(other)) == pytest.approx(0.4)


def test_empty_vectors_are_not_alike() -> None:
    with pytest.raises(InferenceError, match="zero"):
        similarity(measured(np.zeros(8)), measured(np.zeros(8)))


@pytest.mark.parametrize("shape", [(1,), (4,), (8, 1), (1, 8), ()])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_other_shapes_have_no_similarity(shape: tuple[int, ...], metric: Metric) -> None:
    whole, part = np.ones(8) / np.sqrt(8), np.ones(shape)
    with pytest.raises(MatchersDifferError):
        similarity(measured(whole, metric), measured(part, metric))


def test_cosine_and_distance_do_not_mix() -> None:
    vector = unit_vector(np.ones(8, np.float32))
    with pytest.raises(MatchersDifferError):
        similarity(measured(vector), measured(vector, "cosine"))


@pytest.mark.parametrize("factor", [0.0, 0.9, 1.1, np.nan, np.inf])
def test_non_unit_vector_has_no_cosine(factor: float) -> None:
    vector = unit_vector(np.ones(8, np.float32))
    with pytest.raises(InferenceError, match="length"):
        similarity(measured(vector, "cosine"), measured(vector * np.float32(factor), "cosine"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_distance_is_no_similarity(value: float) -> None:
    with pytest.raises(InferenceError, match="not finite"):
        similarity(measured(np.full(8, value)), measured(np.ones(8)))
