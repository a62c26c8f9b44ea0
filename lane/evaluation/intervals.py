"""How far a rate can be trusted: exact binomial intervals and tests, by arithmetic alone."""

import math
from dataclasses import dataclass

CONFIDENCE = 0.95
SMALLEST = 1e-300
"""Keeps Lentz's continued fraction from dividing by zero."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`errors` of `n`, with the Clopper-Pearson interval; all NaN where nothing was tried."""

    errors: int
    n: int
    rate: float
    low: float
    high: float

    def plain(self) -> dict[str, float | int | None]:
        numbers = {"rate": self.rate, "low": self.low, "high": self.high}
        rounded = {name: None if math.isnan(x) else float(f"{x:.4g}") for name, x in numbers.items()}
        return {**rounded, "errors": self.errors, "n": self.n}


def rate(errors: int, n: int) -> Rate:
    """The rate with its 95 % interval (Clopper and Pearson, 1934): covers at least that often, never less."""
    if n == 0:
        return Rate(0, 0, math.nan, math.nan, math.nan)
    tail = (1 - CONFIDENCE) / 2
    low = beta_quantile(tail, errors, n - errors + 1) if errors > 0 else 0.0
    high = beta_quantile(1 - tail, errors + 1, n - errors) if errors < n else 1.0
    return Rate(errors, n, errors / n, low, high)


def chance(errors: int, n: int, limit: float) -> float:
    """How often so many errors or more come in `n` where the true rate is `limit`: one-sided, exact."""
    return 1.0 if errors <= 0 else beta_cdf(limit, errors, n - errors + 1)


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Where the Beta(a, b) distribution reaches this probability, by bisection to the last bit."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return middle


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), to about 1e-12."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1 - beta_cdf(1 - x, b, a)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    log_front = a * math.log(x) + b * math.log1p(-x) - log_beta
    return math.exp(log_front) / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1 + d1/(1 + d2/(1 + ...)) of DLMF 8.17.22, by Lentz's method."""
    value = above = 1.0
    below = 0.0
    for step in range(1, 2000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        below = 1 / _not_zero(1 + term * below)
        above = _not_zero(1 + term / above)
        value *= above * below
        if abs(above * below - 1) < 1e-15:
            break
    return value


def _not_zero(x: float) -> float:
    return x if abs(x) > SMALLEST else SMALLEST
