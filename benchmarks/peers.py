"""What a user would otherwise pick, on the same frames: used as its own README uses it, never tuned."""

import contextlib
import importlib
import sys
import time
import warnings
from importlib.util import find_spec
from typing import Any, Protocol

import cv2
import numpy as np

from benchmarks.frames import Walk
from benchmarks.passes import LanePass
from benchmarks.progress import follow
from benchmarks.timing import settled_garbage, spread
from models.face import ImageBGR
from models.image import decode

INSTALL = "not installed here: `make bench-peers` makes an environment with it (requirements-peers.lock)"
WARM_UP = 3


class Peer(Protocol):
    """A library that finds a face and compares it with a document photo."""

    def recognises(self, frame: ImageBGR) -> bool:
        """One frame, from pixels to match or no match."""
        ...


class FaceRecognition:
    """face_recognition 1.3.0: HOG locations, dlib encodings, distance 0.6, on the whole frame."""

    def __init__(self, library: Any, document_bgr: ImageBGR) -> None:  # the library has no types
        self._library = library
        self._known = library.face_encodings(cv2.cvtColor(document_bgr, cv2.COLOR_BGR2RGB))[0]

    def recognises(self, frame: ImageBGR) -> bool:
        """As in the README's webcam example."""
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        locations = self._library.face_locations(rgb)
        encodings = self._library.face_encodings(rgb, locations)
        return any(self._library.compare_faces([self._known], encoding)[0] for encoding in encodings)


def compared(lane: LanePass, walk: Walk, count: int) -> dict[str, Any]:
    """For each peer the ratio of its time to ours, or why it was skipped, as JSON values."""
    if find_spec("face_recognition") is None:
        return {"face_recognition": {"skipped": INSTALL}}
    try:
        library = _imported("face_recognition")
    except (ImportError, SystemExit) as error:  # it quits the interpreter where its weights are missing
        return {"face_recognition": {"skipped": f"does not import: {error}"}}
    return {
        "face_recognition": _paired(lane, FaceRecognition(library, decode(walk.document.photo)), walk, count)
    }


def _paired(lane: LanePass, peer: Peer, walk: Walk, count: int) -> dict[str, Any]:
    """Frame by frame both, in turns first, so that whatever slows the machine slows both."""
    for frame in walk.first(WARM_UP):
        peer.recognises(frame)
        lane.run(frame)
    ours, theirs, recognised = [], [], 0
    with settled_garbage():
        for number, frame in enumerate(follow(walk.first(count), "Beside face_recognition")):
            if number % 2:
                ours.append(lane.run(frame).whole_ns)
            started = time.perf_counter_ns()
            right = peer.recognises(frame)
            theirs.append(time.perf_counter_ns() - started)
            recognised += right
            if not number % 2:
                ours.append(lane.run(frame).whole_ns)
    low, median, high = np.quantile(np.array(theirs) / np.array(ours), (0.05, 0.5, 0.95))
    return {
        "ratio": round(float(median), 3),
        "ratio_p5": round(float(low), 3),
        "ratio_p95": round(float(high), 3),
        **spread(theirs),
        "ours": spread(ours),
        "recognised": recognised,
    }


def _imported(name: str) -> Any:
    """The library, with its warnings about its own packaging kept from ours, and its prints from our JSON."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        return importlib.import_module(name)
