"""A search finds where it breaks, and tries no more than it must."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.capacity.bisection import Search, Step, most_carried, search, steps


def tried(trying: Search, breaks_above: float) -> list[float]:
    def take(load: float) -> Step:
        return Step(load, ("too much",) if load > breaks_above else (), ())

    taken = list(steps(trying, take))
    assert most_carried(taken) == max((one.load for one in taken if one.load <= breaks_above), default=0)
    return [one.load for one in taken]


def whole(_: float) -> float:
    return 1


@given(st.integers(1, 128))
def test_highest_carried_and_next_are_tried(breaks_above: int) -> None:
    numbers = tried(search(1, whole, 128), breaks_above)
    assert max(one for one in numbers if one <= breaks_above) == breaks_above
    assert breaks_above == 128 or min(one for one in numbers if one > breaks_above) == breaks_above + 1
    assert all(one == int(one) for one in numbers)
    assert len(set(numbers)) == len(numbers)


def test_search_doubles_then_halves_gap() -> None:
    assert tried(search(1, whole, 128), 5) == [1, 2, 4, 8, 6, 5]
    assert tried(search(360, lambda carried: carried / 4, 1e9), 1000) == [360, 720, 1440, 1080, 900]


@pytest.mark.parametrize("most", [1, 6, 8])
def test_nothing_above_the_most_is_tried(most: int) -> None:
    assert max(tried(search(1, whole, most), 1000)) == most
    assert tried(search(most, whole, most), 1000) == [most], "no search"
    assert tried(search(8 * most, whole, 64), most) == [8 * most], "too high a start"
