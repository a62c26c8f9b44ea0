"""The pictures that an officer needs for a referral: the document photo and the best frames, as JPEG."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import cv2

from lane.capture import Capture
from lane.ports import Picture
from lane.reference import Reference
from models.face import ImageBGR
from models.image import encode_jpeg

LONGEST_SIDE_PX = 1280


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with what an officer must know of it."""

    role: str
    """`document` or `live`."""
    picture: Picture
    sequence: int | None = None
    captured_at: datetime | None = None

    def fact(self) -> dict[str, Any]:
        """What the ledger keeps: which picture, never the picture."""
        return {
            "role": self.role,
            "sha256": self.picture.sha256,
            "media_type": self.picture.media_type,
            "sequence": self.sequence,
            "captured_at": self.captured_at.isoformat() if self.captured_at else None,
        }


def to_show(reference: Reference, taken: Capture) -> tuple[Shown, ...]:
    """The document photo first, where it could be decoded, then the best frames, the best of them first."""
    return tuple(_to_show(reference, taken))


def _to_show(reference: Reference, taken: Capture) -> Iterator[Shown]:
    if reference.image_bgr is not None:
        yield Shown("document", _picture(reference.image_bgr))
    for seen in taken.best:
        frame = seen.frame
        yield Shown("live", _picture(frame.image_bgr), frame.sequence, frame.captured_at)


def _picture(image_bgr: ImageBGR) -> Picture:
    height, width = image_bgr.shape[:2]
    scale = LONGEST_SIDE_PX / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image_bgr = cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA).astype("uint8")
    content = encode_jpeg(image_bgr)
    return Picture(hashlib.sha256(content).hexdigest(), "image/jpeg", content)
