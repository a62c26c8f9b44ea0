"""A known face in, a known answer out: the start-up test that notices a network that answers wrongly.

It catches what went wrong in the field elsewhere: colour order, normalisation done twice, landmarks in
another order, a broken quantisation that finds any two people alike, another file. The face is drawn by
formula, so nobody's photograph is needed; only + - * / and rounding are used, which give the same bytes
on every machine.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.detect.align import ARCFACE_112, similarity_transform
from models.detect.detector import FaceDetector
from models.detect.face_mesh import FaceMesh, eye_opening, five_points, mouth_opening
from models.embed.template import Embedder
from models.errors import GoldenVectorError
from models.values.face import AlignedFace, Box, ImageBGR

Plane = NDArray[np.float64]
Answer = NDArray[np.float64]
Colour = tuple[int, int, int]

BACKGROUND: Colour = (150, 140, 128)
HAIR: Colour = (28, 34, 46)
SKIN: Colour = (132, 168, 214)
SHADE: Colour = (84, 112, 158)
LIPS: Colour = (86, 80, 168)
DARK: Colour = (30, 30, 40)
WHITE: Colour = (232, 236, 238)
IRIS: Colour = (92, 70, 48)
SHIRT: Colour = (120, 72, 40)


class Stroke(NamedTuple):
    """A soft ellipse of paint, in pixels of the `arcface-112` layout."""

    colour: Colour
    strength: float
    centre: tuple[float, float]
    radius: tuple[float, float]
    softness: float
    """The part of the radius over which the paint fades, 0 to 1."""


def _eye(x: float, outwards: int) -> tuple[Stroke, ...]:
    return (
        Stroke(SHADE, 0.7, (x, 50), (10, 7.5), 0.8),
        Stroke(HAIR, 0.9, (x + outwards, 41.5), (10.5, 2.2), 0.5),
        Stroke(WHITE, 1, (x, 51.7), (6.6, 3.1), 0.25),
        Stroke(IRIS, 1, (x, 51.6), (3.1, 3.1), 0.2),
        Stroke(DARK, 1, (x, 51.6), (1.5, 1.5), 0.3),
        Stroke(DARK, 0.8, (x, 48.9), (7.2, 1.1), 0.5),
    )


FACE = (
    Stroke(SHIRT, 1, (56, 172), (74, 46), 0.05),
    Stroke(SHADE, 1, (56, 122), (20, 30), 0.1),
    Stroke(HAIR, 1, (56, 48), (46, 56), 0.06),
    Stroke(SHADE, 1, (56, 66), (38, 54), 0.05),
    Stroke(SKIN, 1, (58, 66), (33, 52), 0.4),
    Stroke(WHITE, 0.35, (56, 34), (22, 12), 0.9),
    *_eye(38.3, outwards=-1),
    *_eye(73.5, outwards=1),
    Stroke(SHADE, 0.45, (51, 60), (3, 14), 0.9),
    Stroke(WHITE, 0.4, (56.5, 62), (2.2, 13), 0.9),
    Stroke(SHADE, 0.7, (56, 75.5), (8.5, 3.2), 0.6),
    Stroke(DARK, 0.75, (51.8, 75.8), (2.0, 1.1), 0.5),
    Stroke(DARK, 0.75, (60.2, 75.8), (2.0, 1.1), 0.5),
    Stroke(SHADE, 0.5, (56, 100), (14, 3), 0.9),
    Stroke(LIPS, 1, (56, 92.3), (14.6, 4.6), 0.2),
    Stroke(DARK, 0.8, (56, 92.1), (14.0, 0.8), 0.5),
)


def draw_face(width: int, height: int, *, scale: float, left: float, top: float) -> ImageBGR:
    """A frontal face on the layout, enlarged by `scale`, the layout's corner at (`left`, `top`)."""
    x = (np.arange(width, dtype=np.float64) - left) / scale
    y = (np.arange(height, dtype=np.float64) - top) / scale
    light = (0.94 + 0.12 * y / 112).clip(0.6, 1.4)
    canvas = np.array(BACKGROUND) * np.broadcast_to(light[:, None, None], (height, width, 3))
    for stroke in FACE:
        rows, columns = _reach(stroke, y, axis=1), _reach(stroke, x, axis=0)
        part = canvas[rows, columns]
        part += (np.array(stroke.colour) - part) * _cover(stroke, x[None, columns], y[rows, None])[..., None]
    pixels: ImageBGR = np.rint(canvas).clip(0, 255).astype(np.uint8)
    return pixels


def _reach(stroke: Stroke, places: Plane, axis: int) -> slice:
    """The pixels along one axis that the stroke can touch."""
    away = (places - stroke.centre[axis]) / stroke.radius[axis]
    (touched,) = np.nonzero(away * away <= 1 + stroke.softness)
    return slice(touched[0], touched[-1] + 1) if len(touched) else slice(0, 0)


def _cover(stroke: Stroke, x: Plane, y: Plane) -> Plane:
    """How much of each pixel the stroke covers: its strength inside, 0 outside."""
    across, down = (x - stroke.centre[0]) / stroke.radius[0], (y - stroke.centre[1]) / stroke.radius[1]
    inside = 1 + stroke.softness - across * across - down * down
    covered: Plane = (inside / (2 * stroke.softness)).clip(0, 1)
    return stroke.strength * covered


DETECTOR_TOLERANCE_PX = 0.25
DETECTOR_TOLERANCE_SCORE = 0.005
MESH_TOLERANCE_PX = 0.25
MESH_TOLERANCE_RATIO = 0.01
"""Of the score and of the openings of eyes and mouth."""
MIN_COSINE = 0.9995
"""One grey level of noise costs 0.0006 here; the mildest wrong input tried, a mirrored face, 0.011."""
MAX_DISTANCE = 0.0316
"""Over the known answer's length; for unit vectors the same as `MIN_COSINE`."""
LEAST_ROUNDED = 0.001
"""Over its length bfloat16 moves the known answer by this at least: measured are 0.01, in fp32 0.00003."""

SCALE, LEFT, TOP = 1.5, 76, 38
"""Of the face in the drawn scene."""
SCENE_BOX = Box(102, 54, 111, 156)
SCENE_LANDMARKS = (ARCFACE_112.landmarks * SCALE + [LEFT, TOP]).astype(np.float32)


def draw_scene() -> ImageBGR:
    """The known face in 320×256 pixels of background."""
    return draw_face(320, 256, scale=SCALE, left=LEFT, top=TOP)


def detector_answer(detector: FaceDetector) -> Answer:
    """x, y, width, height, five (x, y) landmarks and score of the one face in the drawn scene."""
    faces = detector.detect(draw_scene())
    if len(faces) != 1:
        raise GoldenVectorError(f"detector: found {len(faces)} faces in the drawing of one")
    box = faces[0].box_in_image
    points = faces[0].landmarks.astype(np.float64).ravel()
    return np.array([box.x, box.y, box.width, box.height, *points, faces[0].score])


def mesh_answer(network: FaceMesh) -> Answer:
    """Five (x, y) landmarks, score, right and left eye's and mouth's opening in the drawn scene."""
    mesh = network.look(draw_scene(), SCENE_LANDMARKS, SCENE_BOX)
    points = five_points(mesh).astype(np.float64).ravel()
    return np.array([*points, mesh.score, *eye_opening(mesh), mouth_opening(mesh)])


def embedder_answer(embedder: Embedder) -> Answer:
    """The vector of the drawn face, drawn where the layout wants it without being aligned."""
    layout = embedder.layout
    to_layout = similarity_transform(ARCFACE_112.landmarks, layout.landmarks)
    scale = float(np.hypot(to_layout[0, 0], to_layout[1, 0]))
    left, top = (float(value) for value in to_layout[:, 2])
    crop = draw_face(layout.size, layout.size, scale=scale, left=left, top=top)
    return embedder.embed(AlignedFace(crop, layout.name)).vector.astype(np.float64)


def check_detector(detector: FaceDetector, expected: Sequence[float]) -> float:
    """GoldenVectorError unless the drawn face is found where it must be; else the largest difference."""
    drift = _drift(detector_answer(detector), expected, "detector")
    if not (drift[:14].max() <= DETECTOR_TOLERANCE_PX and drift[14] <= DETECTOR_TOLERANCE_SCORE):
        raise GoldenVectorError(
            f"detector: the drawn face moved by {drift[:14].max():.3f} px, its score by {drift[14]:.4f}; "
            f"allowed are {DETECTOR_TOLERANCE_PX} px and {DETECTOR_TOLERANCE_SCORE}"
        )
    return float(drift.max())


def check_mesh(network: FaceMesh, expected: Sequence[float]) -> float:
    """GoldenVectorError unless the drawn face's landmarks and openings are what they must be."""
    drift = _drift(mesh_answer(network), expected, "landmarks")
    if not (drift[:10].max() <= MESH_TOLERANCE_PX and drift[10:].max() <= MESH_TOLERANCE_RATIO):
        raise GoldenVectorError(
            f"landmarks: the drawn face moved by {drift[:10].max():.3f} px, its score, eyes or mouth by "
            f"{drift[10:].max():.4f}; allowed are {MESH_TOLERANCE_PX} px and {MESH_TOLERANCE_RATIO}"
        )
    return float(drift.max())


def check_embedder(embedder: Embedder, expected: Sequence[float]) -> float:
    """GoldenVectorError unless the drawn face has the embedding that it must have.

    The distance counts as well as the angle: not every matcher answers at unit length.
    """
    answer, wanted = embedder_answer(embedder), np.asarray(expected)
    drift = _drift(answer, expected, "matcher")
    length = float(np.linalg.norm(wanted))
    cosine = float(answer @ wanted / (np.linalg.norm(answer) * length))
    distance = float(np.linalg.norm(answer - wanted)) / length
    if not (cosine >= MIN_COSINE and distance <= MAX_DISTANCE):
        raise GoldenVectorError(
            f"matcher: the drawn face's embedding has cosine {cosine:.5f} to the known one, expected at "
            f"least {MIN_COSINE}, and distance {distance:.4f}, expected at most {MAX_DISTANCE}: wrong "
            "colour order, normalisation, precision or file"
        )
    return float(drift.max())


def check_rounded(embedder: Embedder, expected: Sequence[float]) -> None:
    """GoldenVectorError where a matcher that was asked for bfloat16 answers as in fp32.

    A runtime that does not do as it is told does not say so; another arithmetic has another calibration.
    """
    drift = _drift(embedder_answer(embedder), expected, "matcher")
    distance = float(np.linalg.norm(drift)) / float(np.linalg.norm(expected))
    if not distance >= LEAST_ROUNDED:
        raise GoldenVectorError(
            f"matcher: the drawn face's embedding lies {distance:.6f} from the one in fp32, expected in "
            f"bfloat16 at least {LEAST_ROUNDED}: it does not run in bfloat16"
        )


def _drift(answer: Answer, expected: Sequence[float], whose: str) -> Answer:
    if answer.size != len(expected):
        raise GoldenVectorError(f"{whose}: {answer.size} numbers, expected {len(expected)}")
    return np.abs(np.subtract(answer, expected))
