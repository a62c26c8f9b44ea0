"""How much of a test that runs many times is in the quick tier; `make test-thorough` runs all of it."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings


def parametrize(names: str | tuple[str, ...], values: Iterable[Any], *, quick: int) -> pytest.MarkDecorator:
    """As `pytest.mark.parametrize`; all but so many of the values are for the thorough tier alone."""
    several = isinstance(names, tuple)
    marked = [
        one if number < quick else pytest.param(*(one if several else (one,)), marks=pytest.mark.thorough)
        for number, one in enumerate(values)
    ]
    return pytest.mark.parametrize(names, marked)


def examples(most: int) -> int:
    """How often a property is tried whose one example takes long: a fifth as often in the quick tier."""
    return max(1, most // 5) if settings.get_current_profile_name() == "quick" else most
