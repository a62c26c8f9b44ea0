"""A capture that ends early decides what the most frames would; it never ends with too few."""

from hypothesis import given
from hypothesis import strategies as st

from lane.capture.stop_rule import agreed, reach, settled
from tests.support.lane.example_evidence import BAND, POLICY

RULE, ADMIT = POLICY.capture, BAND.admit
SCORE = st.floats(-1, 1)
NEAR = st.floats(ADMIT - 0.15, ADMIT + 0.15)


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
