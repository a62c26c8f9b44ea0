"""What a user would otherwise pick, on the same frames: used as its own README uses it, never tuned."""

import contextlib
import hashlib
import importlib
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from benchmarks.acquire import Failure, Vector
from benchmarks.frames import Walk
from benchmarks.meant import MERITS
from benchmarks.passes import LanePass
from benchmarks.progress import follow
from benchmarks.timing import settled_garbage, spread
from models.face import Box, ImageBGR
from models.identity import MatcherIdentity
from models.image import decode

FACE_RECOGNITION = "face_recognition"
INSTALL = (
    "not installed here: `make bench-peers`, or `make bench-peers BENCH=accuracy ARGS='--root …'`, makes an "
    "environment with it (requirements-peers.lock)"
)
WARM_UP = 3
FRAMES = 3
"""Of a capture, as many as the shipped policy asks of a lane."""


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


class FaceRecognitionLooker:
    """face_recognition 1.3.0 on single pictures: its own locations, its own encoding of one of them.

    Which of several faces is meant is told by the same rule as for the lane. One picture at a time: nobody
    says whether its globals bear threads.
    """

    def __init__(self, library: Any, weights: Path, face: str) -> None:
        self._library, self._merit, self._alone = library, MERITS[face], threading.Lock()
        recipe = hashlib.sha256(b"face_recognition 1.3.0: HOG locations, small landmarks, one encoding")
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        self.identity = MatcherIdentity(FACE_RECOGNITION, digest, recipe.hexdigest())

    @classmethod
    def load(cls, face: str) -> "FaceRecognitionLooker | str":
        """Ready, or why not."""
        library = _library()
        if isinstance(library, str):
            return library
        weights = importlib.import_module("face_recognition_models").face_recognition_model_location()
        return cls(library, Path(weights), face)

    @property
    def matchers(self) -> tuple[str, ...]:
        """Only itself."""
        return (FACE_RECOGNITION,)

    def look(self, image_bgr: ImageBGR) -> Mapping[str, Vector | Failure]:
        """Compared by 1 - distance; no face at its own detector is a failure to acquire."""
        with self._alone:
            return {FACE_RECOGNITION: self._encoded(image_bgr)}

    def capture(
        self,
        images_bgr: Iterator[ImageBGR],
        interval_s: float,  # noqa: ARG002  it looks at each frame alone
    ) -> Mapping[str, Vector | Failure]:
        """The mean encoding of the first frames in which it finds a face; it has no rule of its own."""
        encoded = (self.look(image_bgr)[FACE_RECOGNITION] for image_bgr in images_bgr)
        found = list(islice((one for one in encoded if not isinstance(one, Failure)), FRAMES))
        enough = len(found) == FRAMES
        return {FACE_RECOGNITION: np.mean(found, axis=0) if enough else Failure("no_face")}

    def _encoded(self, image_bgr: ImageBGR) -> Vector | Failure:
        rgb = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB)
        locations = self._library.face_locations(rgb)
        if not locations:
            return Failure("no_face")
        best = max(locations, key=lambda place: self._merit(_box(*place), image_bgr))
        encodings = self._library.face_encodings(rgb, [best])
        return np.asarray(encodings[0], np.float32) if encodings else Failure("not_measured")


def _box(top: int, right: int, bottom: int, left: int) -> Box:
    """As face_recognition orders its sides."""
    return Box(left, top, right - left, bottom - top)


def compared(lane: LanePass, walk: Walk, count: int) -> dict[str, Any]:
    """For each peer the ratio of its time to ours, or why it was skipped, as JSON values."""
    library = _library()
    if isinstance(library, str):
        return {FACE_RECOGNITION: {"skipped": library}}
    peer = FaceRecognition(library, decode(walk.document.photo))
    return {FACE_RECOGNITION: _paired(lane, peer, walk, count)}


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


def _library() -> Any:
    """face_recognition, or a sentence on why it cannot be used."""
    if find_spec(FACE_RECOGNITION) is None:
        return INSTALL
    try:
        return _imported(FACE_RECOGNITION)
    except (ImportError, SystemExit) as error:  # it quits the interpreter where its weights are missing
        return f"does not import: {error}"


def _imported(name: str) -> Any:
    """The library, with its warnings about its own packaging kept from ours, and its prints from our JSON."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        return importlib.import_module(name)
