"""How usable a face is: one function for each measure, no verdict and no limit.

Names follow ISO/IEC 29794-5 components where one is meant. Values are raw, in their own unit, not the
standard's mapped 0 to 100: they come from five landmarks and are not OFIQ's.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models import mesh
from models.align import ARCFACE_112, align, inverse, similarity_transform
from models.errors import InferenceError
from models.face import Box, Face, ImageBGR, Landmarks, Mesh
from models.measurement import Measure, NotAssessed, measured
from models.mesh import Points

Luminance = NDArray[np.float32]
"""H×W, 0 black to 255 white."""

NORMALISED = ARCFACE_112.enlarged(2)
"""224×224, eyes 70 px apart: pixels are judged at this size, whatever size the face had in its image."""

INNER_FACE = (slice(76, 208), slice(52, 172))
"""Rows and columns of the normalised face from above the brows to below the mouth, without background."""

WHOLE_SQUARE = (slice(0, NORMALISED.size), slice(0, NORMALISED.size))

NO_TURN = NotAssessed("the mesh spans no face")

MIN_SHOWN = 0.9
"""The part of the normalised square that must lie inside the image for its pixels to be judged."""

BLUR_WINDOW = 11
NOISE_SIGMA_PX = 1.5

# Five points of MediaPipe's canonical face model, in cm: right eye, left eye (means of their corners),
# nose tip, mouth corners. x to the image's right, y down, z away from the camera.
MODEL_POINTS = np.array(
    [
        [-3.151, -2.625, -3.466],
        [3.151, -2.625, -3.466],
        [0.0, 1.127, -7.476],
        [-2.456, 4.343, -4.284],
        [2.456, 4.343, -4.284],
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class FaceView:
    """What the measures look at."""

    landmarks: Landmarks
    mesh: Mesh | None
    box: Box
    image_width: int
    image_height: int
    normalised: Luminance
    """The face on the `NORMALISED` layout."""
    square_shown: float
    """The part of that square that lies inside the image, 0 to 1."""
    face_shown: float
    """The part of its `INNER_FACE` that lies inside the image, 0 to 1."""


def assess(image_bgr: ImageBGR, face: Face) -> dict[str, Measure]:
    """Every measure of `MEASURES` by its name; one that cannot be taken says why."""
    try:
        view = face_view(image_bgr, face)
    except InferenceError as error:
        return dict.fromkeys(MEASURES, NotAssessed(str(error)))
    return {name: measure(view) for name, measure in MEASURES.items()}


def face_view(image_bgr: ImageBGR, face: Face) -> FaceView:
    """The face at the size that measures are taken at; InferenceError if the landmarks span no face."""
    normalised = align(image_bgr, face.landmarks, NORMALISED).image_bgr
    height, width = image_bgr.shape[:2]
    return FaceView(
        face.landmarks,
        face.mesh,
        face.box_in_image,
        width,
        height,
        cv2.cvtColor(normalised, cv2.COLOR_BGR2GRAY).astype(np.float32),
        _shown_part(face.landmarks, WHOLE_SQUARE, width, height),
        _shown_part(face.landmarks, INNER_FACE, width, height),
    )


def sharpness(view: FaceView) -> Measure:
    """0 (blurred) to 1: how much detail of the normalised face another blur would still take away.

    Independent of contrast and brightness. ISO/IEC 29794-5 *Sharpness* by the no-reference measure of
    Crété-Roffet et al., *The Blur Effect* (2007), as 1 - blur, on pixels smoothed first: without that,
    sensor noise makes a blurred face look sharp.
    """
    if view.square_shown < MIN_SHOWN:
        return NotAssessed("face at the edge of the image")
    smooth = np.asarray(cv2.GaussianBlur(view.normalised, (0, 0), NOISE_SIGMA_PX), np.float32)
    kept = [_blur_effect(smooth), _blur_effect(np.ascontiguousarray(smooth.T))]
    return measured(1 - max(kept))


def brightness(view: FaceView) -> Measure:
    """0 (black) to 1 (white): mean luminance from brows to mouth. ISO/IEC 29794-5 *Luminance mean*."""
    if view.square_shown < MIN_SHOWN:
        return NotAssessed("face at the edge of the image")
    return measured(float(view.normalised[INNER_FACE].mean()) / 255)


def shown(view: FaceView) -> Measure:
    """0 to 1: the part of the face, from above the brows to below the mouth, that the image has not cut off.

    Stands in for ISO/IEC 29794-5 *Crop of the face image*, on either side, above and below. A matcher takes
    what is missing for black skin; in CASIA-FaceV5 one cut picture made four of five false non-matches.
    """
    return measured(view.face_shown)


def inter_eye_distance_px(view: FaceView) -> Measure:
    """Pixels of the image between the eye centres. ISO/IEC 29794-5 *Inter-eye distance*.

    Not divided by cos(yaw) as the standard does: a turned head has fewer pixels, and this says so.
    """
    return measured(float(np.linalg.norm(view.landmarks[1] - view.landmarks[0])))


def yaw_deg(view: FaceView) -> Measure:
    """-90 to 90 degrees, positive when the person looks to their left (the image's right).

    ISO/IEC 29794-5 *Head pose*, from five points in space where there is a mesh, else from five in the image:
    good for "frontal or not", to about 5 degrees. On 60 photographs and their mirror images, which must turn
    the other way, 95 of 100 agreed to 3.5 degrees with a mesh and to 6.5 without.
    """
    facing = _facing(view)
    if facing is None:
        return NO_TURN
    x, _, z = facing
    return measured(math.degrees(math.atan2(x, -z)))


def pitch_deg(view: FaceView) -> Measure:
    """-90 to 90 degrees, positive when the person looks up. Coarser than `yaw_deg`: noses differ."""
    facing = _facing(view)
    if facing is None:
        return NO_TURN
    _, y, _ = facing
    return measured(math.degrees(math.asin(max(-1.0, min(1.0, -y)))))


def roll_deg(view: FaceView) -> Measure:
    """-180 to 180 degrees, positive when the head is turned clockwise in the image: the line of the eyes."""
    across, down = view.landmarks[1] - view.landmarks[0]
    return measured(math.degrees(math.atan2(down, across)))


def head_size(view: FaceView) -> Measure:
    """Above 0: height of the detector's box over the image's height.

    Stands in for ISO/IEC 29794-5 *Head size*, which needs the chin.
    """
    return measured(view.box.height / view.image_height)


def offset_x(view: FaceView) -> Measure:
    """About -0.5 to 0.5 of the image's width: eye midpoint from the centre, positive to the right."""
    return measured(float(view.landmarks[:2, 0].mean()) / view.image_width - 0.5)


def offset_y(view: FaceView) -> Measure:
    """About -0.5 to 0.5 of the image's height: eye midpoint from the centre, positive downwards."""
    return measured(float(view.landmarks[:2, 1].mean()) / view.image_height - 0.5)


def eye_opening(view: FaceView) -> Measure:
    """Above 0: height over width of the eye that is open less. ISO/IEC 29794-5 *Eyes open*.

    Narrow eyes that are open and eyes half shut overlap (`mesh.eye_opening`): no limit is shipped.
    """
    return _of_mesh(view, lambda seen: min(mesh.eye_opening(seen)))


def mouth_opening(view: FaceView) -> Measure:
    """From 0, shut: the gap between the lips over the mouth's width. ISO/IEC 29794-5 *Mouth closed*."""
    return _of_mesh(view, mesh.mouth_opening)


MEASURES: dict[str, Callable[[FaceView], Measure]] = {
    "sharpness": sharpness,
    "brightness": brightness,
    "shown": shown,
    "inter_eye_distance_px": inter_eye_distance_px,
    "yaw_deg": yaw_deg,
    "pitch_deg": pitch_deg,
    "roll_deg": roll_deg,
    "head_size": head_size,
    "offset_x": offset_x,
    "offset_y": offset_y,
    "eye_opening": eye_opening,
    "mouth_opening": mouth_opening,
}


def _of_mesh(view: FaceView, take: Callable[[Mesh], float]) -> Measure:
    if view.mesh is None:
        return NotAssessed("no mesh")
    try:
        return measured(take(view.mesh))
    except InferenceError as error:
        return NotAssessed(str(error))


def _blur_effect(pixels: Luminance) -> float:
    """0 sharp to 1 blurred along rows: the part of the variation that a strong blur leaves as it is."""
    blurred = cv2.blur(pixels, (BLUR_WINDOW, 1))
    variation, after = np.abs(np.diff(pixels, axis=1)), np.abs(np.diff(blurred, axis=1))
    total = float(variation.sum())
    return 1 - float((variation - after).clip(min=0).sum()) / total if total else 1.0


def _facing(view: FaceView) -> tuple[float, float, float] | None:
    """Unit vector of where the face looks: x to the image's right, y down, z away from the camera."""
    if view.mesh is None:
        return _facing_by_landmarks(view.landmarks)
    return _facing_in_space(mesh.five_in_space(view.mesh))


def _facing_in_space(points: Points) -> tuple[float, float, float] | None:
    """By the turn that brings the model nearest to five points in space (Kabsch, 1976). None for a point."""
    model, seen = MODEL_POINTS - MODEL_POINTS.mean(0), points.astype(np.float64) - points.mean(0)
    if not (seen**2).sum() > 1e-6:  # NaN compares false
        return None
    left, _, right = np.linalg.svd(model.T @ seen)
    upright = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])  # a turn, no mirror image
    turn = (left @ upright @ right).T
    x, y, z = -turn[:, 2]
    return float(x), float(y), float(z)


def _facing_by_landmarks(landmarks: Landmarks) -> tuple[float, float, float]:
    """Weak perspective: the 2×3 matrix that projects the model onto the landmarks, brought to the nearest
    one with orthonormal rows.
    """
    model, points = MODEL_POINTS - MODEL_POINTS.mean(0), landmarks - landmarks.mean(0)
    projection = np.linalg.lstsq(model, points.astype(np.float64), rcond=None)[0].T
    left, _, right = np.linalg.svd(projection, full_matrices=False)
    rows = left @ right
    x, y, z = -np.array([rows[0, 2], rows[1, 2], np.cross(rows[0], rows[1])[2]])
    return float(x), float(y), float(z)


def _shown_part(landmarks: Landmarks, part: tuple[slice, slice], width: int, height: int) -> float:
    """How much of this part (rows, columns) of the normalised square the image covers, on 16×16 points."""
    to_square = similarity_transform(landmarks, NORMALISED.landmarks)
    down, across = (one.start + (np.arange(16) + 0.5) * (one.stop - one.start) / 16 for one in part)
    grid = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2).astype(np.float32)
    x, y = inverse(to_square, grid).T
    return float(((x >= 0) & (x < width) & (y >= 0) & (y < height)).mean())
