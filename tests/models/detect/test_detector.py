import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import catalogue, weights
from models.catalogue.onnx_graph import answering
from models.detect.align import ARCFACE_112, align
from models.detect.detector import (
    CLOSE_UP,
    CLOSE_UP_MIN_SCORE,
    CLOSE_UP_STRIDES,
    STRIDES,
    FaceDetector,
    Letterbox,
    boxed,
    decode,
    fit,
    in_image,
    without_overlaps,
)
from models.errors import CatalogueError, InferenceError
from models.networks.build import Networks
from models.networks.known_face import draw_face
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.session import to_tensor
from models.values.face import ImageBGR
from tests.support import tiers

DETECTOR = catalogue.load().for_role("detector")
SHAPES = DETECTOR.input.shapes


@given(st.integers(1, 12_000), st.integers(1, 12_000))
def test_every_picture_fits_a_listed_shape(width: int, height: int) -> None:
    image = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (height, width, 3))
    letterbox = fit(image, SHAPES, at_most=1.0)
    assert letterbox.canvas in SHAPES
    assert 0 < letterbox.scale <= 1
    assert width * letterbox.scale <= letterbox.canvas[0] + 1e-6
    assert height * letterbox.scale <= letterbox.canvas[1] + 1e-6


@settings(max_examples=tiers.examples(25), deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([1.0, 0.5]))
def test_letterboxed_picture_has_canvas_shape(width: int, height: int, at_most: float) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    letterbox = fit(image, SHAPES, at_most)
    assert boxed(image, letterbox).shape == (letterbox.canvas[1], letterbox.canvas[0], 3)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 900), (900, 3), (17, 23), (4001, 2999)])
def test_odd_faceless_picture_has_no_face(networks: Networks, width: int, height: int) -> None:
    assert networks.detector.detect(np.full((height, width, 3), 127, np.uint8)) == ()


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        *(((*sides, 3), np.uint8) for sides in ((0, 0), (0, 9))),
        *(((9, 9, *channels), np.uint8) for channels in ((), (1,), (4,))),
        *(((9, 9, 3), kind) for kind in (np.uint16, np.float32)),
    ],
)
def test_what_is_no_picture_is_refused(networks: Networks, shape: tuple[int, ...], kind: type) -> None:
    with pytest.raises(InferenceError, match="H×W×3"):
        networks.detector.detect(np.zeros(shape, kind))


@pytest.mark.parametrize("side", [120, 300, 640, 1100, 2200])
def test_frame_filling_face_is_found(networks: Networks, side: int) -> None:
    filled = cv2.resize(
        draw_face(500, 500, scale=4, left=24, top=-8), (side, side), interpolation=cv2.INTER_AREA
    )
    (face,) = networks.detector.detect(filled.astype(np.uint8))
    assert face.box_in_image.height > 0.7 * side


@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (1280, 720), (1920, 1080), (720, 1280), (5000, 4000)]
)
def test_landmarks_return_in_picture_pixels(networks: Networks, width: int, height: int) -> None:
    small_width, small_height = 500 * width // min(width, height), 500 * height // min(width, height)
    left, top = 0.6 * small_width - 112, 0.5 * small_height - 140
    small = draw_face(small_width, small_height, scale=2, left=left, top=top)
    (face,) = networks.detector.detect(cv2.resize(small, (width, height)).astype(np.uint8))
    factor = width / small_width
    expected = (ARCFACE_112.landmarks * 2 + [left, top]) * factor
    off = np.linalg.norm(face.landmarks - expected, axis=1) / (70 * factor)
    assert off.max() < 0.2  # of the distance between the eyes: a drawing has no exact nose


def test_the_persons_right_eye_comes_first(networks: Networks, people: dict[str, ImageBGR]) -> None:
    points = networks.detector.detect(people["obama.jpg"])[0].landmarks
    assert points[0, 0] < points[2, 0] < points[1, 0]
    assert points[3, 0] < points[4, 0]
    assert max(points[:2, 1]) < points[2, 1] < min(points[3:, 1])


def test_two_faces_come_best_first(networks: Networks, people: dict[str, ImageBGR]) -> None:
    portraits = [cv2.resize(people[name], (400, 500)) for name in ("obama.jpg", "biden.jpg")]
    faces = networks.detector.detect(np.hstack(portraits).astype(np.uint8))
    assert len(faces) == 2
    assert faces[0].score >= faces[1].score
    assert sorted(face.landmarks[2, 0] > 400 for face in faces) == [False, True]


def test_landmarks_survive_mirroring_and_shrinking(networks: Networks, photograph: ImageBGR) -> None:
    points = networks.detector.detect(photograph)[0].landmarks
    eyes = float(np.linalg.norm(points[1] - points[0]))
    other_way = np.ascontiguousarray(photograph[:, ::-1])
    mirrored = networks.detector.detect(other_way)[0].landmarks[[1, 0, 2, 4, 3]]
    mirrored[:, 0] = photograph.shape[1] - 1 - mirrored[:, 0]
    half = cv2.resize(photograph, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8)
    shrunk = networks.detector.detect(half)[0].landmarks * 2
    for other in (mirrored, shrunk):
        assert np.linalg.norm(other - points, axis=1).mean() < 0.1 * eyes


def whole(networks: Networks) -> OrtSession:
    session = networks.detector._session
    assert isinstance(session, OrtSession)
    return session


@pytest.mark.parametrize("size", [0.4, 1.0])
def test_only_coarsest_cells_judge_close_up(networks: Networks, photograph: ImageBGR, size: float) -> None:
    image = cv2.resize(photograph, None, fx=size, fy=size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    face = networks.detector.detect(image, close_ups=0)[0]
    crop = align(image, face.landmarks, CLOSE_UP).image_bgr
    answer = whole(networks).run(to_tensor(crop, DETECTOR.input))
    canvas = (CLOSE_UP.size, CLOSE_UP.size)
    assert len(decode(answer, canvas, CLOSE_UP_MIN_SCORE, CLOSE_UP_STRIDES))
    others = tuple(stride for stride in STRIDES if stride not in CLOSE_UP_STRIDES)
    assert not len(decode(answer, canvas, CLOSE_UP_MIN_SCORE, others))
    by_all = FaceDetector(DETECTOR, whole(networks)).close_up(image, face.landmarks)
    by_part = networks.detector.close_up(image, face.landmarks)
    assert by_part.tobytes() == by_all.tobytes()
    assert by_part.tobytes() != face.landmarks.tobytes()


def test_close_look_is_part_of_detector(networks: Networks) -> None:
    """And a part of a graph answers like the whole."""
    closer = networks.detector._closer
    assert isinstance(closer, OrtSession)
    assert closer.nodes < 0.8 * whole(networks).nodes
    assert closer.provider == whole(networks).provider
    with pytest.raises(InferenceError, match="not warmed up"):
        closer.run(np.zeros((1, 3, 480, 640), np.float32))
    graph = weights.load(DETECTOR, weights.cache_dir())
    part = OrtSession(answering(graph, ["obj_16"]), "part", RuntimeSettings(threads=1), [(1, 3, 320, 320)])
    tensor = np.random.default_rng(1).uniform(0, 255, (1, 3, 320, 320)).astype(np.float32)
    (name, found), *more = part.run(tensor).items()
    assert (name, more) == ("obj_16", [])
    assert np.allclose(found, whole(networks).run(tensor)["obj_16"], atol=1e-6)
    with pytest.raises(CatalogueError, match="does not answer with obj_64"):
        answering(graph, ["obj_16", "obj_64"])


def test_overlapping_worse_boxes_are_dropped() -> None:
    rows = np.zeros((3, 15), np.float32)
    rows[:, :4] = [[0, 0, 10, 10], [1, 1, 10, 10], [30, 0, 10, 10]]
    rows[:, 14] = [0.8, 0.9, 0.7]
    assert without_overlaps(rows, 0.3)[:, 14].tolist() == pytest.approx([0.9, 0.7])


def test_width_and_height_stay_unswapped() -> None:
    row = np.ones((1, 15), np.float32)
    image = np.zeros((1000, 3200, 3), np.uint8)
    back = in_image(row, image, Letterbox((320, 256), 0.1))
    assert np.allclose(back[0, :4], 10)
    assert back[0, 14] == 1
