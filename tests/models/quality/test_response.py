"""Each measure of quality follows, step by step, as a real photograph is made worse by known amounts."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest

from models.networks.build import Networks
from models.quality.assessment import assess
from models.quality.components import mapped
from models.quality.motion import Before, motion
from models.values.face import Face, ImageBGR
from models.values.measurement import Measure, Measured
from tests.support.models import degraded_photographs

EYES_APART_PX = 80

Worse = Callable[[ImageBGR, Face, float], ImageBGR]


def found(networks: Networks, image: ImageBGR) -> Face:
    return networks.refined(image, networks.detector.detect(image)[0])


@pytest.fixture(scope="module", params=["obama.jpg", "biden.jpg"])
def photo(networks: Networks, people: dict[str, ImageBGR], request: pytest.FixtureRequest) -> ImageBGR:
    """A photograph's face, with the eyes 80 px apart."""
    return degraded_photographs.portrait(people[request.param], networks.detector, EYES_APART_PX)


def measured(networks: Networks, image: ImageBGR, component: str) -> float:
    return value_of(assess(image, found(networks, image))[component])


def value_of(measure: Measure) -> float:
    assert isinstance(measure, Measured), measure
    return measure.value


def without_face(worse: Callable[[ImageBGR, float], ImageBGR]) -> Worse:
    return lambda image, _, amount: worse(image, amount)


def squeezed(image: ImageBGR, amount: float) -> ImageBGR:
    """Less tall by this part: eyes and mouth are that much less open."""
    return np.asarray(cv2.resize(image, None, fx=1, fy=1 - amount, interpolation=cv2.INTER_AREA), np.uint8)


def cut(image: ImageBGR, face: Face, amount: float) -> ImageBGR:
    """This part of the detector's box lies beyond the left edge."""
    box = face.box_in_image
    return np.ascontiguousarray(image[:, max(0, round(box.x + amount * box.width)) :]) if amount else image


# Component, how it is made worse, by how much, and whether the raw value rises. Each step must move it by a
# hundredth of its whole way at least.
RESPONSES: dict[str, tuple[str, Worse, Sequence[float], bool]] = {
    "blur": ("sharpness", without_face(degraded_photographs.blurred), (0, 1, 2, 4), False),
    "dark": ("brightness", without_face(degraded_photographs.exposed), (1, 0.6, 0.3, 0.1), False),
    "darkness": ("under_exposure", without_face(degraded_photographs.exposed), (1, 0.8, 0.65, 0.5), True),
    "glare": ("over_exposure", without_face(degraded_photographs.exposed), (1.2, 1.4, 1.6), True),
    "window": ("illumination_uniformity", degraded_photographs.lit_from_one_side, (0.3, 0.6), False),
    "veil": ("dynamic_range", without_face(degraded_photographs.veiled), (1, 0.5, 0.25, 0.15), False),
    "grey": ("natural_colour", without_face(degraded_photographs.greyed), (0.8, 0.9, 1), True),
    "JPEG": ("compression", without_face(degraded_photographs.compressed), (95, 60, 30, 10), True),
    "glasses": ("eyes_visible", degraded_photographs.behind_glasses, (0, 0.3, 0.6, 0.9), False),
    "hand": ("mouth_visible", degraded_photographs.behind_hand, (0, 0.3, 0.6, 0.9), False),
    "mask": ("mouth_visible", degraded_photographs.behind_mask, (0, 0.3, 0.6, 0.9), False),
    "covered": ("occlusion", degraded_photographs.behind_glasses, (0, 0.75, 0.85, 0.95), True),
    "eyes": ("eye_opening", without_face(squeezed), (0, 0.15, 0.3), False),
    "far": ("inter_eye_distance_px", without_face(degraded_photographs.farther), (1, 1.5, 2), False),
    "small": ("head_size", without_face(degraded_photographs.farther), (1, 1.5, 2), False),
    "cut": ("shown", cut, (0, 0.3, 0.45), False),
}


@pytest.mark.parametrize(("component", "worse", "amounts", "rises"), RESPONSES.values(), ids=RESPONSES)
def test_measure_follows_every_step(
    networks: Networks, photo: ImageBGR, component: str, worse: Worse, amounts: Sequence[float], rises: bool
) -> None:
    """And the worst picture is not mapped to more than the best."""
    face = found(networks, photo)
    steps = [measured(networks, worse(photo, face, amount), component) for amount in amounts]
    least = abs(steps[-1] - steps[0]) / 100
    assert least > 0
    assert all((after - before if rises else before - after) >= least for before, after in pairwise(steps)), (
        steps
    )
    best, *_, worst = (value_of(mapped(component, Measured(step))) for step in steps)
    assert worst <= best


@pytest.mark.parametrize("eyes", ["r", "l"])
def test_one_covered_eye_is_enough(networks: Networks, photo: ImageBGR, eyes: str) -> None:
    image = degraded_photographs.behind_glasses(photo, found(networks, photo), 0.95, eyes)
    assert measured(networks, image, "eyes_visible") < 0.2
    assert measured(networks, image, "occlusion") > 0.1


def test_noise_makes_no_covered_eye_visible(networks: Networks, photo: ImageBGR) -> None:
    face = found(networks, photo)
    behind = degraded_photographs.behind_glasses(photo, face, 0.95)
    noisy = (behind + np.random.default_rng(0).normal(0, 10, behind.shape)).clip(0, 255).astype(np.uint8)
    assert value_of(assess(noisy, face)["eyes_visible"]) < 0.2


def test_known_head_turn_is_measured(networks: Networks, photo: ImageBGR) -> None:
    face = found(networks, photo)
    for component, axis in (("yaw_deg", 1), ("pitch_deg", 0)):
        heads = [degraded_photographs.turned(face, axis, degrees) for degrees in (-20, 0, 20)]
        angles = [value_of(assess(photo, head)[component]) for head in heads]
        assert np.diff(angles) == pytest.approx([20, 20], abs=3)


def test_picture_turn_tilts_head_equally(networks: Networks, photo: ImageBGR) -> None:
    rolls = [
        measured(networks, degraded_photographs.tilted(photo, degrees), "roll_deg")
        for degrees in (-15, 0, 15)
    ]
    assert np.diff(rolls) == pytest.approx([15, 15], abs=2.5)


def test_coloured_light_is_no_natural_colour(networks: Networks, photo: ImageBGR) -> None:
    assert measured(networks, photo, "natural_colour") == 0
    assert measured(networks, degraded_photographs.in_coloured_light(photo, 1.4), "natural_colour") > 5


def test_face_speed_is_in_eye_distances(networks: Networks, photo: ImageBGR) -> None:
    before = found(networks, photo)
    moved = [found(networks, np.roll(photo, px, axis=1)) for px in (0, 16, 32)]
    speeds = [value_of(motion(Before(before, 0.1), after)) for after in moved]
    assert speeds == pytest.approx([0, 2, 4], abs=0.25)


def test_offsets_are_where_the_face_is(networks: Networks, photo: ImageBGR) -> None:
    room = ((40, 40), (120, 120), (0, 0))
    middle = np.pad(photo, room, mode="edge")
    for shift in (-60, 60):
        image = np.roll(middle, shift, axis=1)
        moved = measured(networks, image, "offset_x") - measured(networks, middle, "offset_x")
        assert moved == pytest.approx(shift / middle.shape[1], abs=0.01)
