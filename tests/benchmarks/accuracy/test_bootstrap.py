"""Drawing people again: always the same draws, the plain arithmetic, and wider where people repeat."""

from itertools import combinations

import numpy as np
import pytest

from benchmarks.accuracy.bootstrap import DRAWS, draw, fmr_intervals, fnmr_intervals
from benchmarks.accuracy.scores import Scored, all_impostors, listed_impostors
from lane.evaluation.intervals import rate
from tests.support.benchmarks.made_up_scores import gallery

GALLERY = gallery(3, np.repeat(np.arange(12), 3), axes=4)


def test_draws_repeat_and_keep_people_count() -> None:
    weights = draw(np.array([1, 1, 4, 7]), 9)
    assert (weights == draw(np.array([1, 4, 7]), 9)).all()
    assert weights.shape == (9, DRAWS)
    assert (weights.sum(0) == 3).all()
    assert not weights[[0, 2, 3, 5, 6, 8]].any()


def test_formed_pairs_match_plain_draw_loop() -> None:
    people = GALLERY.people
    impostors, weights = all_impostors(GALLERY, 12), draw(people, 12)
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
    weights = draw(GALLERY.people, 12)
    formed = all_impostors(GALLERY, 12)
    listed = listed_impostors(formed.top)
    thresholds = [0.2, 0.9, 0.5]
    one, other = (fmr_intervals(every, thresholds, weights) for every in (listed, formed))
    assert np.allclose(np.array(one, float), np.array(other, float))


def test_clustered_errors_widen_interval_over_people() -> None:
    people = np.repeat(np.arange(20), 50)
    scores = np.where(people == 0, 0.1, 0.9)
    genuine = Scored(scores, people, people)
    (interval,) = fnmr_intervals(genuine, [0.5], draw(people, 20))
    exact = rate(50, 1000)
    assert interval is not None
    assert interval[0] < exact.low < exact.high < interval[1]


def test_draws_without_errors_tell_nothing() -> None:
    people = np.arange(20)
    genuine = Scored(np.full(20, 0.9), people, people)
    assert fnmr_intervals(genuine, [0.5], draw(people, 20)) == [None]


def test_single_person_has_no_strangers_interval() -> None:
    assert fmr_intervals(listed_impostors(Scored.none()), [0.5], draw(np.array([0]), 1)) == [None]
