"""Which of several faces on a picture is compared: LFW labels the prominent one, a lane takes the largest."""

from collections.abc import Callable

import numpy as np

from lane.capture.measuring import Measurer, Sighting, Stopwatch
from models.quality.assessment import assess
from models.values.face import Box, ImageBGR

Look = Callable[[ImageBGR, Measurer], Sighting]
Merit = Callable[[Box, ImageBGR], float]


def prominence(box: Box, image_bgr: ImageBGR) -> float:
    """Area less twice the squared distance from the picture's centre, as is usual with LFW."""
    return area(box, image_bgr) - 2 * centrality(box, image_bgr) ** 2


def centrality(box: Box, image_bgr: ImageBGR) -> float:
    """0 in the picture's centre, falling with the distance of the box's centre from it, in pixels."""
    height, width = image_bgr.shape[:2]
    away = (box.x + box.width / 2 - width / 2, box.y + box.height / 2 - height / 2)
    return -float(np.hypot(*away))


def area(box: Box, image_bgr: ImageBGR) -> float:  # noqa: ARG001  a merit, as the others
    """In square pixels."""
    return box.width * box.height


MERITS: dict[str, Merit] = {
    "prominent": prominence,
    "largest": area,
    "central": centrality,
}


def look_for(face: str) -> Look:
    """The lane's look at the face that this merit names; for the largest, the very look of a lane."""
    if face == "largest":
        return lambda image_bgr, measurer: measurer.look(image_bgr, Stopwatch())
    merit = MERITS[face]

    def look(image_bgr: ImageBGR, measurer: Measurer) -> Sighting:
        faces = measurer.networks.detector.detect(image_bgr)
        if not faces:
            return Sighting(image_bgr, 0, None, {})
        chosen = max(faces, key=lambda one: merit(one.box_in_image, image_bgr))
        face = measurer.networks.refined(image_bgr, chosen)
        return Sighting(image_bgr, len(faces), face, assess(image_bgr, face))

    return look
