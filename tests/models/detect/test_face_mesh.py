from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from models.catalogue import catalogue
from models.detect import face_mesh
from models.detect.align import ARCFACE_112
from models.detect.face_mesh import FaceMesh, Points
from models.errors import InferenceError
from models.networks import known_face
from models.networks.build import Networks
from models.values.face import Box, Face, ImageBGR, Landmarks, Mesh
from tests.models.networks.test_known_face import Answers, Changed

SPEC = catalogue.load().for_role("landmarks")
EYES = ARCFACE_112.landmarks


@pytest.fixture(scope="session")
def network(networks: Networks) -> FaceMesh:
    assert networks.mesh is not None
    return networks.mesh


def points(**places: tuple[float, float, float]) -> Mesh:
    """A mesh with these points (`p13=…`), all others at the origin."""
    found = np.zeros((face_mesh.COUNT, 3), np.float32)
    for name, place in places.items():
        found[int(name[1:])] = place
    return Mesh(found, 1.0)


def eye(width: float, height: float) -> Mesh:
    return points(
        p33=(0, 0, 0), p133=(width, 0, 0),
        p160=(width / 3, height / 2, 0), p144=(width / 3, -height / 2, 0),
        p158=(width / 2, height / 2, 0), p153=(width / 2, -height / 2, 0),
        p362=(0, 0, 0), p263=(width, 0, 0),
        p385=(1, height, 0), p380=(1, 0, 0), p387=(2, height, 0), p373=(2, 0, 0),
    )  # fmt: skip


def turned(shape: Mesh, yaw: float, pitch: float, roll: float, scale: float) -> Mesh:
    y, p, r = yaw, pitch, roll
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    moved = shape.points_in_image.astype(np.float64) @ (about_z @ about_y @ about_x).T * scale + [300, 200, 5]
    return replace(shape, points_in_image=moved.astype(np.float32))


ANGLES = st.floats(-3.1, 3.1)


@given(ANGLES, ANGLES, ANGLES, st.floats(0.5, 20), st.floats(5, 50), st.floats(0, 20))
def test_opening_is_height_over_width(
    yaw: float, pitch: float, roll: float, scale: float, width: float, height: float
) -> None:
    """Of both eyes and the mouth, however the head is turned."""
    mouth = points(
        p61=(-width / 2, 0, 0), p291=(width / 2, 0, 0), p13=(0, -height / 2, 3), p14=(0, height / 2, 3)
    )
    eyes = face_mesh.eye_opening(turned(eye(width, height), yaw, pitch, roll, scale))
    found = (*eyes, face_mesh.mouth_opening(turned(mouth, yaw, pitch, roll, scale)))
    assert found == pytest.approx([height / width] * 3, abs=0.01)


def on_mean_shape(scale: float, turn_deg: float, left: float, top: float) -> Mesh:
    """A face of the very mean shape, turned and moved; points outside of it far away."""
    numbers, shape = face_mesh.mean_shape()
    turn = np.exp(1j * np.deg2rad(turn_deg)) * scale
    moved = (shape[:, 0] + 1j * shape[:, 1]) * turn
    found = np.full((face_mesh.COUNT, 3), 1e4, np.float32)
    found[numbers] = np.stack([moved.real + left, moved.imag + top, np.zeros(len(numbers))], 1)
    return Mesh(found, 1.0)


@given(st.floats(0.3, 20), st.floats(-180, 180), st.floats(-500, 500), st.floats(-500, 500))
def test_fitted_landmarks_follow_the_mesh(scale: float, turn_deg: float, left: float, top: float) -> None:
    found = face_mesh.fitted_landmarks(on_mean_shape(scale, turn_deg, left, top))
    turn = np.exp(1j * np.deg2rad(turn_deg)) * scale
    wanted = (ARCFACE_112.landmarks[:, 0] + 1j * ARCFACE_112.landmarks[:, 1]) * turn
    assert np.allclose(found, np.stack([wanted.real + left, wanted.imag + top], 1), atol=0.02 * scale + 0.02)


def test_outlier_hardly_moves_fitted_landmarks() -> None:
    plain, changed = on_mean_shape(3, 0, 0, 0), on_mean_shape(3, 0, 0, 0)
    changed.points_in_image[face_mesh.MOUTH_CORNERS[0], 1] += 40  # a third of the mouth's width
    moved = face_mesh.fitted_landmarks(changed) - face_mesh.fitted_landmarks(plain)
    assert np.abs(moved).max() < 1


def garbage() -> dict[str, NDArray[np.float32]]:
    """Points that no face has, as a network that is sure of itself might answer with."""
    shape = on_mean_shape(1, 0, 40, 50).points_in_image
    wild = np.random.default_rng(3).uniform(-1e3, 1e3, shape.shape).astype(np.float32)
    return {
        "in one point": np.full_like(shape, 96),
        "nearly in one point": np.full_like(shape, 96) + wild * np.float32(1e-5),
        "scattered": wild,
        "far away": shape + 5000,
        "very far away": shape + np.float32(1e30),
        "huge": (wild * np.float32(1e35)).astype(np.float32),
        "upside down": shape * np.array([1, -1, 1], np.float32) + np.array([0, 200, 0], np.float32),
        "tiny": (shape - 56) * np.float32(1e-3) + 96,
        "not a number": np.full_like(shape, np.nan),
        "infinite": np.full_like(shape, np.inf),
    }


@pytest.mark.parametrize("name", garbage())
def test_distant_mesh_is_not_believed(name: str) -> None:
    landmarks = ARCFACE_112.landmarks + np.array([40, 50], np.float32)
    assert face_mesh.agrees(on_mean_shape(1, 0, 40, 50), landmarks)
    assert not face_mesh.agrees(Mesh(garbage()[name], 1.0), landmarks)


@given(arrays(np.float32, (face_mesh.COUNT, 3), elements=st.floats(width=32), fill=st.floats(width=32)))
def test_believed_mesh_keeps_landmarks_near(found: Points) -> None:
    landmarks = ARCFACE_112.landmarks
    if face_mesh.agrees(Mesh(found, 1.0), landmarks):
        assert np.abs(face_mesh.fitted_landmarks(Mesh(found, 1.0)) - landmarks).max() < 112


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
@pytest.mark.parametrize(
    "measure", [face_mesh.eye_opening, face_mesh.mouth_opening, face_mesh.fitted_landmarks]
)
def test_spanless_mesh_gives_nothing(value: float, measure: Callable[[Mesh], object]) -> None:
    flat = Mesh(np.full((face_mesh.COUNT, 3), value, np.float32), 1.0)
    with pytest.raises(InferenceError, match="span"), np.errstate(invalid="ignore"):
        measure(flat)


def test_mesh_gives_the_five_landmarks() -> None:
    shape = points(
        p33=(1, 2, 9), p133=(3, 4, 9), p362=(11, 2, 9), p263=(13, 4, 9),
        p1=(7, 8, 9), p61=(5, 12, 9), p291=(9, 13, 9),
    )  # fmt: skip
    assert face_mesh.five_points(shape).tolist() == [[2, 3], [12, 3], [7, 8], [5, 12], [9, 13]]
    assert face_mesh.five_points(shape).dtype == np.float32


@given(ANGLES, st.floats(-3000, 3000), st.floats(-3000, 3000), st.floats(1, 3000), st.floats(1, 3000))
def test_crop_shows_box_with_level_eyes(tilt: float, x: float, y: float, width: float, height: float) -> None:
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    landmarks = ((EYES - 56) @ turn.T * (width / 100) + [x, y]).astype(np.float32)
    box = Box(x - width / 2, y - height / 2, width, height)
    to_crop = face_mesh.crop_transform(landmarks, box)
    assert np.allclose(to_crop @ [x, y, 1], 96, atol=0.01)
    moved = landmarks.astype(np.float64) @ to_crop[:, :2].T + to_crop[:, 2]
    assert moved[1, 0] > moved[0, 0]
    assert abs(moved[0, 1] - moved[1, 1]) < 0.02 * np.linalg.norm(moved[1] - moved[0]) + 0.1
    scale = np.hypot(to_crop[0, 0], to_crop[1, 0])
    assert 1.5 * max(width, height) * scale == pytest.approx(192)


def with_one(number: int, value: float) -> Landmarks:
    landmarks = EYES.copy()
    landmarks[number, 1] = value
    return landmarks


BOX = Box(0, 0, 50, 60)
BOXES = [Box(0, 0, 0, 0), Box(np.nan, 0, 10, 10), Box(0, 0, np.inf, 10), Box(0, 0, 1e-9, 1e-9)]
BOXES += [Box(0, 0, 1e7, 10), Box(-1e7, 0, 10, 10)]
NOWHERE = [with_one(number, value) for number in range(5) for value in (np.nan, np.inf, -1e7, 1e12)]


@pytest.mark.parametrize(
    ("landmarks", "box"),
    [*((EYES, box) for box in BOXES), *((one, BOX) for one in (*NOWHERE, np.full_like(EYES, 5)))],
)
def test_box_and_landmarks_must_span_a_face(network: FaceMesh, landmarks: Landmarks, box: Box) -> None:
    with pytest.raises(InferenceError, match="span"):
        network.look(np.zeros((100, 100, 3), np.uint8), landmarks, box)


@pytest.mark.parametrize(("score", "factor"), [(0.4, 1), (np.nan, 1), (1, 1e37)])
def test_unsure_mesh_or_huge_landmarks_never_agree(score: float, factor: float) -> None:
    right = Mesh(on_mean_shape(1, 0, 0, 0).points_in_image, score)
    with np.errstate(all="ignore"):
        assert not face_mesh.agrees(right, EYES * np.float32(factor))


def test_mesh_agrees_with_detector_landmarks(
    network: FaceMesh, networks: Networks, photograph: ImageBGR
) -> None:
    face = networks.detector.detect(photograph)[0]
    found = network.look(photograph, face.landmarks, face.box_in_image)
    eyes = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    off = np.linalg.norm(face_mesh.five_points(found) - face.landmarks, axis=1) / eyes
    assert found.points_in_image.shape == (468, 3)
    assert found.score > 0.99
    assert off.max() < 0.2


def test_head_turn_keeps_landmarks_still(
    network: FaceMesh, networks: Networks, people: dict[str, ImageBGR]
) -> None:
    image = people["obama.jpg"]
    face = networks.detector.detect(image)[0]
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 25, 1)
    rotated = cv2.warpAffine(image, turn, (width, height)).astype(np.uint8)
    before = face.box_in_image
    expected = face_mesh.five_points(network.look(image, face.landmarks, before)) @ turn[:, :2].T + turn[:, 2]
    centre = turn @ [before.x + before.width / 2, before.y + before.height / 2, 1]
    corner = centre - np.array([before.width, before.height]) / 2
    box = Box(float(corner[0]), float(corner[1]), before.width, before.height)
    landmarks = (face.landmarks @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    found = face_mesh.five_points(network.look(rotated, landmarks, box))
    eyes = float(np.linalg.norm(expected[1] - expected[0]))
    assert np.linalg.norm(found - expected, axis=1).max() < 0.04 * eyes


def test_absent_face_scores_low(network: FaceMesh) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    nobody = Face(Box(40, 30, 110, 130), EYES + 40, 0.9)
    for image in (noise, np.full((200, 200, 3), 127, np.uint8)):
        assert network.look(image, nobody.landmarks, nobody.box_in_image).score < 0.1
        assert network.refine(image, nobody).mesh is None


WRONG_FORMS: dict[str, Answers] = {
    "no score": lambda found: {"landmarks": found["landmarks"]},
    "a point less": lambda found: {**found, "landmarks": found["landmarks"][:, :467]},
    "no depth": lambda found: {**found, "landmarks": found["landmarks"][..., :2]},
    "no batch": lambda found: {**found, "face": found["face"][0]},
}


@pytest.mark.parametrize("name", WRONG_FORMS)
def test_another_networks_answer_is_no_mesh(network: FaceMesh, name: str) -> None:
    changed = Changed(network._session, after=WRONG_FORMS[name])
    with pytest.raises(InferenceError, match="not the answer of a face mesh"):
        known_face.check_mesh(FaceMesh(SPEC, changed), SPEC.golden)


@pytest.mark.parametrize("side", [1e-3, 1.0, 5e5])
@pytest.mark.parametrize("place", [-5e5, 0, 50, 5e5])
def test_any_box_shows_face_or_none(network: FaceMesh, side: float, place: float) -> None:
    seen = Face(Box(place, place, side, side), ARCFACE_112.landmarks, 0.9)
    assert network.refine(np.full((100, 100, 3), 90, np.uint8), seen).mesh is None
