"""Intervals against published and closed-form values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.evaluation.intervals import beta_cdf, beta_quantile, chance, rate


@pytest.mark.parametrize(
    ("errors", "n", "low", "high", "rel"),
    [
        pytest.param(0, 3000, 0, 1 - 0.025 ** (1 / 3000), 1e-10, id="no errors, closed form"),
        pytest.param(50, 50, 0.025 ** (1 / 50), 1, 1e-10, id="all errors, closed form"),
        # R: binom.test(errors, n)$conf.int
        (1, 10, 0.002528579, 0.4450161, 1e-6),
        (5, 100, 0.01643188, 0.1128349, 1e-6),
        (50, 100, 0.3983211, 0.6016789, 1e-6),
    ],
)
def test_intervals_agree_with_known_bounds(errors: int, n: int, low: float, high: float, rel: float) -> None:
    found = rate(errors, n)
    assert found.low == pytest.approx(low, rel=rel, abs=0)
    assert found.high == pytest.approx(high, rel=rel, abs=0)


def test_interval_is_exact_for_millions() -> None:
    found = rate(300, 3_000_000)
    assert _at_least(300, 3_000_000, found.low) == pytest.approx(0.025, rel=1e-6)
    assert 1 - _at_least(301, 3_000_000, found.high) == pytest.approx(0.025, rel=1e-6)


def test_nothing_tried_has_no_rate() -> None:
    found = rate(0, 0)
    assert math.isnan(found.rate)
    assert found.plain() == {"rate": None, "low": None, "high": None, "errors": 0, "n": 0}


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_contains_its_rate(counts: tuple[int, int]) -> None:
    found = rate(*counts)
    assert 0 <= found.low <= found.rate <= found.high <= 1


@given(st.floats(0.001, 0.999), st.floats(0.6, 400), st.floats(0.6, 400))
def test_the_quantile_undoes_the_distribution(probability: float, a: float, b: float) -> None:
    assert beta_cdf(beta_quantile(probability, a, b), a, b) == pytest.approx(probability, abs=1e-8)


def test_the_distribution_agrees_with_closed_forms() -> None:
    assert beta_cdf(0.3, 1, 1) == pytest.approx(0.3, rel=1e-12)
    assert beta_cdf(0.3, 2, 1) == pytest.approx(0.09, rel=1e-12)
    assert beta_cdf(0.3, 2, 2) == pytest.approx(3 * 0.09 - 2 * 0.027, rel=1e-12)
    assert (beta_cdf(0, 2, 2), beta_cdf(1, 2, 2)) == (0, 1)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(1e-4, 0.9))
def test_chance_of_errors_is_binomial_tail(counts: tuple[int, int], limit: float) -> None:
    assert chance(*counts, limit) == pytest.approx(_at_least(*counts, limit), abs=1e-8)


def _at_least(errors: int, n: int, p: float) -> float:
    """P(X >= errors) for X ~ Binomial(n, p), summed term by term."""
    logs = (
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
        for k in range(errors)
    )
    return 1 - math.fsum(math.exp(term) for term in logs)
