"""What a capture scores: the mean of its frames, and never much more than the frame that agrees least."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.measure import SPREAD, Stopwatch, agreed_similarity
from models.errors import InferenceError
from models.face import Embedding, MatcherIdentity
from models.measurement import Measured, NotAssessed

MATCHER = MatcherIdentity("drawn", "0" * 64, "1" * 64)
SCORES = st.lists(st.floats(-1, 1), min_size=1, max_size=8)


def looking(score: float) -> Embedding:
    """An embedding with this similarity to `REFERENCE`."""
    return Embedding(np.array([score, np.sqrt(1 - score**2)], np.float32), MATCHER)


REFERENCE = looking(1)


def agreed(scores: list[float]) -> float:
    found = agreed_similarity(REFERENCE, [looking(score) for score in scores], Stopwatch())
    assert isinstance(found, Measured)
    return found.value


def test_frames_that_agree_score_their_mean() -> None:
    assert agreed([0.60, 0.62, 0.64]) == pytest.approx(0.62, abs=1e-6)


def test_one_frame_of_somebody_else_is_not_outweighed_by_any_number_of_the_holders() -> None:
    assert agreed([0.1, *[0.9] * 40]) == pytest.approx(0.1 + SPREAD, abs=1e-6)


@given(SCORES)
def test_a_capture_scores_between_its_lowest_and_its_mean(scores: list[float]) -> None:
    value = agreed(scores)
    assert min(scores) - 1e-6 <= value <= np.mean(scores) + 1e-6
    assert value <= min(scores) + SPREAD + 1e-6


@given(SCORES, st.integers(0, 7), st.floats(0, 2))
def test_a_frame_that_scores_less_never_raises_the_capture(
    scores: list[float], which: int, less: float
) -> None:
    lowered = list(scores)
    lowered[which % len(scores)] = max(-1.0, lowered[which % len(scores)] - less)
    assert agreed(lowered) <= agreed(scores) + 1e-6


def test_nothing_to_compare_is_not_assessed() -> None:
    assert agreed_similarity(None, [REFERENCE], Stopwatch()) == NotAssessed("no face on the document photo")
    assert agreed_similarity(REFERENCE, [], Stopwatch()) == NotAssessed("no good frame")


def test_a_frame_without_a_finite_score_gives_the_capture_none() -> None:
    broken = Embedding(np.array([np.nan, 0], np.float32), MATCHER)
    with pytest.raises(InferenceError):
        agreed_similarity(REFERENCE, [REFERENCE, broken], Stopwatch())
