"""From scores to rates, on scores that can be counted by hand."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.accuracy.bootstrap import draw
from benchmarks.accuracy.error_rates import (
    Outcome,
    at_worst_group,
    eer,
    summary,
    threshold_for,
    when_one_has,
    worst_over_best,
)
from benchmarks.accuracy.scores import Impostors, Scored, Scores, listed_impostors

GENUINE = (0.9, 0.8, 0.7, 0.4)
STRANGERS = (0.5, 0.3, 0.2, 0.1)


def _scored(scores: Sequence[float] | Scores, people: int = 1000) -> Scored:
    """The first person with the second, the third with the fourth, and so on in a circle."""
    one = np.arange(len(scores)) * 2 % people
    return Scored(np.array(scores, np.float64), one, one + 1)


def _impostors(scores: Sequence[float] | Scores) -> Impostors:
    return listed_impostors(_scored(scores))


def _outcome(
    genuine: Sequence[float] | Scores = GENUINE,
    strangers: Sequence[float] | Scores = STRANGERS,
    missed: int = 0,
    people: int = 30,
) -> Outcome:
    return Outcome(_scored(genuine), _impostors(strangers), genuine_missed=missed, people=people)


def test_a_score_on_the_threshold_matches_as_in_the_policy() -> None:
    outcome = _outcome()
    assert outcome.fmr(0.5).errors == 1
    assert outcome.fnmr(0.7).errors == 1
    assert outcome.fmr(0.51).errors == 0


def test_a_pair_that_could_not_be_compared_is_a_rejection_but_no_false_non_match() -> None:
    outcome = _outcome(missed=4)
    assert (outcome.fnmr(0.5).errors, outcome.fnmr(0.5).n) == (1, 4)
    assert (outcome.frr(0.5).errors, outcome.frr(0.5).n) == (5, 8)


def test_the_equal_error_rate_is_where_both_rates_meet() -> None:
    assert eer(_outcome()) == 0.25
    assert eer(_outcome(STRANGERS, GENUINE)) == 0.75
    assert eer(_outcome([0.8, 0.9], [0.1, 0.2])) == 0
    assert math.isnan(eer(_outcome(GENUINE, [])))


def test_scores_that_say_nothing_have_an_equal_error_rate_of_one_half() -> None:
    scores = np.linspace(0, 1, 1001)
    assert eer(_outcome(scores, scores)) == pytest.approx(0.5, abs=1e-3)


def test_the_threshold_for_a_rate_lets_through_just_so_many() -> None:
    strangers = np.arange(1000) / 1000
    threshold = threshold_for(_impostors(strangers), 1e-2)
    assert threshold is not None
    assert (strangers >= threshold).sum() == 10
    assert threshold == pytest.approx(0.989, abs=1e-5)


def test_too_few_impostors_show_no_low_rate() -> None:
    assert threshold_for(_impostors(np.arange(999) / 1000), 1e-3) is None
    assert threshold_for(_impostors(np.arange(1000) / 1000), 1e-3) is not None


@given(
    arrays(np.float64, st.integers(1, 300), elements=st.floats(-1, 1)), st.sampled_from([0.01, 0.1, 0.3, 1])
)
def test_no_threshold_ever_exceeds_its_target(strangers: Scores, target: float) -> None:
    threshold = threshold_for(_impostors(strangers), target)
    if threshold is None:
        assert strangers.size * target < 1
    else:
        assert (strangers >= threshold).mean() <= target


def test_the_worst_group_is_the_one_with_the_most_false_matches() -> None:
    groups = {"few": _outcome(), "many": _outcome(strangers=[0.8, 0.6, 0.5, 0.4])}
    told = worst_over_best(groups, 0.5)
    assert (told["fmr"]["worst"], told["fmr"]["best"], told["fmr"]["ratio"]) == ("many", "few", 3)
    assert told["fnmr"]["ratio"] == 1


def test_of_equally_good_groups_the_least_known_is_the_worst() -> None:
    groups = {"known": _outcome(strangers=np.zeros(900)), "unknown": _outcome(strangers=np.zeros(9))}
    told = worst_over_best(groups, 0.5)["fmr"]
    assert (told["worst"], told["best"], told["ratio"]) == ("unknown", "known", None)


def test_a_group_of_few_people_is_not_the_worst_one() -> None:
    groups = {"few": _outcome(strangers=[0.9, 0.9], people=19), "many": _outcome(people=20)}
    assert worst_over_best(groups, 0.5)["fmr"]["worst"] == "many"
    assert worst_over_best({"few": groups["few"]}, 0.5)["fmr"]["worst"] == "few"


def test_one_threshold_for_all_is_that_of_the_worst_group() -> None:
    strangers = np.arange(1000) / 2000
    groups = {"low": _outcome(strangers=strangers), "high": _outcome(strangers=strangers + 0.2)}
    at = at_worst_group(groups)["1e-2"]
    assert at["worst_group"] == "high"
    assert at["groups"]["high"]["fmr"]["errors"] == 10
    assert at["groups"]["low"]["fmr"]["errors"] == 0
    assert at_worst_group(groups)["1e-4"] is None


def test_tells_how_much_worse_others_are_when_one_group_has_the_common_rate() -> None:
    strangers = np.arange(20_000) / 40_000
    groups = {"low": _outcome(strangers=strangers), "high": _outcome(strangers=strangers + 0.0001)}
    told = when_one_has(groups)
    assert told["low"]["worst_group"] == "high"
    assert told["low"]["fmr"]["errors"] == 6
    assert told["low"]["times"] == pytest.approx(3)
    assert told["high"]["times"] == pytest.approx(1)


def test_a_summary_is_fractions_with_intervals_and_names_what_it_could_not_show() -> None:
    told = summary(_outcome(missed=1, people=5), 0.5, [0.5, 0.455])
    assert (told["people"], told["genuine"], told["impostors"]) == (5, 4, 4)
    assert (told["fmr"], told["fnmr"], told["frr"]) == (0.25, 0.25, 0.4)
    low, high = told["fmr_interval"]
    assert low == pytest.approx(0.00631, abs=1e-5)
    assert high == pytest.approx(0.80588, abs=1e-5)
    assert told["fnmr_at_fmr"] == {"1e-2": None, "1e-3": None, "1e-4": None, "1e-5": None}
    assert set(told["thresholds"]) == {"0.50", "0.455"}


def test_without_a_threshold_or_without_pairs_any_rate_is_possible() -> None:
    for told in (summary(_outcome(), None), summary(_outcome([], []), 0.5)):
        assert told["fmr"] is told["fnmr"] is None
        assert told["fmr_interval"] == told["fnmr_interval"] == [0, 1]


def test_intervals_over_people_stand_beside_the_exact_ones() -> None:
    scored = _scored(GENUINE, 8)
    weights = draw(np.arange(8), 8)
    outcome = Outcome(scored, listed_impostors(_scored(STRANGERS, 8)), people=8, weights=weights)
    told = summary(outcome, 0.5, [0.5])
    assert told["fnmr_interval_by_people"][0] <= told["fnmr"] <= told["fnmr_interval_by_people"][1]
    assert told["thresholds"]["0.50"]["fmr"]["by_people"] == told["fmr_interval_by_people"]
