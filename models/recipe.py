"""What happens to a picture before a matcher sees it, as one hash: a calibration fits no other."""

import hashlib
import json
from collections.abc import Sequence

from models.align import layout_of
from models.catalogue import NetworkSpec

STEPS = (
    "detect at full and half scale",
    "close-up landmarks, mean of cells",
    "similarity, averaged down",
    "mean with the mirrored crop, aligned by 340 points of the mesh where there is one",
)
"""In order. A change of any step that moves a score gets another wording here."""


def preprocessing(matcher: NetworkSpec, others: Sequence[NetworkSpec]) -> str:
    """SHA-256 over the steps, the other networks' files, the matcher's layout and its input."""
    layout = layout_of(matcher)
    told = {
        "steps": STEPS,
        "networks": {spec.role: spec.sha256 for spec in others},
        "layout": [layout.name, layout.size, layout.landmarks.tolist()],
        "input": [matcher.input.colour, matcher.input.mean, matcher.input.scale],
        "answer": [matcher.metric, matcher.normalise],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
