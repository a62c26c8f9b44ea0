"""From scores to rates, on scores that can be counted by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.rates import Outcome, Scores, eer, summary, threshold_for, worst_groups

GENUINE = np.array([0.9, 0.8, 0.7, 0.4])
IMPOSTOR = np.array([0.5, 0.3, 0.2, 0.1])


def test_a_score_on_the_threshold_matches_as_in_the_policy() -> None:
    outcome = Outcome(GENUINE, IMPOSTOR)
    assert outcome.fmr(0.5).errors == 1
    assert outcome.fnmr(0.7).errors == 1
    assert outcome.fmr(0.51).errors == 0


def test_a_pair_that_could_not_be_compared_is_a_rejection_but_no_false_non_match() -> None:
    outcome = Outcome(GENUINE, IMPOSTOR, genuine_missed=4)
    assert (outcome.fnmr(0.5).errors, outcome.fnmr(0.5).n) == (1, 4)
    assert (outcome.frr(0.5).errors, outcome.frr(0.5).n) == (5, 8)


def test_the_equal_error_rate_is_where_both_rates_meet() -> None:
    assert eer(GENUINE, IMPOSTOR) == 0.25
    assert eer(IMPOSTOR, GENUINE) == 0.75
    assert eer(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0
    assert math.isnan(eer(GENUINE, np.array([])))


def test_scores_that_say_nothing_have_an_equal_error_rate_of_one_half() -> None:
    scores = np.linspace(0, 1, 1001)
    assert eer(scores, scores) == pytest.approx(0.5, abs=1e-3)


def test_the_threshold_for_a_rate_lets_through_just_so_many() -> None:
    impostor = np.arange(1000) / 1000
    threshold = threshold_for(impostor, 1e-2)
    assert threshold is not None
    assert (impostor >= threshold).sum() == 10
    assert threshold == pytest.approx(0.989)


def test_too_few_impostors_show_no_low_rate() -> None:
    assert threshold_for(np.arange(999) / 1000, 1e-3) is None
    assert threshold_for(np.arange(1000) / 1000, 1e-3) is not None


@given(
    arrays(np.float64, st.integers(1, 300), elements=st.floats(-1, 1)), st.sampled_from([0.01, 0.1, 0.3, 1])
)
def test_no_threshold_ever_exceeds_its_target(impostor: Scores, target: float) -> None:
    threshold = threshold_for(impostor, target)
    if threshold is None:
        assert impostor.size * target < 1
    else:
        assert (impostor >= threshold).mean() <= target


def test_the_worst_group_is_the_one_with_the_most_false_matches() -> None:
    groups = {"few": Outcome(GENUINE, IMPOSTOR), "many": Outcome(GENUINE, IMPOSTOR + 0.3)}
    worst = worst_groups(groups, [0.5])["thresholds"]["0.50"]
    assert worst["group"] == "many"
    assert worst["fmr"]["errors"] == 3


def test_of_equally_good_groups_the_least_known_is_the_worst() -> None:
    groups = {"known": Outcome(GENUINE, np.zeros(900)), "unknown": Outcome(GENUINE, np.zeros(9))}
    assert worst_groups(groups, [0.5])["thresholds"]["0.50"]["group"] == "unknown"


def test_one_threshold_for_all_is_that_of_the_worst_group() -> None:
    impostor = np.arange(1000) / 2000
    groups = {"low": Outcome(GENUINE, impostor), "high": Outcome(GENUINE, impostor + 0.2)}
    at = worst_groups(groups, [])["fnmr_at_fmr"]["1e-2"]
    assert at["group"] == "high"
    assert at["groups"]["high"]["fmr"]["errors"] == 10
    assert at["groups"]["low"]["fmr"]["errors"] == 0


def test_a_summary_names_what_it_could_not_show() -> None:
    told = summary(Outcome(GENUINE, IMPOSTOR, 1, 2, 5), [0.5])
    assert (told["people"], told["genuine_pairs"], told["impostor_pairs"]) == (5, 5, 6)
    assert told["fnmr_at_fmr"] == {"1e-2": None, "1e-3": None, "1e-4": None}
    assert told["thresholds"]["0.50"]["fmr"]["rate"] == 0.25
