from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.align import ARCFACE_112
from models.detect import face_mesh
from models.networks.build import Networks
from models.networks.known_face import draw_face
from models.quality.assessment import MEASURES, assess
from models.quality.components import COMPONENTS, mapped
from models.quality.sharpness import BLUR_WINDOW, NOISE_SIGMA_PX
from models.quality.view.direction import MODEL_POINTS
from models.quality.view.face_view import NORMALISED
from models.values.face import Box, Face, ImageBGR, Mesh
from models.values.measurement import Measure, Measured, NotAssessed


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


def at_eye_distance(people: dict[str, ImageBGR], networks: Networks, name: str, eyes_px: float) -> ImageBGR:
    points = networks.detector.detect(people[name])[0].landmarks
    factor = eyes_px / float(np.linalg.norm(points[1] - points[0]))
    return cv2.resize(people[name], None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)


def measured_in(image: ImageBGR, networks: Networks, name: str) -> float:
    return value(assess(image, networks.detector.detect(image)[0])[name])


@pytest.mark.parametrize("yaw", [-40, -15, 0, 15, 40])
@pytest.mark.parametrize("pitch", [-20, 0, 20])
def test_turned_head_is_measured_in_degrees(yaw: float, pitch: float) -> None:
    measures = assess(PLAIN, posed(yaw, pitch))
    assert value(measures["yaw_deg"]) == pytest.approx(yaw, abs=0.5)
    assert value(measures["pitch_deg"]) == pytest.approx(pitch, abs=0.5)


@pytest.mark.parametrize("yaw", [-60, -15, 0, 40])
@pytest.mark.parametrize("pitch", [-40, 0, 20])
def test_mesh_measures_turn_in_space(yaw: float, pitch: float) -> None:
    by_mesh = assess(PLAIN, posed_in_space(yaw, pitch, roll=10))
    by_landmarks = assess(PLAIN, posed(yaw, pitch, roll=10))
    for name in ("yaw_deg", "pitch_deg"):
        assert value(by_mesh[name]) == pytest.approx(value(by_landmarks[name]), abs=0.2)


def test_missing_mesh_leaves_measures_unassessed() -> None:
    measures = assess(PLAIN, posed())
    assert {name for name, one in measures.items() if one == NotAssessed("no mesh")} == NEED_A_MESH
    assert all(isinstance(measures[name], Measured) for name in measures.keys() - NEED_A_MESH)


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


def test_one_point_mesh_measures_nothing() -> None:
    flat = replace(posed(), mesh=Mesh(np.zeros((face_mesh.COUNT, 3), np.float32), 1.0))
    measures = assess(PLAIN, flat)
    for name in ("eye_opening", "mouth_opening", "yaw_deg", "pitch_deg"):
        assert isinstance(measures[name], NotAssessed)


@pytest.mark.parametrize("roll", [-30, 0, 30])
def test_tilted_head_is_not_turned(roll: float) -> None:
    measures = assess(PLAIN, posed(roll=roll))
    assert value(measures["roll_deg"]) == pytest.approx(roll, abs=0.5)
    assert value(measures["yaw_deg"]) == pytest.approx(0, abs=0.5)


def test_looking_left_is_positive(networks: Networks, people: dict[str, ImageBGR]) -> None:
    assert measured_in(people["obama3.jpg"], networks, "yaw_deg") > 5
    assert measured_in(np.ascontiguousarray(people["obama3.jpg"][:, ::-1]), networks, "yaw_deg") < -5


@pytest.mark.parametrize("name", ["obama.jpg", "biden.jpg"])
def test_sharpness_falls_with_every_blur(networks: Networks, people: dict[str, ImageBGR], name: str) -> None:
    image = at_eye_distance(people, networks, name, 80)
    blurred = [image, *(cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8) for sigma in (1, 2, 4))]
    values = [measured_in(step, networks, "sharpness") for step in blurred]
    assert values == sorted(values, reverse=True)
    assert values[0] > 1.5 * values[-1]


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
    images = [at_eye_distance(people, networks, name, eyes) for eyes in (50, 70, 90, 115)]
    values = [measured_in(image, networks, "sharpness") for image in images]
    assert max(values) - min(values) < 0.05


def test_noise_never_sharpens_blurred_face(networks: Networks, people: dict[str, ImageBGR]) -> None:
    image = at_eye_distance(people, networks, "obama.jpg", 80)
    blurred = cv2.GaussianBlur(image, (0, 0), 4)
    noise = np.random.default_rng(0).normal(0, 8, image.shape)
    noisy = (blurred + noise).clip(0, 255).astype(np.uint8)
    assert measured_in(noisy, networks, "sharpness") < 0.75 * measured_in(image, networks, "sharpness")


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


def test_outside_pixels_are_not_judged() -> None:
    drawn = draw_face(200, 200, scale=1.5, left=-80, top=10)
    measures = assess(drawn, face_at(ARCFACE_112.landmarks * 1.5 + [-80, 10]))
    for name in ("sharpness", "brightness"):
        assert measures[name] == NotAssessed("face at the edge of the image")
    assert isinstance(measures["yaw_deg"], Measured)


def test_shown_share_matches_the_face() -> None:
    def shown(left: float) -> float:
        measures = assess(PLAIN, face_at(ARCFACE_112.landmarks * 2 + [left, 128]))
        return value(measures["shown"])

    middle_of_the_face = 112.0
    assert shown(304) == shown(640 - 2 * middle_of_the_face) == 1
    assert shown(-middle_of_the_face) == shown(640 - middle_of_the_face) == pytest.approx(0.5, abs=1 / 16)
    assert shown(-400) == 0


@pytest.mark.parametrize("landmarks", [np.zeros((5, 2)), np.full((5, 2), np.nan)])
def test_non_face_is_not_assessed(landmarks: object) -> None:
    with np.errstate(invalid="ignore"):
        measures = assess(PLAIN, face_at(landmarks))
    assert set(measures) == set(MEASURES)
    assert all(isinstance(measure, NotAssessed) for measure in measures.values())


def test_flat_picture_is_measured_without_fault() -> None:
    measures = assess(PLAIN, posed())
    assert value(measures["sharpness"]) == 0
    assert value(measures["brightness"]) == pytest.approx(128 / 255, abs=0.01)


def test_every_component_has_its_measure() -> None:
    assert [*MEASURES, "motion"] == list(COMPONENTS)


@pytest.mark.parametrize("component", [name for name in MEASURES if COMPONENTS[name].standard])
def test_measures_name_the_standards_component(component: str) -> None:
    assert f"*{COMPONENTS[component].standard}*" in " ".join(str(MEASURES[component].__doc__).split())


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
