"""Many scores in little memory, against the plain computation of every one."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy import scores
from benchmarks.accuracy.scores import EDGES, Gallery, Scores, all_impostors, joined, listed_impostors, paired
from benchmarks.errors import BenchmarkError
from models.values.identity import Metric
from tests.support.benchmarks.made_up_scores import gallery, scored

THRESHOLDS = (-0.3, 0.0, 0.1, 0.123456, 1 / 3, 0.9)


def _gallery(seed: int, pictures: int, people: int, metric: Metric = "cosine") -> Gallery:
    return gallery(seed, np.random.default_rng(seed).integers(0, people, pictures), metric)


def _plain(gallery: Gallery) -> Scores:
    """Every pair of strangers, one at a time."""
    found = [
        paired(gallery.vectors[[a]], gallery.vectors[[b]], gallery.metric)[0]
        for a, b in combinations(range(len(gallery.people)), 2)
        if gallery.people[a] != gallery.people[b]
    ]
    return np.array(found)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@given(seed=st.integers(0, 1000), pictures=st.integers(0, 40), people=st.integers(1, 10))
def test_every_strangers_pair_counted_once_exactly(
    metric: Metric, seed: int, pictures: int, people: int
) -> None:
    made = _gallery(seed, pictures, people, metric)
    found, plain = all_impostors(made, people), _plain(made)
    assert found.n == len(plain)
    assert np.allclose(found.top.scores, np.sort(plain), atol=1e-7)
    for threshold in THRESHOLDS:
        assert found.reaching(threshold) == (plain >= threshold).sum()
    pairs = set(zip(found.top.first.tolist(), found.top.second.tolist(), strict=True))
    assert all(one != other for one, other in pairs)


def test_sparse_blocks_count_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    made = _gallery(1, 700, 90)
    plain = all_impostors(made, 90)
    monkeypatch.setattr(scores, "BLOCK", 33)
    monkeypatch.setattr(scores, "KEPT", 50)
    found = all_impostors(made, 90, THRESHOLDS)
    assert len(found.top.scores) <= 50 < len(plain.top.scores)
    assert (found.counts == plain.counts).all()
    assert all(found.reaching(t) == plain.reaching(t) for t in THRESHOLDS)
    assert all(found.reaching(t) == plain.reaching(t) for t in EDGES[:: len(EDGES) // 50])
    assert found.reaching(0.97) == plain.reaching(0.97)
    with pytest.raises(KeyError):
        found.reaching(0.0123)


@given(st.lists(st.floats(-1, 1), max_size=50), st.floats(-1.5, 1.5))
def test_listed_strangers_are_all_kept(values: list[float], threshold: float) -> None:
    found = listed_impostors(scored(values))
    assert found.reaching(threshold) == sum(value >= threshold for value in values)
    at_edges = found.at_edges()
    for place in range(0, len(EDGES), 50_001):
        assert at_edges[place] == sum(value >= EDGES[place] for value in values)


def test_groups_together_hold_what_each_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "KEPT", 400)
    parts = [_gallery(1, 150, 20), _gallery(2, 80, 20)]
    every = joined([all_impostors(part, 20, THRESHOLDS) for part in parts])
    plain = np.concatenate([_plain(part) for part in parts])
    assert every.n == len(plain)
    for threshold in (*THRESHOLDS, float(EDGES[150_000])):
        assert every.reaching(threshold) == (plain >= threshold).sum()


def test_full_score_square_never_in_memory() -> None:
    made = _gallery(1, 5000, 1700)
    tracemalloc.start()
    try:
        found = all_impostors(made, 1700)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.n > 12_000_000
    assert peak < 5000 * 5000 * 8 / 2


def test_non_finite_embedding_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="not finite"):
        Gallery.stack([np.full(4, np.nan, np.float32)], np.array([0]), "cosine")
