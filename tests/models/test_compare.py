import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.compare import similarity
from models.embed import unit_vector
from models.errors import InferenceError, MatchersDifferError
from models.face import Embedding, MatcherIdentity
from models.session import Tensor

MATCHER = MatcherIdentity("a", "0" * 64, "2" * 64)
VECTORS = arrays.arrays(np.float32, 8, elements=st.floats(-100, 100, width=32))


def test_two_matchers_have_no_similarity() -> None:
    vector = unit_vector(np.ones(8, np.float32))
    other_file = MatcherIdentity("a", "1" * 64, "2" * 64)
    with pytest.raises(MatchersDifferError, match="no similarity"):
        similarity(Embedding(vector, MATCHER), Embedding(vector, other_file))


@given(VECTORS, VECTORS)
def test_similarity_is_a_cosine_whatever_the_matcher_answered(one: Tensor, other: Tensor) -> None:
    if min(np.linalg.norm(one), np.linalg.norm(other)) < 1e-3:
        return
    a, b = (Embedding(unit_vector(vector), MATCHER) for vector in (one, other))
    assert -1 <= similarity(a, b) <= 1
    assert similarity(a, b) == similarity(b, a)
    assert similarity(a, a) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("answer", [np.zeros(8), np.full(8, np.nan), np.array([np.inf, 1.0])])
def test_an_answer_without_direction_is_no_embedding(answer: Tensor) -> None:
    with pytest.raises(InferenceError, match="no direction"):
        unit_vector(answer.astype(np.float32))
