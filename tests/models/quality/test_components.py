"""Each measure in its unit, and step by step as a real photograph is made worse by known amounts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detect import face_mesh
from models.detect.align import ARCFACE_112
from models.networks.build import Networks
from models.quality.assessment import MEASURES, assess
from models.quality.components import COMPONENTS, mapped
from models.quality.face_view import MODEL_POINTS, NORMALISED
from models.quality.motion import Before, motion
from models.quality.sharpness import BLUR_WINDOW, NOISE_SIGMA_PX
from models.values.face import Box, Face, ImageBGR, Mesh
from models.values.measurement import Measure, Measured, NotAssessed
from tests.support.models import degraded_photographs


def value(measure: Measure) -> float:
    assert isinstance(measure, Measured), measure
    return measure.value


def face_at(landmarks: object, box: Box | None = None) -> Face:
    return Face(box or Box(0, 0, 100, 130), np.asarray(landmarks, np.float32), 0.9)


def posed(yaw: float = 0, pitch: float = 0, roll: float = 0) -> Face:
    """Five points of a head that looks to its left by `yaw`, up by `pitch`, turned clockwise by `roll`."""
    return face_at(in_space(yaw, pitch, roll)[:, :2])


def posed_in_space(yaw: float, pitch: float, roll: float = 0) -> Face:
    """The same with a mesh, and with landmarks that say nothing of a turn."""
    points = np.zeros((face_mesh.COUNT, 3), np.float32)
    right, left, nose, *mouth = in_space(yaw, pitch, roll)
    points[list(face_mesh.RIGHT_EYE_CORNERS)], points[list(face_mesh.LEFT_EYE_CORNERS)] = right, left
    points[face_mesh.NOSE_TIP], points[list(face_mesh.MOUTH_CORNERS)] = nose, mouth
    return replace(posed(), mesh=Mesh(points, 1.0))


def in_space(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """5×3, the model turned."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turned: NDArray[np.float64] = (MODEL_POINTS @ (about_z @ about_y @ about_x).T) * 12 + [300, 240, 0]
    return turned


NEED_A_MESH = {"eye_opening", "mouth_opening", "eyes_visible", "mouth_visible", "occlusion", "dynamic_range"}
NEED_A_MESH |= {"under_exposure", "over_exposure", "illumination_uniformity", "natural_colour"}
PLAIN = np.full((480, 640, 3), 128, np.uint8)


def found(networks: Networks, image: ImageBGR) -> Face:
    return networks.refined(image, networks.detector.detect(image)[0])


def measured(networks: Networks, image: ImageBGR, component: str) -> float:
    return value(assess(image, found(networks, image))[component])


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"),
    [*((yaw, pitch, 0) for yaw in (-40, -15, 0, 15, 40) for pitch in (-20, 0, 20)), (0, 0, -30), (0, 0, 30)],
)
def test_turned_head_is_measured_in_degrees(yaw: float, pitch: float, roll: float) -> None:
    measures = assess(PLAIN, posed(yaw, pitch, roll))
    assert value(measures["yaw_deg"]) == pytest.approx(yaw, abs=0.5)
    assert value(measures["pitch_deg"]) == pytest.approx(pitch, abs=0.5)
    if not (yaw or pitch):
        assert value(measures["roll_deg"]) == pytest.approx(roll, abs=0.5)


@pytest.mark.parametrize("yaw", [-60, -15, 0, 40])
@pytest.mark.parametrize("pitch", [-40, 0, 20])
def test_mesh_measures_turn_in_space(yaw: float, pitch: float) -> None:
    by_mesh = assess(PLAIN, posed_in_space(yaw, pitch, roll=10))
    by_landmarks = assess(PLAIN, posed(yaw, pitch, roll=10))
    for name in ("yaw_deg", "pitch_deg"):
        assert value(by_mesh[name]) == pytest.approx(value(by_landmarks[name]), abs=0.2)


FLAT = Mesh(np.zeros((face_mesh.COUNT, 3), np.float32), 1.0)
AT_THE_EDGE = face_at(ARCFACE_112.landmarks * 1.5 + [-80, 10])
SPANLESS = "landmarks do not span a face"
UNASSESSED: dict[str, tuple[Face, str, set[str], set[str]]] = {
    "no mesh": (posed(), "no mesh", NEED_A_MESH, MEASURES.keys() - NEED_A_MESH),
    "a mesh in one point": (
        replace(posed(), mesh=FLAT),
        face_mesh.NO_FACE,
        {"eye_opening", "mouth_opening", "yaw_deg", "pitch_deg"},
        {"roll_deg", "sharpness", "brightness"},
    ),
    "pixels outside": (
        AT_THE_EDGE,
        "face at the edge of the image",
        {"sharpness", "brightness"},
        {"yaw_deg"},
    ),
    "landmarks in one point": (face_at(np.zeros((5, 2))), SPANLESS, set(MEASURES), set()),
    "landmarks that are no numbers": (face_at(np.full((5, 2), np.nan)), SPANLESS, set(MEASURES), set()),
}


@pytest.mark.parametrize(("face", "why", "without", "with_"), UNASSESSED.values(), ids=UNASSESSED)
def test_what_cannot_be_measured_says_why(face: Face, why: str, without: set[str], with_: set[str]) -> None:
    with np.errstate(invalid="ignore"):
        measures = assess(PLAIN, face)
    reasons = {name: one.reason for name, one in measures.items() if isinstance(one, NotAssessed)}
    assert all(reasons[name].startswith(why) for name in without)
    assert not with_ & reasons.keys()
    assert measures.keys() == MEASURES.keys()


MOSTLY_FACES = st.builds(
    lambda spread, seed, left, top: (
        np.random.default_rng(seed).normal(0, spread, (face_mesh.COUNT, 3)) + np.array([left, top, 0])
    ).astype(np.float32),
    st.sampled_from([0.0, 1e-6, 0.5, 30.0, 3000.0, 1e6]),
    st.integers(0, 99),
    st.sampled_from([-1e5, 0.0, 300.0, 1e5]),
    st.sampled_from([-500.0, 240.0]),
)
BOXES = st.builds(Box, *[st.sampled_from([-1e9, -300.0, 0.0, 0.5, 100.0, 1e9])] * 4)


@given(
    MOSTLY_FACES, BOXES, st.floats(0.2, 6), st.integers(-400, 700), st.sampled_from([PLAIN, PLAIN[:1, :1]])
)
def test_odd_mesh_or_box_stops_nothing(
    points: NDArray[np.float32], box: Box, size: float, left: int, image: ImageBGR
) -> None:
    face = replace(face_at(ARCFACE_112.landmarks * size + [left, 100], box), mesh=Mesh(points, 1.0))
    assert assess(image, face).keys() == MEASURES.keys()


def test_looking_left_is_positive(networks: Networks, people: dict[str, ImageBGR]) -> None:
    for image, sign in ((people["obama3.jpg"], 1), (np.ascontiguousarray(people["obama3.jpg"][:, ::-1]), -1)):
        assert sign * value(assess(image, networks.detector.detect(image)[0])["yaw_deg"]) > 5


def test_sharpness_is_share_lost_to_blur() -> None:
    coarse = np.random.default_rng(1).integers(0, 256, (56, 28, 3), np.uint8)
    picture = cv2.resize(coarse, (NORMALISED.size, NORMALISED.size), interpolation=cv2.INTER_CUBIC)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), NOISE_SIGMA_PX)
    kept = []
    for pixels in (smooth, np.ascontiguousarray(smooth.T)):
        steps, after = (np.abs(np.diff(one)) for one in (pixels, cv2.blur(pixels, (BLUR_WINDOW, 1))))
        kept.append(1 - np.maximum(steps - after, 0).sum() / steps.sum())
    measures = assess(picture.astype(np.uint8), face_at(NORMALISED.landmarks))
    assert value(measures["sharpness"]) == pytest.approx(1 - max(kept), rel=1e-5)


@pytest.mark.parametrize("name", ["obama.jpg", "biden.jpg"])
def test_sharpness_is_independent_of_distance(
    networks: Networks, people: dict[str, ImageBGR], name: str
) -> None:
    images = [
        degraded_photographs.portrait(people[name], networks.detector, eyes) for eyes in (50, 70, 90, 115)
    ]
    values = [measured(networks, image, "sharpness") for image in images]
    assert max(values) - min(values) < 0.05


def test_brightness_follows_light_sharpness_not(networks: Networks, people: dict[str, ImageBGR]) -> None:
    image = people["obama.jpg"]
    face = networks.detector.detect(image)[0]
    bright, dark = assess(image, face), assess((image * 0.5).astype(np.uint8), face)
    assert value(dark["brightness"]) == pytest.approx(value(bright["brightness"]) / 2, abs=0.01)
    assert value(dark["sharpness"]) == pytest.approx(value(bright["sharpness"]), abs=0.02)


def test_geometry_measures_keep_their_units() -> None:
    landmarks = ARCFACE_112.landmarks * 2 + [304, 128]
    measures = assess(PLAIN, face_at(landmarks, Box(300, 100, 180, 240)))
    assert value(measures["inter_eye_distance_px"]) == pytest.approx(70.5, abs=0.1)
    assert value(measures["head_size"]) == 0.5
    assert value(measures["offset_x"]) == pytest.approx((304 + 55.9 * 2) / 640 - 0.5, abs=0.001)
    assert value(measures["offset_y"]) == pytest.approx((128 + 51.6 * 2) / 480 - 0.5, abs=0.001)


def test_shown_share_matches_the_face() -> None:
    def shown(left: float) -> float:
        measures = assess(PLAIN, face_at(ARCFACE_112.landmarks * 2 + [left, 128]))
        return value(measures["shown"])

    middle_of_the_face = 112.0
    assert shown(304) == shown(640 - 2 * middle_of_the_face) == 1
    assert shown(-middle_of_the_face) == shown(640 - middle_of_the_face) == pytest.approx(0.5, abs=1 / 16)
    assert shown(-400) == 0


def test_flat_picture_is_measured_without_fault() -> None:
    measures = assess(PLAIN, posed())
    assert value(measures["sharpness"]) == 0
    assert value(measures["brightness"]) == pytest.approx(128 / 255, abs=0.01)


def test_every_component_has_its_measure() -> None:
    """Which names the standard's component, where there is one."""
    assert [*MEASURES, "motion"] == list(COMPONENTS)
    for name in (name for name in MEASURES if COMPONENTS[name].standard):
        assert f"*{COMPONENTS[name].standard}*" in " ".join(str(MEASURES[name].__doc__).split()), name


@pytest.mark.parametrize("component", COMPONENTS)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_value_maps_to_0_100(component: str, raw: float) -> None:
    found = value(mapped(component, Measured(raw)))
    assert 0 <= found <= 100
    assert found == round(found)


@pytest.mark.parametrize("component", COMPONENTS)
def test_unassessed_never_maps_to_low(component: str) -> None:
    assert mapped(component, NotAssessed("why")) == NotAssessed("why")


# Raw values and what the standard's formulas make of them, worked out by hand.
@pytest.mark.parametrize(
    ("component", "raw", "expected"),
    [
        ("inter_eye_distance_px", 70, 50),
        ("inter_eye_distance_px", 120, 92),
        ("yaw_deg", 0, 100),
        ("yaw_deg", -30, 75),
        ("pitch_deg", 45, 50),
        ("roll_deg", 180, 0),
        ("brightness", 0.5, 100),
        ("brightness", 0.2, 50),
        ("brightness", 0.8, 50),
        ("head_size", 0.72, 100),
        ("shown", 0.95, 95),
        ("offset_x", -0.25, 50),
        ("motion", 3, 50),
    ],
)
def test_the_standards_scales(component: str, raw: float, expected: float) -> None:
    assert mapped(component, Measured(raw)) == Measured(expected)


@pytest.fixture(scope="module", params=["obama.jpg", "biden.jpg"])
def photo(networks: Networks, people: dict[str, ImageBGR], request: pytest.FixtureRequest) -> ImageBGR:
    """A photograph's face, with the eyes 80 px apart."""
    return degraded_photographs.portrait(people[request.param], networks.detector, 80)


Worse = Callable[[ImageBGR, Face, float], ImageBGR]


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
    best, *_, worst = (value(mapped(component, Measured(step))) for step in steps)
    assert worst <= best


def test_noise_never_sharpens_blurred_face(networks: Networks, photo: ImageBGR) -> None:
    blurred = cv2.GaussianBlur(photo, (0, 0), 4).astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, 8, photo.shape)
    sharp, blunt, noisy = (
        measured(networks, one, "sharpness")
        for one in (photo, blurred, (blurred + noise).clip(0, 255).astype(np.uint8))
    )
    assert sharp > 1.5 * blunt
    assert noisy < 0.75 * sharp


@pytest.mark.parametrize("eyes", ["r", "l", "rl"])
def test_one_covered_eye_is_enough(networks: Networks, photo: ImageBGR, eyes: str) -> None:
    """And a sensor's noise makes it no more visible."""
    face = found(networks, photo)
    behind = degraded_photographs.behind_glasses(photo, face, 0.95, eyes)
    assert measured(networks, behind, "eyes_visible") < 0.2
    assert measured(networks, behind, "occlusion") > 0.1
    noisy = (behind + np.random.default_rng(0).normal(0, 10, behind.shape)).clip(0, 255).astype(np.uint8)
    assert value(assess(noisy, face)["eyes_visible"]) < 0.2


def test_known_head_turn_is_measured(networks: Networks, photo: ImageBGR) -> None:
    face = found(networks, photo)
    for component, axis in (("yaw_deg", 1), ("pitch_deg", 0)):
        heads = [degraded_photographs.turned(face, axis, degrees) for degrees in (-20, 0, 20)]
        angles = [value(assess(photo, head)[component]) for head in heads]
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
    speeds = [value(motion(Before(before, 0.1), after)) for after in moved]
    assert speeds == pytest.approx([0, 2, 4], abs=0.25)


def test_offsets_are_where_the_face_is(networks: Networks, photo: ImageBGR) -> None:
    room = ((40, 40), (120, 120), (0, 0))
    middle = np.pad(photo, room, mode="edge")
    for shift in (-60, 60):
        image = np.roll(middle, shift, axis=1)
        moved = measured(networks, image, "offset_x") - measured(networks, middle, "offset_x")
        assert moved == pytest.approx(shift / middle.shape[1], abs=0.01)
