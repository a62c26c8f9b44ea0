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


def linear(worst: float, best: float) -> Scale:
    """0 at the worst value, 100 at the best."""
    return lambda value: 100 * (value - worst) / (best - worst)


def plateau(low: float, high: float, width: float) -> Scale:
    """50 at both ends, 100 between."""
    return lambda value: 100 * sigmoid(value, low, width) * (1 - sigmoid(value, high, width))


def from_middle(offset: float) -> float:
    """100 in the middle, 0 at the edge, half a picture away."""
    return 100 * (1 - 2 * abs(offset))


def cosine_squared(degrees: float) -> float:
    """None from a right angle on."""
    return 100 * math.cos(math.radians(degrees)) ** 2 if abs(degrees) < 90 else 0.0


def root(part: float) -> float:
    """The third root, about, of a part of one."""
    return 100 * math.pow(max(0.0, part), 0.3)


def dark(part: float) -> float:
    """Falls where nearly all of the face is dark."""
    return 120 * (0.832 - sigmoid(part, 0.92, 0.05))


def burnt_out(part: float) -> float:
    """100 for nothing, 50 for a hundredth of the face, 9 for a tenth."""
    return 1 / (max(0.0, part) + 0.01)
