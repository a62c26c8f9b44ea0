"""Values that the networks share: image, box, landmarks, face, embedding with its matcher's identity."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.values.identity import MatcherIdentity, Metric

ImageBGR: TypeAlias = NDArray[np.uint8]
"""H×W×3, uint8, blue first, origin top left."""

Landmarks: TypeAlias = NDArray[np.float32]
"""5×2, (x, y) in pixels of the image: right eye, left eye, nose tip, right and left mouth corner.

Right and left are the person's own.
"""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the image it was found in; it may reach over the image's edge."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """468 points on a face."""

    points_in_image: NDArray[np.float32]
    """468×3: x, y in pixels of the image; z in the same unit, smaller nearer to the camera."""
    score: float
    """How sure the network is that it looked at a face, 0 to 1; it is for the caller to judge."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face, in pixels of the image it was found in."""

    box_in_image: Box
    landmarks: Landmarks
    score: float
    """The detector's confidence, 0 to 1."""
    mesh: Mesh | None = None
    """A second network's view of it; None where nobody looked or it saw no face."""


@dataclass(frozen=True, slots=True, eq=False)
class AlignedFace:
    """A face turned and scaled onto a matcher's layout."""

    image_bgr: ImageBGR
    layout: str
    """Name of the layout, such as `arcface-112`."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A face as a vector of one matcher."""

    vector: NDArray[np.float32]
    """Shape (D,); L2 norm 1 unless the matcher is compared by distance and not normalised."""
    matcher: MatcherIdentity
    metric: Metric = "cosine"
