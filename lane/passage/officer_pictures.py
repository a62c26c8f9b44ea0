"""The pictures that an officer needs for a referral: the document photo and the best frames, as JPEG."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import cv2
import numpy as np

from lane.cameras.frame import Frame
from lane.capture.capture import Capture
from lane.capture.reference import Reference
from lane.ledger.entry import Picture
from models.image import encode_jpeg
from models.values.face import Face, ImageBGR

LONGEST_SIDE_PX = 1280

Eyes = tuple[tuple[float, float], tuple[float, float]]
"""The person's right and left eye, in pixels of the picture."""


@dataclass(frozen=True, slots=True)
class OfficerPicture:
    role: str
    """`document` or `live`."""
    picture: Picture
    eyes: Eyes | None
    """Where exactly one face is in it: the page shows both faces at one size, eyes on one line."""
    sequence: int | None = None
    captured_at: datetime | None = None

    def fact(self) -> dict[str, Any]:
        """What the ledger keeps: the picture's hash, never the picture."""
        return {
            "role": self.role,
            "sha256": self.picture.sha256,
            "media_type": self.picture.media_type,
            "eyes": self.eyes and [list(eye) for eye in self.eyes],
            "sequence": self.sequence,
            "captured_at": self.captured_at.isoformat() if self.captured_at else None,
        }


def select_pictures(reference: Reference, capture: Capture) -> tuple[OfficerPicture, ...]:
    """The document photo first, where it could be decoded, then the best frames, the best of them first."""
    pictures = []
    if reference.image_bgr is not None:
        pictures.append(make_picture("document", reference.image_bgr, reference.face))
    for assessed in capture.frames_for_officer():
        frame, face = assessed.frame, assessed.sighting.only_face
        pictures.append(make_picture("live", frame.image_bgr, face, frame))
    return tuple(pictures)


def make_picture(
    role: str, image_bgr: ImageBGR, face: Face | None, frame: Frame | None = None
) -> OfficerPicture:
    """A picture no larger than a page needs, with the eyes of its face."""
    height, width = image_bgr.shape[:2]
    scale = min(1.0, LONGEST_SIDE_PX / max(height, width))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image_bgr = np.asarray(cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    content = encode_jpeg(image_bgr)
    picture = Picture(hashlib.sha256(content).hexdigest(), "image/jpeg", content)
    eyes = None
    if face is not None:
        (right_x, right_y), (left_x, left_y) = (face.landmarks[:2] * scale).round(1).tolist()
        eyes = (right_x, right_y), (left_x, left_y)
    if frame is None:
        return OfficerPicture(role, picture, eyes)
    return OfficerPicture(role, picture, eyes, frame.sequence, frame.captured_at)
