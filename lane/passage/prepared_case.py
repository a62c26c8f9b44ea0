"""A case whose truth is known, for an officers' desk: pictures, and what this lane would say of them."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from lane.capture.measuring import Measurer, Stopwatch
from lane.decision.evidence import to_plain
from lane.decision.policy import Policy
from lane.passage.officer_pictures import make_picture
from lane.passage.picture_comparison import compare_pictures, read_picture
from lane.platform.clock import Clock
from lane.platform.errors import PictureError

VERSION = 1
MOST_LIVE = 8


def prepare(
    document: Path,
    live: Sequence[Path],
    truth: Literal["same", "different"],
    measurer: Measurer,
    policy: Policy,
    clock: Clock,
    *,
    training: bool,
) -> dict[str, Any]:
    """The case as `python -m api case add` reads it. Raises PictureError, ModelError."""
    if not 1 <= len(live) <= MOST_LIVE:
        raise PictureError(f"a case has 1 to {MOST_LIVE} live pictures")
    found = compare_pictures(document, live, measurer, policy, clock)
    return {
        "version": VERSION,
        "truth": truth,
        "training": training,
        "judged": {
            "reasons": to_plain(found.outcome.reasons),
            "remarks": to_plain(found.outcome.remarks),
            "evidence": to_plain(found.evidence),
        },
        "images": [
            _picture("document", document, measurer),
            *(_picture("live", one, measurer) for one in live),
        ],
    }


def _picture(role: str, path: Path, measurer: Measurer) -> dict[str, Any]:
    """As the officer will see it: not larger than a lane sends it, with the eyes of its only face."""
    image_bgr = read_picture(path)
    sighting = measurer.look(image_bgr, Stopwatch())
    shown = make_picture(role, image_bgr, sighting.only_face)
    return {
        "role": role,
        "jpeg": base64.b64encode(shown.picture.content).decode(),
        "eyes": shown.eyes and [list(eye) for eye in shown.eyes],
    }
