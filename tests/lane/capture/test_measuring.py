"""What a capture scores: the mean of its frames, as far as they agree on who is there.

One that ends early decides what the most frames would; it never ends with too few.
"""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.capture.measuring import Stopwatch, agreed_similarity
from lane.capture.stop_rule import SPREAD, agreed, reach, settled
from lane.decision.decide import Admit, Refer, decide
from models.embed.similarity import similarity
from models.errors import InferenceError
from models.values.face import Embedding
from models.values.measurement import Measured, NotAssessed
from tests.support.lane.example_evidence import BAND, GOOD, MATCHER, POLICY

RULE, ADMIT = POLICY.capture, BAND.admit
SCORE = st.floats(-1, 1)
NEAR = st.floats(ADMIT - 0.15, ADMIT + 0.15)


def looking(score: float) -> Embedding:
    """An embedding with this similarity to `REFERENCE`."""
    return Embedding(np.array([score, np.sqrt(1 - score**2)], np.float32), MATCHER)


REFERENCE = looking(1)


def score_of(scores: list[float]) -> float:
    found = agreed_similarity(REFERENCE, [looking(score) for score in scores], Stopwatch())
    assert isinstance(found, Measured)
    return found.value


def test_frames_that_agree_score_their_mean() -> None:
    assert score_of([0.60, 0.62, 0.64]) == pytest.approx(0.62, abs=1e-6)


def test_holders_frames_never_outweigh_anothers() -> None:
    assert score_of([0.1, *[0.9] * 40]) == pytest.approx(0.1 + SPREAD, abs=1e-6)


@given(st.lists(SCORE, min_size=1, max_size=8))
def test_score_lies_between_lowest_and_mean(scores: list[float]) -> None:
    value = score_of(scores)
    assert min(scores) - 1e-6 <= value <= np.mean(scores) + 1e-6
    assert value <= min(scores) + SPREAD + 1e-6


def pointing(*direction: float) -> Embedding:
    vector = np.array(direction, np.float64)
    return Embedding((vector / np.linalg.norm(vector)).astype(np.float32), MATCHER)


def outcome(reference: Embedding, probes: list[Embedding]) -> Admit | Refer:
    found = agreed_similarity(reference, probes, Stopwatch())
    return decide(replace(GOOD, similarity=found), POLICY)


def test_holder_carries_no_near_match() -> None:
    """One whose frames match only nearly gains nothing from the holder's."""
    document, holder = pointing(1, 0, 0), pointing(0.8, 0.6, 0)
    score = BAND.admit - SPREAD / 2
    other = pointing(score, 0, np.sqrt(1 - score**2))
    assert outcome(document, [holder, holder]) == decide(GOOD, POLICY)
    for turns in ([holder, other], [other, holder, holder], [holder] * 40 + [other]):
        assert isinstance(outcome(document, turns), Refer)


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda one: np.linalg.norm(one) > 0.1)


@given(st.lists(directions, min_size=1, max_size=5), st.floats(0, 0.6))
def test_admission_needs_all_frames_to_agree(found: list[tuple[float, ...]], apart: float) -> None:
    """`apart` draws frames near the document, so that some are admitted."""
    document = pointing(1, 0, 0)
    probes = [pointing(1, apart * y, apart * z) if apart < 0.5 else pointing(x, y, z) for x, y, z in found]
    if isinstance(outcome(document, probes), Admit):
        scores = [similarity(document, probe) for probe in probes]
        assert np.mean(scores) >= BAND.admit - 1e-9
        assert min(scores) >= BAND.admit - SPREAD
        assert all(similarity(one, other) >= BAND.admit for one, other in combinations(probes, 2))


def test_nothing_to_compare_is_not_assessed() -> None:
    assert agreed_similarity(None, [REFERENCE], Stopwatch()) == NotAssessed("no face on the document photo")
    assert agreed_similarity(REFERENCE, [], Stopwatch()) == NotAssessed("no good frame")


def test_non_finite_frame_voids_capture_score() -> None:
    broken = Embedding(np.array([np.nan, 0], np.float32), MATCHER)
    with pytest.raises(InferenceError):
        agreed_similarity(REFERENCE, [REFERENCE, broken], Stopwatch())


@given(st.lists(SCORE, max_size=RULE.good_frames - 1), st.none() | SCORE)
def test_too_few_frames_settle_nothing(scores: list[float], admit: float | None) -> None:
    assert not settled(scores, (), RULE, admit)


@given(st.lists(SCORE, min_size=RULE.most_good_frames, max_size=60), st.lists(SCORE, max_size=9))
def test_the_most_frames_settle_everything(scores: list[float], among: list[float]) -> None:
    assert settled(scores, among, RULE, ADMIT)


@given(st.lists(SCORE, min_size=RULE.good_frames))
def test_without_threshold_frames_change_nothing(scores: list[float]) -> None:
    assert settled(scores, (), RULE, None)


def test_non_number_score_settles_nothing_early() -> None:
    nan = float("nan")
    assert not settled([nan] * RULE.good_frames, (), RULE, ADMIT)


@given(
    st.lists(NEAR, min_size=RULE.good_frames, max_size=RULE.most_good_frames - 1),
    st.lists(st.floats(0, 1), min_size=RULE.most_good_frames, max_size=RULE.most_good_frames),
    st.lists(st.floats(0.4, 1), max_size=3),
)
def test_early_answer_equals_full_answer(first: list[float], later: list[float], among: list[float]) -> None:
    """Whatever the frames that are left, as long as they score within what one person's frames do."""
    low, high = min(first) - RULE.score_varies, max(first) + RULE.score_varies
    left = [low + share * (high - low) for share in later[len(first) :]]
    whole = agreed([*first, *left], among)
    lowest, highest = reach(first, among, RULE)
    assert lowest - 1e-9 <= whole <= highest + 1e-9
    if settled(first, among, RULE, ADMIT) and abs(whole - ADMIT) > 1e-9:
        assert (agreed(first, among) >= ADMIT) is (whole >= ADMIT)
