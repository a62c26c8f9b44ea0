"""Real photographs made worse by known amounts: light, colour, compression, and things in front of a face."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detect.detector import FaceDetector
from models.image import decode, encode_jpeg
from models.values.face import Face, ImageBGR, Mesh

RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)
MASKED = (
    *(234, 227, 116, 117, 118, 6, 347, 346, 345, 447, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93),
)


def portrait(image: ImageBGR, detector: FaceDetector, eyes_apart_px: float) -> ImageBGR:
    """The first face and as much around it on each side, with the eyes so far apart."""
    face = detector.detect(image)[0]
    factor, box = eyes_apart_px / eyes_apart(face), face.box_in_image
    left, top = max(0, round(box.x - box.width)), max(0, round(box.y - box.height))
    part = image[top : round(box.y + 2 * box.height), left : round(box.x + 2 * box.width)]
    return np.asarray(cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def blurred(image: ImageBGR, sigma_px: float) -> ImageBGR:
    """Out of focus; 0 leaves it as it is."""
    return image if sigma_px == 0 else np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.uint8)


def exposed(image: ImageBGR, factor: float) -> ImageBGR:
    """Longer or shorter: stored values times the factor."""
    return (image * float(factor)).clip(0, 255).astype(np.uint8)


def lit_from_one_side(image: ImageBGR, face: Face, strength: float) -> ImageBGR:
    """Across the face light falls to 1 - strength."""
    left, right = face.box_in_image.x, face.box_in_image.x + face.box_in_image.width
    across = ((np.arange(image.shape[1]) - left) / (right - left)).clip(0, 1)
    return (image * (1 - strength * across)[None, :, None]).astype(np.uint8)


def farther(image: ImageBGR, times: float) -> ImageBGR:
    """So many times as far away, in a frame of the same size."""
    small = cv2.resize(image, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA)
    down, across = image.shape[0] - small.shape[0], image.shape[1] - small.shape[1]
    room = ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0))
    return np.asarray(np.pad(small, room, mode="edge"), np.uint8)


def veiled(image: ImageBGR, contrast: float) -> ImageBGR:
    """Behind a grey veil that leaves this part of the contrast."""
    return (128 + (image.astype(np.float32) - 128) * contrast).astype(np.uint8)


def in_coloured_light(image: ImageBGR, blue: float) -> ImageBGR:
    """With this much more blue than red."""
    return np.asarray((image * np.array([blue, 1, 1 / blue])).clip(0, 255), np.uint8)


def greyed(image: ImageBGR, part: float) -> ImageBGR:
    """With this part of its colour gone."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    return np.asarray(image * (1 - part) + grey * part + 0.5, np.uint8)


def compressed(image: ImageBGR, quality: float) -> ImageBGR:
    """Once through JPEG."""
    return decode(encode_jpeg(image, round(quality)))


def behind_glasses(image: ImageBGR, face: Face, opacity: float, eyes: Sequence[str] = "rl") -> ImageBGR:
    """Dark lenses in front of both eyes, or of the right or left one."""
    for eye in eyes:
        middle = [
            *points(face)[list(RIGHT_EYE if eye == "r" else LEFT_EYE)].mean(0),
            0,
            eyes_apart(face) * 0.06,
        ]
        axes = (round(eyes_apart(face) * 0.42), round(eyes_apart(face) * 0.3))
        outline = cv2.ellipse2Poly((round(middle[0]), round(middle[1])), axes, 0, 0, 360, 10)
        image = behind(image, np.asarray(outline), (15, 15, 15), opacity)
    return image


def behind_mask(image: ImageBGR, face: Face, opacity: float) -> ImageBGR:
    """A light blue mask over nose, mouth and chin."""
    return behind(image, points(face)[list(MASKED)], (215, 190, 150), opacity)


def behind_hand(image: ImageBGR, face: Face, opacity: float) -> ImageBGR:
    """Something of the colour of skin in front of the mouth."""
    middle, reach = points(face)[[0, 17]].mean(0), eyes_apart(face) * np.array([0.6, 0.45])
    corners = middle + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * reach
    cheek = points(face)[50].round().astype(int)
    colour = image[cheek[1] - 3 : cheek[1] + 4, cheek[0] - 3 : cheek[0] + 4].reshape(-1, 3).mean(0)
    return behind(image, corners, colour, opacity)


def tilted(image: ImageBGR, degrees: float) -> ImageBGR:
    """Turned clockwise about its middle."""
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    return np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def turned(face: Face, axis: int, degrees: float) -> Face:
    """The mesh turned in space: to the person's left about axis 1, upwards about axis 0."""
    assert face.mesh is not None
    points = face.mesh.points_in_image
    one, other = (2, 0) if axis == 1 else (1, 2)
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    middle = points.mean(axis=0)
    about = points - middle
    moved = about.copy()
    moved[:, one] = cosine * about[:, one] + sine * about[:, other]
    moved[:, other] = cosine * about[:, other] - sine * about[:, one]
    return replace(face, mesh=Mesh(moved + middle, face.mesh.score))


def behind(
    image: ImageBGR,
    outline: NDArray[np.generic],
    colour: Sequence[float] | NDArray[np.float64],
    opacity: float,
) -> ImageBGR:
    """Something with this outline and colour that hides this much, with a soft edge and a sensor's noise."""
    mask = np.zeros(image.shape[:2], np.float32)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (1.0,))
    hides = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None] * opacity
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    return (image * (1 - hides) + (np.asarray(colour) + noise) * hides).clip(0, 255).astype(np.uint8)


def points(face: Face) -> NDArray[np.float32]:
    assert face.mesh is not None
    return face.mesh.points_in_image[:, :2]


def eyes_apart(face: Face) -> float:
    return float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
