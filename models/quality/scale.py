"""From a raw value to 0 to 100, 100 the best: ISO/IEC 29794-5 maps most of its own by a sigmoid.

A mapped value says how near a picture comes to a good portrait. No limit is set on it: limits are set on raw
values, in their own unit.
"""

import math
from collections.abc import Callable

Scale = Callable[[float], float]
"""A raw value to 0 to 100; total for every finite number."""


def sigmoid(value: float, centre: float, width: float) -> float:
    """0 to 1, a half at the centre."""
    return 1 / (1 + math.exp(max(-700.0, min(700.0, (centre - value) / width))))


def rising(centre: float, width: float) -> Scale:
    """Larger is better, 50 at the centre."""
    return lambda value: 100 * sigmoid(value, centre, width)


def falling(centre: float, width: float) -> Scale:
    """Smaller is better, 50 at the centre."""
    return lambda value: 100 * (1 - sigmoid(value, centre, width))


def nearest(best: float, width: float) -> Scale:
    """100 at the best value, falling on both sides."""
    return lambda value: 200 * (1 - sigmoid(abs(value - best), 0, width))


def share(value: float) -> float:
    """A part of one that is better the larger it is."""
    return 100 * value


def linear(worst: float, best: float) -> Scale:
    """0 at the worst value, 100 at the best."""
    return lambda value: 100 * (value - worst) / (best - worst)
