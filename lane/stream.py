"""Whether frames came from the camera, now: what they show, and when they came, gives a lie away."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lane.evidence import Check, StreamEvidence
from lane.frame import Frame


def examine_stream(frames: Sequence[Frame]) -> StreamEvidence:
    """Of the frames that decide, in the order in which they came."""
    if len(frames) < 2:
        return StreamEvidence()
    signs = []
    if not all(one.captured_monotonic_s < next_.captured_monotonic_s for one, next_ in pairwise(frames)):
        signs.append("clock")
    if any(np.array_equal(one.image_bgr, next_.image_bgr) for one, next_ in pairwise(frames)):
        signs.append("frozen")
    return StreamEvidence(Check.FAILED if signs else Check.SUCCESSFUL, tuple(signs))
