"""468 points on one face (MediaPipe's face mesh), and what is read off them: five landmarks, eyes, mouth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from statistics import fmean
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.catalogue.spec import NetworkSpec
from models.detect.align import ARCFACE_112, FARTHEST_PX, Similarity, crop_by, inverse, similarity_transform
from models.errors import InferenceError
from models.runtime.session import Session, Tensor, to_tensor
from models.values.face import Box, Face, ImageBGR, Landmarks, Mesh

Points: TypeAlias = NDArray[np.float32]

SIZE = 192
"""Pixels along each side of the crop that the network was trained with."""
REACH = 1.5
"""The crop's side over the longer side of the face's box, as MediaPipe's own graph has it."""
COUNT = 468
NO_FACE = "the mesh spans no face"
"""Why there is no measure of it."""
LEAST_SIDE_PX = 1e-3
"""Of what is shown on the crop: boxes and landmarks are in pixels, and a face has several."""

# Numbers of points in MediaPipe's canonical face model; right and left are the person's own.
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = (33, 133), (362, 263)
RIGHT_LIDS, LEFT_LIDS = ((160, 144), (158, 153)), ((385, 380), (387, 373))
NOSE_TIP, MOUTH_CORNERS, INNER_LIPS = 1, (61, 291), (13, 14)

MIN_SCORE = 0.5
"""Below, the network saw no face. On 7,069 photographs it was above 0.9 but for a handful."""
MAX_APART = 0.35
"""How far the mesh's landmarks may lie from the detector's: their mean distance over the landmarks' spread.

On 1,274 photographs of research sets the median was 0.06, one in a thousand above 0.19, none above 0.25. A
mesh that has fallen into one point lies 0.44 away."""


class FaceMesh:
    """MediaPipe's face landmark network (Kartynnik et al., 2019) on one face that a detector found."""

    def __init__(self, spec: NetworkSpec, session: Session) -> None:
        self._input = spec.input
        self._session = session

    def look(self, image_bgr: ImageBGR, landmarks: Landmarks, box: Box) -> Mesh:
        """The face's mesh; InferenceError if box or landmarks span no face."""
        to_crop = crop_transform(landmarks, box)
        crop = crop_by(image_bgr, to_crop, SIZE)
        return mesh_in_image(self._session.run(to_tensor(crop, self._input)), to_crop)

    def refine(self, image_bgr: ImageBGR, face: Face) -> Face:
        """The face with its mesh, or as it was where the network sees none or one elsewhere."""
        mesh = self.look(image_bgr, face.landmarks, face.box_in_image)
        return replace(face, mesh=mesh) if agrees(mesh, face.landmarks) else face


def agrees(mesh: Mesh, landmarks: Landmarks) -> bool:
    """Whether the network saw a face, and where the detector did: no other mesh may say how a crop lies."""
    if not (mesh.score >= MIN_SCORE and np.isfinite(mesh.points_in_image).all()):  # NaN compares false
        return False
    try:
        apart = np.linalg.norm(fitted_landmarks(mesh) - landmarks, axis=1).mean()
    except InferenceError:
        return False
    spread = np.linalg.norm(landmarks - landmarks.mean(0))
    return bool(apart <= MAX_APART * spread < np.inf)


def crop_transform(landmarks: Landmarks, box: Box) -> Similarity:
    """Image to crop: a square around the box, eyes level; InferenceError for what is no face in a picture."""
    if not np.abs(landmarks).max() <= FARTHEST_PX:  # NaN compares false
        raise InferenceError("landmarks do not span a face: not finite, or in no picture")
    (right_x, right_y), (left_x, left_y) = landmarks[:2].tolist()
    across, down = left_x - right_x, left_y - right_y
    apart, side = math.hypot(across, down), REACH * max(box.width, box.height)
    x, y = box.x + box.width / 2, box.y + box.height / 2
    near = abs(x) <= FARTHEST_PX and abs(y) <= FARTHEST_PX  # NaN compares false
    if not (near and apart > 0 and LEAST_SIDE_PX <= side <= FARTHEST_PX):
        raise InferenceError("box and landmarks do not span a face")
    cos, sin = across / apart * SIZE / side, down / apart * SIZE / side
    return np.array([[cos, sin, SIZE / 2 - cos * x - sin * y], [-sin, cos, SIZE / 2 + sin * x - cos * y]])


def mesh_in_image(outputs: Mapping[str, Tensor], to_crop: Similarity) -> Mesh:
    """The network's answer, brought back from the crop into the image; InferenceError for another's."""
    shapes = {name: output.shape for name, output in outputs.items()}
    if shapes != {"landmarks": (1, COUNT, 3), "face": (1, 1)}:
        raise InferenceError(f"not the answer of a face mesh: {shapes}")
    in_crop = outputs["landmarks"][0].astype(np.float64)
    in_image = inverse(to_crop, in_crop[:, :2])
    depth = in_crop[:, 2:] / np.hypot(to_crop[0, 0], to_crop[1, 0])
    logit = float(outputs["face"][0, 0].clip(-80, 80))  # exp(710) is infinite
    return Mesh(np.hstack([in_image, depth]).astype(np.float32), float(1 / (1 + np.exp(-logit))))


def five_points(mesh: Mesh) -> Landmarks:
    """Eye centres, nose tip and mouth corners, in pixels of the image and in the order of `Landmarks`.

    An eye's centre is the middle of its corners, which stays where the gaze and the lids move.
    """
    return five_in_space(mesh)[:, :2]


def five_in_space(mesh: Mesh) -> Points:
    """`five_points` with their depth: 5×3, z in pixels of the image, smaller nearer to the camera."""
    points = mesh.points_in_image
    eyes = [_middle(points, *corners) for corners in (RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS)]
    return np.array([*eyes, *(points[number].tolist() for number in (NOSE_TIP, *MOUTH_CORNERS))], np.float32)


def _middle(points: Points, one: int, other: int) -> list[float]:
    return [(a + b) / 2 for a, b in zip(points[one].tolist(), points[other].tolist(), strict=True)]


def fitted_landmarks(mesh: Mesh) -> Landmarks:
    """Five landmarks where they would be if this face had the mean shape, in pixels of the image.

    The mean shape's inner 340 points are brought onto the mesh by the similarity that fits them best; a
    single point that is off, an open mouth or a raised brow moves such landmarks little. InferenceError for
    a mesh that spans no face.
    """
    numbers, shape = mean_shape()
    to_layout = similarity_transform(mesh.points_in_image[numbers, :2], shape)
    return inverse(to_layout, ARCFACE_112.landmarks)


def eye_opening(mesh: Mesh) -> tuple[float, float]:
    """How far the right and the left eye are open: height over width (Soukupová and Čech, 2016).

    In 404 photographs of research sets half of the eyes were above 0.24, 5 % below 0.17, 1 % below 0.14:
    narrow eyes that are open and eyes half shut overlap. InferenceError for an eye without width.
    """
    return (
        _opening(mesh.points_in_image, RIGHT_LIDS, RIGHT_EYE_CORNERS),
        _opening(mesh.points_in_image, LEFT_LIDS, LEFT_EYE_CORNERS),
    )


def mouth_opening(mesh: Mesh) -> float:
    """The gap between the lips over the mouth's width, 0 where it is shut; InferenceError for no width."""
    return _opening(mesh.points_in_image, (INNER_LIPS,), MOUTH_CORNERS)


def _opening(points: Points, gaps: Sequence[tuple[int, int]], corners: tuple[int, int]) -> float:
    """The mean of the gaps over the distance of the corners, in space: a turned head changes little."""
    width = _distance(points, *corners)
    if not width > 0:  # NaN compares false
        raise InferenceError(NO_FACE)
    return fmean(_distance(points, *gap) for gap in gaps) / width


def _distance(points: Points, one: int, other: int) -> float:
    return math.dist(points[one].tolist(), points[other].tolist())


@cache
def mean_shape() -> tuple[NDArray[np.intp], Points]:
    """Numbers of the points from brows to lips, and where they lie on the ArcFace layout on average.

    The mean of 7,069 photographs of 3,460 people, each brought onto the layout by its five landmarks.
    """
    text = resources.files("models.detect").joinpath("mesh_shape.csv").read_text(encoding="ascii")
    rows = np.loadtxt(text.splitlines(), delimiter=",", skiprows=1)
    return rows[:, 0].astype(np.intp), rows[:, 1:].astype(np.float32)
