"""Two pictures are the same to the pixel, or they are not."""

import numpy as np
import pytest

from lane.cameras.frame import same_pixels


@pytest.mark.parametrize("row", [0, 7, 8, 40, 59])
def test_one_changed_value_differs(row: int) -> None:
    one = np.random.default_rng(row).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    other = one.copy()
    assert same_pixels(one, other)
    other[row, 79, 2] ^= 1
    assert not same_pixels(one, other)


@pytest.mark.parametrize("shape", [(61, 80, 3), (60, 79, 3), (60, 80), (8, 80, 3), (0, 80, 3)])
def test_pictures_of_two_sizes_differ(shape: tuple[int, ...]) -> None:
    assert not same_pixels(np.zeros((60, 80, 3), np.uint8), np.zeros(shape, np.uint8))
