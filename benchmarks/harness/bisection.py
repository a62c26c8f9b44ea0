"""The most that is carried, found by trying: twice as much until it breaks, then the middle between."""

from collections.abc import Callable, Generator
from typing import TypeAlias

Search: TypeAlias = Generator[float, bool, None]
"""Gives what to try next, and is sent whether that was carried."""


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


def once(load: float) -> Search:
    """No search: this alone."""
    yield load


def next_load(trying: Search, *, carried: bool) -> float | None:
    """What to try next after this; None where the search is over."""
    try:
        return trying.send(carried)
    except StopIteration:
        return None
