import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from models.detect.align import ARCFACE_112, MOST_SAMPLED_DOWN, align, similarity_transform
from models.errors import InferenceError
from models.networks.known_face import draw_face
from models.values.face import Landmarks


@given(
    scale=st.floats(0.05, 40), turn=st.floats(-3.1, 3.1), x=st.floats(-5000, 5000), y=st.floats(-5000, 5000)
)
def test_any_placed_face_returns_to_template(scale: float, turn: float, x: float, y: float) -> None:
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (ARCFACE_112.landmarks.astype(np.float64) @ rotation.T) * scale + [x, y]
    back = similarity_transform(moved.astype(np.float32), ARCFACE_112.landmarks)
    assert np.allclose(moved @ back[:, :2].T + back[:, 2], ARCFACE_112.landmarks, atol=0.1)


@pytest.mark.parametrize("scale", [1.0, 1.7, 2.5, 6.3])
def test_aligned_face_looks_as_drawn(scale: float) -> None:
    side = int(200 * scale)
    large = draw_face(side, side, scale=scale, left=40 * scale, top=40 * scale)
    landmarks = ((ARCFACE_112.landmarks + 40) * scale).astype(np.float32)
    aligned = align(large, landmarks, ARCFACE_112)
    difference = aligned.image_bgr.astype(int) - draw_face(112, 112, scale=1, left=0, top=0)
    assert aligned.image_bgr.shape == (112, 112, 3)
    assert aligned.layout == "arcface-112"
    assert np.abs(difference).mean() < 1.5


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((1120, 1120, 3), np.uint8)
    stripes[:, ::2] = 255
    aligned = align(stripes, ARCFACE_112.landmarks * 10, ARCFACE_112)
    assert np.abs(aligned.image_bgr[8:-8, 8:-8].astype(int) - 127).max() <= 3


@given(
    shrink=st.floats(2.01, 9),
    left=st.floats(-300, 600),
    top=st.floats(-300, 600),
    width=st.integers(701, 900),
    height=st.integers(701, 900),
)
def test_shrinking_face_stays_in_place(
    shrink: float, left: float, top: float, width: int, height: int
) -> None:
    """A slope of grey across the picture, and one down it, are the same slopes on the crop."""
    x, y = np.meshgrid(np.arange(width) / 4, np.arange(height) / 4)
    picture = np.rint(np.dstack([x, y, np.full_like(x, 200)])).astype(np.uint8)
    crop = align(picture, ARCFACE_112.landmarks * shrink + (left, top), ARCFACE_112).image_bgr.astype(float)
    u, v = np.meshgrid(np.arange(112) * shrink + left, np.arange(112) * shrink + top)
    edge = 2 * shrink
    inside = (u > edge) & (u < width - 1 - edge) & (v > edge) & (v < height - 1 - edge)
    assert np.abs(crop[..., 0] - u / 4)[inside].max(initial=0) < 1.5
    assert np.abs(crop[..., 1] - v / 4)[inside].max(initial=0) < 1.5
    assert (crop[..., 2][inside] == 200).all()


@given(shrink=st.floats(2.01, 40), width=st.integers(1, 50), height=st.integers(1, 50))
def test_small_picture_breaks_nothing(shrink: float, width: int, height: int) -> None:
    white = np.full((height, width, 3), 255, np.uint8)
    crop = align(white, ARCFACE_112.landmarks * shrink - 56 * shrink + 25, ARCFACE_112).image_bgr
    assert crop.shape == (112, 112, 3)


def test_outside_is_black_and_harmless() -> None:
    white = np.full((50, 60, 3), 255, np.uint8)
    for offset in (-10_000, -80, 30, 10_000):
        aligned = align(white, ARCFACE_112.landmarks * 3 + offset, ARCFACE_112)
        assert set(np.unique(align(white, ARCFACE_112.landmarks + 10_000, ARCFACE_112).image_bgr)) == {0}
        assert aligned.image_bgr.shape == (112, 112, 3)


@given(
    scale=st.floats(0.5, 3),
    turn=st.floats(-3.1, 3.1),
    x=st.floats(-150, 150),
    y=st.floats(-150, 150),
    seed=st.integers(0, 99),
)
def test_crop_samples_three_channels_exactly(
    scale: float, turn: float, x: float, y: float, seed: int
) -> None:
    """With a fourth it takes less time, and what lies outside of what a crop shows is never read."""
    picture = np.random.default_rng(seed).integers(0, 256, (120, 90, 3), np.uint8)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    landmarks = ((ARCFACE_112.landmarks - [x, y]) @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)
    to_layout = similarity_transform(landmarks, ARCFACE_112.landmarks)
    if 1 / np.hypot(to_layout[0, 0], to_layout[1, 0]) > MOST_SAMPLED_DOWN:
        return
    expected = cv2.warpAffine(picture, to_layout, (112, 112), flags=cv2.INTER_LINEAR)
    assert np.array_equal(align(picture, landmarks, ARCFACE_112).image_bgr, expected)


@given(arrays(np.float32, (5, 2), elements=st.floats(width=32)))
def test_any_landmarks_crop_or_err(landmarks: Landmarks) -> None:
    picture = np.full((50, 60, 3), 255, np.uint8)
    try:
        assert align(picture, landmarks, ARCFACE_112).image_bgr.shape == (112, 112, 3)
    except InferenceError:
        return


def around(ring: NDArray[np.complex128]) -> Landmarks:
    return np.stack([ring.real, ring.imag], 1).astype(np.float32)


RING = np.exp(2j * np.pi * np.arange(5) / 5)


@pytest.mark.parametrize(
    ("landmarks", "target"),
    [
        *((np.full((5, 2), one, np.float32), ARCFACE_112.landmarks) for one in (0.0, np.nan, np.inf)),
        (around(RING**2), around(RING)),
    ],
    ids=["in one point", "no numbers", "infinite", "twice round"],
)
def test_unfacelike_points_are_refused(landmarks: Landmarks, target: Landmarks) -> None:
    with pytest.raises(InferenceError, match="span"), np.errstate(invalid="ignore"):
        similarity_transform(landmarks, target)
