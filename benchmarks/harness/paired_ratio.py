"""Two things in turns, so that whatever slows the machine slows both: their ratio, and how sure it is."""

from collections.abc import Sequence
from statistics import median
from typing import Any


def middle(ratios: Sequence[float], digits: int = 4) -> dict[str, Any]:
    """Their median and its 95 % interval, by order statistics: nothing is supposed of how they spread."""
    ordered = sorted(ratios)
    outside = max(0, int(len(ordered) / 2 - 0.98 * len(ordered) ** 0.5))
    ends = (ordered[outside], ordered[-1 - outside])
    return {
        "ratio": round(median(ordered), digits),
        "interval": [round(end, digits) for end in ends],
        "n": len(ordered),
    }


def of_each(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Pair by pair."""
    return [one / other for one, other in zip(above, below, strict=True)]
