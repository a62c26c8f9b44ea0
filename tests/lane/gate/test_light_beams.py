"""Two light beams: one person through is proved, everything else is not."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.gate.light_beams import Crossing, Passing

STEP_S = 0.1
GAP_S = 0.3


def walked(steps: Iterable[str]) -> list[Passing]:
    """One sample each tenth of a second: "a" the entry beam is interrupted, "b" the exit beam, "." none."""
    crossing = Crossing(GAP_S)
    return [
        crossing.see(entry="a" in step, exit_="b" in step, at_s=number * STEP_S)
        for number, step in enumerate(steps)
    ]


@pytest.mark.parametrize(
    ("beams", "how"),
    [
        ("....", Passing.NOT_YET),
        ("aa....", Passing.NOT_YET),
        ("aaxxbb....", Passing.PASSED),
        ("aa....bb....", Passing.PASSED),
        ("a.a.xb.b....", Passing.PASSED),
        ("aaxxbb", Passing.NOT_YET),
        ("aa....aa....", Passing.TURNED_BACK),
        ("aaxxaa.......", Passing.TURNED_BACK),
        ("aa....aa....bb....", Passing.FOLLOWED),
        ("aaxxbb....aa", Passing.FOLLOWED),
        ("aaxxbb....bb", Passing.FOLLOWED),
        ("bb", Passing.FOLLOWED),
        ("aa....bb..x", Passing.FOLLOWED),
        ("aabbb....aaaxxbb....", Passing.FOLLOWED),
    ],
)
def test_beams_tell_how_it_went(beams: str, how: Passing) -> None:
    assert walked("ab" if one == "x" else one for one in beams)[-1] is how


SAMPLES = st.lists(st.sampled_from(["", "a", "b", "ab"]), max_size=60)


@given(SAMPLES)
def test_passing_is_in_then_out(samples: list[str]) -> None:
    """Who passed went in and then out, and left a clear doorway."""
    for number, how in enumerate(walked(samples)):
        if how is Passing.PASSED:
            before = samples[: number + 1]
            assert before[-1] == ""
            entered = next(place for place, one in enumerate(before) if "a" in one)
            left = next(place for place, one in enumerate(before) if "b" in one)
            assert entered <= left


@given(SAMPLES, SAMPLES)
def test_a_follower_is_not_forgotten(samples: list[str], more: list[str]) -> None:
    if walked(samples)[-1:] == [Passing.FOLLOWED]:
        assert walked(samples + more)[-1] is Passing.FOLLOWED


@given(SAMPLES, st.integers(1, 4), st.integers(1, 4))
def test_second_person_never_counts_as_passed(samples: list[str], stay: int, apart: int) -> None:
    one = ["a"] * stay + ["ab"] * stay + ["b"] * stay + [""] * (3 + apart)
    assert walked(one)[-1] is Passing.PASSED
    assert walked(one + one)[-1] is Passing.FOLLOWED
    assert Passing.PASSED not in walked([*one, "a", *samples])[len(one) :]
