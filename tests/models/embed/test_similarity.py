from typing import get_args

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


UNIT = unit_vector(np.ones(8, np.float32))
OTHER_KINDS = {
    "file": (Embedding(UNIT, MATCHER), Embedding(UNIT, MatcherIdentity("a", "1" * 64, "2" * 64))),
    "metric": (measured(UNIT), measured(UNIT, "cosine")),
    **{
        f"{metric} of {shape}": (measured(UNIT, metric), measured(np.ones(shape), metric))
        for shape in ((1,), (4,), (8, 1), (1, 8), ())
        for metric in get_args(Metric)
    },
}


@pytest.mark.parametrize(("one", "other"), OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_other_kinds_have_no_similarity(one: Embedding, other: Embedding) -> None:
    with pytest.raises(MatchersDifferError, match="no similarity"):
        similarity(one, other)


@pytest.mark.parametrize("factor", [0.0, 0.9, 1.1, np.nan, np.inf])
def test_non_unit_vector_has_no_cosine(factor: float) -> None:
    with pytest.raises(InferenceError, match="length"):
        similarity(measured(UNIT, "cosine"), measured(UNIT * np.float32(factor), "cosine"))


@pytest.mark.parametrize(("value", "match"), [(0, "zero"), (np.nan, "not finite"), (np.inf, "not finite")])
def test_senseless_vector_has_no_distance(value: float, match: str) -> None:
    for other in (np.full(8, value), np.ones(8)):
        with pytest.raises(InferenceError, match=match), np.errstate(invalid="ignore"):
            similarity(measured(np.full(8, value)), measured(other))
