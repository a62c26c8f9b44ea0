"""From scores to rates, on scores that can be counted by hand.

People drawn again: always the same draws, the plain arithmetic, and wider where people repeat.
"""

import math
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.accuracy import error_rates
from benchmarks.accuracy.error_rates import draw_people, eer, fmr_intervals, fnmr_intervals, summary
from benchmarks.accuracy.scores import Impostors, Scored, Scores, all_impostors, listed_impostors
from benchmarks.harness.result import Figure, Name, NotAvailable
from lane.evaluation.intervals import rate
from tests.support.benchmarks.made_up_scores import gallery, outcome, scored

GENUINE = (0.9, 0.8, 0.7, 0.4)
STRANGERS = (0.5, 0.3, 0.2, 0.1)
GALLERY = gallery(3, np.repeat(np.arange(12), 3), axes=4)


def _impostors(scores: Scores) -> Impostors:
    return listed_impostors(scored(scores))


def test_score_on_threshold_matches_and_uncompared_pair_is_rejected() -> None:
    """As by the policy; a pair that could not be compared is no false non-match."""
    found = outcome(GENUINE, STRANGERS, 4)
    assert (found.fmr(0.5).errors, found.fmr(0.51).errors) == (1, 0)
    assert found.fnmr(0.7).errors == 1
    assert (found.fnmr(0.5).errors, found.fnmr(0.5).n) == (1, 4)
    assert (found.frr(0.5).errors, found.frr(0.5).n) == (5, 8)


def test_equal_error_rate_is_rates_crossing() -> None:
    assert eer(outcome(GENUINE, STRANGERS)) == 0.25
    assert eer(outcome(STRANGERS, GENUINE)) == 0.75
    assert eer(outcome([0.8, 0.9], [0.1, 0.2])) == 0
    assert math.isnan(eer(outcome(GENUINE, [])))
    uninformative = np.linspace(0, 1, 1001)
    assert eer(outcome(uninformative, uninformative)) == pytest.approx(0.5, abs=1e-3)


def test_rate_threshold_admits_exact_share() -> None:
    strangers = np.arange(1000) / 1000
    for target, count in ((1e-2, 10), (1e-3, 1)):
        threshold = error_rates.threshold_for(_impostors(strangers), target)
        assert threshold is not None
        assert threshold == pytest.approx(0.999 - count / 1000, abs=1e-5)
        assert (strangers >= threshold).sum() == count
    assert error_rates.threshold_for(_impostors(strangers[:999]), 1e-3) is None, "too few to show such a rate"


@given(
    arrays(np.float64, st.integers(1, 300), elements=st.floats(-1, 1)), st.sampled_from([0.01, 0.1, 0.3, 1])
)
def test_no_threshold_ever_exceeds_its_target(strangers: Scores, target: float) -> None:
    threshold = error_rates.threshold_for(_impostors(strangers), target)
    if threshold is None:
        assert strangers.size * target < 1
    else:
        assert (strangers >= threshold).mean() <= target


def by_name(figures: Iterable[Figure]) -> dict[Name, Figure]:
    """Without the table's name."""
    return {one.name[1:]: one for one in figures}


def test_worst_group_has_most_false_matches() -> None:
    """Of equal ones it is the least known; a small one only where there is no larger."""
    groups = {"few": outcome(GENUINE, STRANGERS), "many": outcome(GENUINE, [0.8, 0.6, 0.5, 0.4])}
    found = by_name(error_rates.worst_over_best("m", groups, 0.5))
    assert found["FMR", "worst"].note == "worst: many; best: few"
    assert found["FMR", "ratio"].number == 3
    assert found["FNMR", "ratio"].number == 1
    groups = {"known": outcome(GENUINE, np.zeros(900)), "unknown": outcome(GENUINE, np.zeros(9))}
    found = by_name(error_rates.worst_over_best("m", groups, 0.5))
    assert found["FMR", "worst"].note == "worst: unknown; best: known"
    assert found["FMR", "ratio"].number is None
    groups = {"few": outcome(GENUINE, [0.9, 0.9], people=19), "many": outcome(GENUINE, STRANGERS, people=20)}
    for some, worst in ((groups, "many"), ({"few": groups["few"]}, "few")):
        assert by_name(error_rates.worst_over_best("m", some, 0.5))["FMR", "worst"].note.startswith(
            f"worst: {worst};"
        )


def test_common_threshold_is_worst_groups() -> None:
    strangers = np.arange(1000) / 2000
    groups = {"low": outcome(GENUINE, strangers), "high": outcome(GENUINE, strangers + 0.2)}
    found = by_name(error_rates.at_worst_group("t", groups))
    assert found["1e-2", "threshold"].note == "worst: high"
    assert found["1e-2", "high", "FMR"].errors == 10
    assert found["1e-2", "low", "FMR"].errors == 0
    assert found["1e-4",].number is None


def test_summary_compares_groups_at_common_rate() -> None:
    strangers = np.arange(20_000) / 40_000
    groups = {"low": outcome(GENUINE, strangers), "high": outcome(GENUINE, strangers + 0.0001)}
    found = by_name(error_rates.when_one_has("m", groups))
    assert found["low", "FMR of the worst"].note == "worst: high"
    assert found["low", "FMR of the worst"].errors == 6
    assert found["low", "times"].number == pytest.approx(3)
    assert found["high", "times"].number == pytest.approx(1)


def test_summary_has_intervals_and_names_gaps() -> None:
    figures = list(summary("m", "all", outcome(GENUINE, STRANGERS, 1, 5), 0.5, [0.5, 0.455]))
    found = by_name(figures)
    assert [found["all", column].number for column in ("people", "genuine", "impostors")] == [5, 4, 4]
    assert [found["all", kind].number for kind in ("FMR", "FNMR", "FRR")] == [0.25, 0.25, 0.4]
    assert found["all", "FMR"].interval == pytest.approx((0.00631, 0.80588), abs=1e-5)
    for target in ("1e-2", "1e-3", "1e-4", "1e-5"):
        assert found["all", target].value == NotAvailable(not_available="too few impostors")
    thresholds = {one.name[2] for one in figures if one.name[0] == "m by threshold"}
    assert thresholds == {"0.50", "0.455"}


def test_no_rates_without_threshold_or_pairs() -> None:
    assert ("all", "FMR") not in by_name(summary("m", "all", outcome(GENUINE, STRANGERS), None))
    found = by_name(summary("m", "all", outcome([], []), 0.5))
    assert found["all", "FMR"].number is found["all", "FNMR"].number is found["all", "EER"].number is None


def test_intervals_over_people_accompany_exact_ones() -> None:
    weights, strangers = draw_people(np.arange(8), 8), listed_impostors(scored(STRANGERS, 8))
    drawn = error_rates.Outcome(scored(GENUINE, 8), strangers, people=8, weights=weights)
    figures = {one.name: one for one in summary("m", "all", drawn, 0.5, [0.5])}
    one = figures["m", "all", "FNMR"]
    assert one.by_people is not None
    assert one.by_people[0] <= (one.number or 0) <= one.by_people[1]
    assert figures["m by threshold", "all", "0.50", "FMR"].by_people == figures["m", "all", "FMR"].by_people


def test_draws_repeat_and_keep_people_count() -> None:
    weights = draw_people(np.array([1, 1, 4, 7]), 9)
    assert (weights == draw_people(np.array([1, 4, 7]), 9)).all()
    assert weights.shape == (9, error_rates.DRAWS)
    assert (weights.sum(0) == 3).all()
    assert not weights[[0, 2, 3, 5, 6, 8]].any()


def test_formed_pairs_match_plain_draw_loop() -> None:
    people = GALLERY.people
    impostors, weights = all_impostors(GALLERY, 12), draw_people(people, 12)
    cosines = GALLERY.vectors @ GALLERY.vectors.T
    found = []
    for drawn in weights.T.astype(int):
        errors = n = 0
        for a, b in combinations(range(len(people)), 2):
            if people[a] != people[b]:
                times = drawn[people[a]] * drawn[people[b]]
                errors += times * (cosines[a, b] >= 0.6)
                n += times
        found.append(errors / n)
    (interval,) = fmr_intervals(impostors, [0.6], weights)
    assert interval == pytest.approx(tuple(np.quantile(found, (0.025, 0.975))))


def test_listed_and_formed_pairs_share_interval() -> None:
    weights = draw_people(GALLERY.people, 12)
    formed = all_impostors(GALLERY, 12)
    listed = listed_impostors(formed.top)
    thresholds = [0.2, 0.9, 0.5]
    one, other = (fmr_intervals(every, thresholds, weights) for every in (listed, formed))
    assert np.allclose(np.array(one, float), np.array(other, float))


def test_clustered_errors_widen_interval_over_people() -> None:
    people = np.repeat(np.arange(20), 50)
    scores = np.where(people == 0, 0.1, 0.9)
    genuine = Scored(scores, people, people)
    (interval,) = fnmr_intervals(genuine, [0.5], draw_people(people, 20))
    exact = rate(50, 1000)
    assert interval is not None
    assert interval[0] < exact.low < exact.high < interval[1]


def test_draws_without_errors_or_strangers_tell_nothing() -> None:
    people = np.arange(20)
    genuine = Scored(np.full(20, 0.9), people, people)
    assert fnmr_intervals(genuine, [0.5], draw_people(people, 20)) == [None]
    assert fmr_intervals(listed_impostors(Scored.none()), [0.5], draw_people(np.array([0]), 1)) == [None]
