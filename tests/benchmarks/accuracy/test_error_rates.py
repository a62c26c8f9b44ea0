"""From scores to rates, on scores that can be counted by hand."""

import math
from collections.abc import Iterable, Sequence

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
from benchmarks.accuracy.scores import Impostors, Scores, listed_impostors
from benchmarks.harness.result import Figure, Name, NotAvailable
from tests.support.benchmarks.made_up_scores import outcome, scored

GENUINE = (0.9, 0.8, 0.7, 0.4)
STRANGERS = (0.5, 0.3, 0.2, 0.1)


def _impostors(scores: Scores) -> Impostors:
    return listed_impostors(scored(scores))


def _outcome(
    genuine: Sequence[float] | Scores = GENUINE,
    strangers: Sequence[float] | Scores = STRANGERS,
    missed: int = 0,
    people: int = 30,
) -> Outcome:
    return outcome(genuine, strangers, missed, people)


def test_score_on_threshold_matches_like_policy() -> None:
    found = _outcome()
    assert (found.fmr(0.5).errors, found.fmr(0.51).errors) == (1, 0)
    assert found.fnmr(0.7).errors == 1


def test_uncompared_pair_is_rejection_not_fnm() -> None:
    found = _outcome(missed=4)
    assert (found.fnmr(0.5).errors, found.fnmr(0.5).n) == (1, 4)
    assert (found.frr(0.5).errors, found.frr(0.5).n) == (5, 8)


def test_equal_error_rate_is_rates_crossing() -> None:
    assert eer(_outcome()) == 0.25
    assert eer(_outcome(STRANGERS, GENUINE)) == 0.75
    assert eer(_outcome([0.8, 0.9], [0.1, 0.2])) == 0
    assert math.isnan(eer(_outcome(GENUINE, [])))
    uninformative = np.linspace(0, 1, 1001)
    assert eer(_outcome(uninformative, uninformative)) == pytest.approx(0.5, abs=1e-3)


def test_rate_threshold_admits_exact_share() -> None:
    strangers = np.arange(1000) / 1000
    for target, count in ((1e-2, 10), (1e-3, 1)):
        threshold = threshold_for(_impostors(strangers), target)
        assert threshold is not None
        assert threshold == pytest.approx(0.999 - count / 1000, abs=1e-5)
        assert (strangers >= threshold).sum() == count
    assert threshold_for(_impostors(strangers[:999]), 1e-3) is None, "too few to show such a rate"


@given(
    arrays(np.float64, st.integers(1, 300), elements=st.floats(-1, 1)), st.sampled_from([0.01, 0.1, 0.3, 1])
)
def test_no_threshold_ever_exceeds_its_target(strangers: Scores, target: float) -> None:
    threshold = threshold_for(_impostors(strangers), target)
    if threshold is None:
        assert strangers.size * target < 1
    else:
        assert (strangers >= threshold).mean() <= target


def by_name(figures: Iterable[Figure]) -> dict[Name, Figure]:
    """Without the table's name."""
    return {one.name[1:]: one for one in figures}


def test_worst_group_has_most_false_matches() -> None:
    groups = {"few": _outcome(), "many": _outcome(strangers=[0.8, 0.6, 0.5, 0.4])}
    found = by_name(worst_over_best("m", groups, 0.5))
    assert found["FMR", "worst"].note == "worst: many; best: few"
    assert found["FMR", "ratio"].number == 3
    assert found["FNMR", "ratio"].number == 1


def test_least_known_equal_group_is_worst() -> None:
    groups = {"known": _outcome(strangers=np.zeros(900)), "unknown": _outcome(strangers=np.zeros(9))}
    found = by_name(worst_over_best("m", groups, 0.5))
    assert found["FMR", "worst"].note == "worst: unknown; best: known"
    assert found["FMR", "ratio"].number is None


def test_small_group_is_not_worst() -> None:
    groups = {"few": _outcome(strangers=[0.9, 0.9], people=19), "many": _outcome(people=20)}
    for some, worst in ((groups, "many"), ({"few": groups["few"]}, "few")):
        assert by_name(worst_over_best("m", some, 0.5))["FMR", "worst"].note.startswith(f"worst: {worst};")


def test_common_threshold_is_worst_groups() -> None:
    strangers = np.arange(1000) / 2000
    groups = {"low": _outcome(strangers=strangers), "high": _outcome(strangers=strangers + 0.2)}
    found = by_name(at_worst_group("t", groups))
    assert found["1e-2", "threshold"].note == "worst: high"
    assert found["1e-2", "high", "FMR"].errors == 10
    assert found["1e-2", "low", "FMR"].errors == 0
    assert found["1e-4",].number is None


def test_summary_compares_groups_at_common_rate() -> None:
    strangers = np.arange(20_000) / 40_000
    groups = {"low": _outcome(strangers=strangers), "high": _outcome(strangers=strangers + 0.0001)}
    found = by_name(when_one_has("m", groups))
    assert found["low", "FMR of the worst"].note == "worst: high"
    assert found["low", "FMR of the worst"].errors == 6
    assert found["low", "times"].number == pytest.approx(3)
    assert found["high", "times"].number == pytest.approx(1)


def test_summary_has_intervals_and_names_gaps() -> None:
    figures = list(summary("m", "all", _outcome(missed=1, people=5), 0.5, [0.5, 0.455]))
    found = by_name(figures)
    assert [found["all", column].number for column in ("people", "genuine", "impostors")] == [5, 4, 4]
    assert [found["all", kind].number for kind in ("FMR", "FNMR", "FRR")] == [0.25, 0.25, 0.4]
    assert found["all", "FMR"].interval == pytest.approx((0.00631, 0.80588), abs=1e-5)
    for target in ("1e-2", "1e-3", "1e-4", "1e-5"):
        assert found["all", target].value == NotAvailable(not_available="too few impostors")
    thresholds = {one.name[2] for one in figures if one.name[0] == "m by threshold"}
    assert thresholds == {"0.50", "0.455"}


def test_no_rates_without_threshold_or_pairs() -> None:
    assert ("all", "FMR") not in by_name(summary("m", "all", _outcome(), None))
    found = by_name(summary("m", "all", _outcome([], []), 0.5))
    assert found["all", "FMR"].number is found["all", "FNMR"].number is found["all", "EER"].number is None


def test_intervals_over_people_accompany_exact_ones() -> None:
    weights, strangers = draw(np.arange(8), 8), listed_impostors(scored(STRANGERS, 8))
    drawn = Outcome(scored(GENUINE, 8), strangers, people=8, weights=weights)
    figures = {one.name: one for one in summary("m", "all", drawn, 0.5, [0.5])}
    one = figures["m", "all", "FNMR"]
    assert one.by_people is not None
    assert one.by_people[0] <= (one.number or 0) <= one.by_people[1]
    assert figures["m by threshold", "all", "0.50", "FMR"].by_people == figures["m", "all", "FMR"].by_people
