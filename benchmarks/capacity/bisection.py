"""The most that is carried, found by trying: twice as much until it breaks, then the middle between."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.harness.result import Figure

Search: TypeAlias = Generator[float, bool, None]
"""Gives what to try next, and is sent whether that was carried."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was tried, and what it came to."""

    load: float
    broken: tuple[str, ...]
    """Why this is more than is carried; empty where it is carried."""
    figures: tuple[Figure, ...]


def search(first: float, finest: Callable[[float], float], most: float) -> Search:
    """From `first` on, doubled; then the gap is halved until it is at most `finest` of what was carried.

    Nothing above `most` is tried. Where the first is not carried it is over: too much was asked for.
    """
    carried, trying = 0.0, first
    while (yield trying):
        if trying >= most:
            return
        carried, trying = trying, min(2 * trying, most)
    broke = trying
    while carried and broke - carried > finest(carried):
        middle = (carried + broke) / 2
        if (yield middle):
            carried = middle
        else:
            broke = middle


def steps(trying: Search, take: Callable[[float], Step]) -> Iterator[Step]:
    """Each load that is tried, in order."""
    load = next(trying)
    while True:
        step = take(load)
        yield step
        try:
            load = trying.send(not step.broken)
        except StopIteration:
            return


def most_carried(taken: Sequence[Step]) -> float:
    return max((step.load for step in taken if not step.broken), default=0.0)
