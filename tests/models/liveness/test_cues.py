"""Cues tell a plane from a head, and what moves from what does not; the score is one number of them all."""

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detect.face_mesh import COUNT, INNER_LIPS, five_points, mean_shape
from models.liveness import score
from models.liveness.frames import Look
from models.liveness.score import take
from models.values.face import Box, Face, ImageBGR, Mesh
from models.values.measurement import Measure, Measured, NotAssessed

RNG = np.random.default_rng(4)
GREY: ImageBGR = np.full((480, 640, 3), 128, np.uint8)


def head() -> np.ndarray:
    """468×3: the mean shape, bulged towards the camera, eyes some 100 px apart, in the picture's middle."""
    numbers, shape = mean_shape()
    points = np.tile([320.0, 240.0, 0.0], (COUNT, 1)) + RNG.normal(0, 40, (COUNT, 3)) * [1, 1, 0]
    points[numbers, :2] = (shape - [56, 72]) * 2.8 + [320, 240]
    across = (points[:, :2] - [320, 240]) / 100
    points[:, 2] = -60 + 60 * (across**2).sum(1)
    return points


HEAD = head()


def look(points: np.ndarray, at_s: float = 0.0, image_bgr: ImageBGR = GREY) -> Look:
    mesh = Mesh(points.astype(np.float32), 1.0)
    landmarks = five_points(mesh)
    low, high = landmarks.min(0), landmarks.max(0)
    return Look(image_bgr, Face(Box(*low, *(high - low)), landmarks, 1.0, mesh), at_s)


def shifted(x: float, y: float = 0) -> np.ndarray:
    return np.asarray(HEAD + np.array([x, y, 0]))


def turned(points: np.ndarray, degrees: float, *, flat: bool, far: float = 900.0) -> np.ndarray:
    """Turned about the upright axis and seen in perspective; `flat`: as a print of it would be."""
    angle = np.deg2rad(degrees)
    centred = points - [320, 240, 0]
    if flat:
        centred = centred * [1, 1, 0]
    x = centred[:, 0] * np.cos(angle) + centred[:, 2] * np.sin(angle)
    z = -centred[:, 0] * np.sin(angle) + centred[:, 2] * np.cos(angle)
    scale = far / (far + z)
    return np.asarray(np.stack([x * scale + 320, centred[:, 1] * scale + 240, points[:, 2]], axis=1))


def value(measure: Measure) -> float:
    assert isinstance(measure, Measured), measure
    return measure.value


def textured(seed: int) -> ImageBGR:
    rough = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8)
    return np.asarray(cv2.resize(rough, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def sheet() -> ImageBGR:
    return np.asarray(cv2.rectangle(GREY.copy(), (150, 50), (490, 450), (250, 250, 250), -1), np.uint8)


def speaking() -> np.ndarray:
    points = HEAD.copy()
    points[INNER_LIPS[1]] += [0, 12, 0]
    return points


def shown(image_bgr: np.ndarray) -> list[Look]:
    return [look(HEAD, image_bgr=image_bgr.clip(0, 255).astype(np.uint8))]


PAPER, PERSON = ([look(turned(HEAD, one, flat=flat)) for one in (0, 5, 10, 15)] for flat in (True, False))
STILL = [look(HEAD)] * 4
TALKING = [look(HEAD), look(speaking())] * 2
ROOM = textured(1)
HELD = [look(HEAD, image_bgr=ROOM), look(shifted(12), image_bgr=np.roll(ROOM, 12, axis=1))]
STANDS = [look(HEAD, image_bgr=ROOM), look(shifted(12), image_bgr=ROOM)]
NOISE = 128 + RNG.normal(0, 6, GREY.shape)
STRIPES = 12 * np.sin(np.arange(640) * 2 * np.pi * 0.3)[None, :, None]
COLOURED = textured(3)
WITHOUT_COLOUR = cv2.cvtColor(cv2.cvtColor(COLOURED, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


@pytest.mark.parametrize(
    ("cue", "looks", "above", "below"),
    [
        pytest.param("planarity", PAPER, 0, 0.05, id="a paper is a plane"),
        pytest.param("planarity", PERSON, 0.2, np.inf, id="a head is none"),
        pytest.param("relief", PERSON, 0.8, 1, id="a head moves by its depth"),
        pytest.param("relief", PAPER, 0, 0.5, id="a paper does not"),
        pytest.param("mouth", STILL, 0, 0, id="a mouth that is still"),
        pytest.param("mouth", TALKING, 0.05, np.inf, id="a mouth that speaks"),
        pytest.param("eyes", STILL, 0, 0, id="eyes that are still"),
        pytest.param("surroundings", HELD, 1, np.inf, id="a paper moves its surroundings along"),
        pytest.param("surroundings", STANDS, -np.inf, -1, id="a person moves before them"),
        pytest.param("border", shown(GREY), 0, 0, id="a wall has no border"),
        pytest.param("border", shown(sheet()), 3, np.inf, id="a sheet has one"),
        pytest.param("colours", shown(WITHOUT_COLOUR), 0, 1, id="a grey print has no colours"),
        pytest.param("colours", shown(COLOURED), 10, np.inf, id="a face has colours"),
    ],
)
def test_cue_tells_plane_from_head(cue: str, looks: list[Look], above: float, below: float) -> None:
    assert above <= value(take(cue, looks)) <= below


def test_raster_stands_out_of_spectrum() -> None:
    assert value(take("moire", shown(NOISE + STRIPES))) > value(take("moire", shown(NOISE))) + 1


def test_still_face_tells_no_shape() -> None:
    same = [look(HEAD), look(shifted(30, 10)), look(HEAD)]
    for cue, looks in (("planarity", same), ("relief", same), ("surroundings", [look(HEAD), look(HEAD)])):
        assert isinstance(take(cue, looks), NotAssessed)


def test_unseen_cues_are_not_assessed() -> None:
    bare = replace(look(HEAD), face=replace(look(HEAD).face, mesh=None))
    cues = score.measure([bare] * 5)

    assert {name for name, one in cues.items() if isinstance(one, NotAssessed)} >= {"planarity", "relief"}
    assert isinstance(take("moire", [look(shifted(-300))]), NotAssessed)


def test_shipped_weights_score_every_run() -> None:
    """But for one of too few looks."""
    few = score.assess([look(HEAD)] * (score.FEWEST_LOOKS - 1))
    cues = score.assess([look(turned(HEAD, one, flat=False), one / 5) for one in range(5)])

    assert few.keys() == {score.SCORE}
    assert cues.keys() == {score.SCORE, *score.CUES}
    assert 0 <= value(cues[score.SCORE]) <= 1


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=12, max_size=12))
def test_score_is_bounded_and_fine_grained(values: list[float | None]) -> None:
    cues: Mapping[str, Measure] = {
        name: NotAssessed("none") if one is None else Measured(one)
        for name, one in zip(score.CUES, values, strict=True)
    }
    found = score.shipped().score(cues)

    if sum(one is not None for one in values) < 6:
        assert isinstance(found, NotAssessed)
    else:
        assert 0 <= value(found) <= 1
    weights = score.shipped()
    name = max(weights.cues, key=lambda one: abs(weights.cues[one].weight))
    steps = {
        value(weights.score(dict.fromkeys(score.CUES, Measured(0.0)) | {name: Measured(one)}))
        for one in np.linspace(-3, 3, 13) * weights.cues[name].deviation + weights.cues[name].mean
    }
    assert len(steps) >= 10


@pytest.mark.parametrize("text", ["", "{}", '{"format": "other", "cues": {}, "constant": 0}'])
def test_what_are_no_weights_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        score.read(text)
