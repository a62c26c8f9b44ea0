"""Drawing people again: always the same draws, the plain arithmetic, and wider where people repeat."""

from itertools import combinations

import numpy as np
import pytest

from benchmarks.accuracy.bootstrap import DRAWS, draw, fmr_intervals, fnmr_intervals
from benchmarks.accuracy.scores import Gallery, Scored, all_impostors, listed_impostors
from lane.evaluation.intervals import rate


def _gallery(people: int = 12, each: int = 3) -> Gallery:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(people * each, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Gallery.of(list(vectors), np.repeat(np.arange(people), each), "cosine")


def test_draws_are_the_same_each_time_and_have_as_many_people_as_there_are() -> None:
    weights = draw(np.array([1, 1, 4, 7]), 9)
    assert (weights == draw(np.array([1, 4, 7]), 9)).all()
    assert weights.shape == (9, DRAWS)
    assert (weights.sum(0) == 3).all()
    assert not weights[[0, 2, 3, 5, 6, 8]].any()


def test_formed_pairs_give_what_a_plain_loop_over_the_draws_gives() -> None:
    gallery = _gallery()
    impostors = all_impostors(gallery, 12)
    weights = draw(gallery.people, 12)
    cosines = gallery.vectors @ gallery.vectors.T
    found = []
    for drawn in weights.T.astype(int):
        errors = n = 0
        for a, b in combinations(range(len(gallery.people)), 2):
            if gallery.people[a] != gallery.people[b]:
                times = drawn[gallery.people[a]] * drawn[gallery.people[b]]
                errors += times * (cosines[a, b] >= 0.6)
                n += times
        found.append(errors / n)
    (interval,) = fmr_intervals(impostors, [0.6], weights)
    assert interval == pytest.approx(tuple(np.quantile(found, (0.025, 0.975))))


def test_listed_and_formed_pairs_of_the_same_people_have_the_same_interval() -> None:
    gallery = _gallery()
    weights = draw(gallery.people, 12)
    formed = all_impostors(gallery, 12)
    listed = listed_impostors(formed.top)
    thresholds = [0.2, 0.9, 0.5]
    one, other = (fmr_intervals(every, thresholds, weights) for every in (listed, formed))
    assert np.allclose(np.array(one, float), np.array(other, float))


def test_an_interval_over_people_is_wider_than_the_exact_one_where_one_person_makes_the_errors() -> None:
    people = np.repeat(np.arange(20), 50)
    scores = np.where(people == 0, 0.1, 0.9)
    genuine = Scored(scores, people, people)
    (interval,) = fnmr_intervals(genuine, [0.5], draw(people, 20))
    exact = rate(50, 1000)
    assert interval is not None
    assert interval[0] < exact.low < exact.high < interval[1]


def test_where_no_error_was_seen_the_draws_tell_nothing() -> None:
    people = np.arange(20)
    genuine = Scored(np.full(20, 0.9), people, people)
    assert fnmr_intervals(genuine, [0.5], draw(people, 20)) == [None]


def test_one_person_alone_has_no_interval_of_strangers() -> None:
    assert fmr_intervals(listed_impostors(Scored.none()), [0.5], draw(np.array([0]), 1)) == [None]
