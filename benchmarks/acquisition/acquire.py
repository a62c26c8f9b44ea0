"""One face of each picture, found and embedded once for every matcher under test.

Of several faces one is chosen: LFW labels the prominent one, a lane takes the largest. A picture that gives
none is a failure to acquire: kept with its cause, never dropped. Nothing is written to disk.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.acquisition.lists import images
from benchmarks.acquisition.recorded_camera import Replay
from benchmarks.errors import BenchmarkError
from benchmarks.harness.progress import follow
from lane.capture.capture import Capture, CaptureSetup, run_capture
from lane.capture.measuring import Measurer, Question, Sighting, Stopwatch
from lane.decision.evidence import CaptureEnd
from lane.decision.policy import Policy, beyond_limits
from models.embed.template import Embedder, embed
from models.errors import ImageError, InferenceError
from models.image import read
from models.quality.assessment import assess
from models.values.face import Box, ImageBGR

T = TypeVar("T")
U = TypeVar("U")
Vector = NDArray[np.float32]

CAPTURED = 3
"""Good frames of a capture that is compared with others, and answers no question of a document."""

CUT_BY_FRAME = ("shown", "cut")
"""Quality components that tell how much of a face the frame leaves; judged by the policy's limits."""
Look = Callable[[ImageBGR, Measurer], Sighting]
Merit = Callable[[Box, ImageBGR], float]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a picture gave no embedding: a short stable word."""

    cause: str


class PictureEncoder(Protocol):
    """Finds and embeds one face of a picture, for one or several matchers."""

    @property
    def matchers(self) -> tuple[str, ...]: ...

    def encode(self, image_bgr: ImageBGR) -> Mapping[str, Vector | Failure]:
        """By matcher. Raises InferenceError where a network fails."""
        ...

    def encode_capture(
        self, images_bgr: Iterator[ImageBGR], interval_s: float
    ) -> Mapping[str, Vector | Failure]:
        """The same of several frames of one capture, as one template."""
        ...


EncodePath = Callable[[Path, Sequence[PictureEncoder]], Mapping[str, Vector | Failure]]
"""What lies at a path, as each matcher sees it."""


@dataclass(frozen=True, slots=True, eq=False)
class Acquired:
    """What the pictures gave to one matcher: a vector by name, or a cause."""

    vectors: dict[str, Vector]
    failures: dict[str, str]

    def causes(self) -> dict[str, int]:
        return dict(sorted(Counter(self.failures.values()).items()))


class LaneEncoder:
    """The lane's own looking: its detector, its landmarks, its templates; one look for all its matchers."""

    def __init__(
        self, measurer: Measurer, embedders: Mapping[str, Embedder], look: Look, rules: Policy
    ) -> None:
        self._measurer, self._embedders, self._look, self._rules = measurer, embedders, look, rules
        limits = {**rules.quality.live, **rules.quality.document}
        self._frame_limits = {name: limits[name] for name in CUT_BY_FRAME if name in limits}

    @property
    def matchers(self) -> tuple[str, ...]:
        return tuple(self._embedders)

    def encode(self, image_bgr: ImageBGR) -> Mapping[str, Vector | Failure]:
        sighting = self._look(image_bgr, self._measurer)
        cause = self.failure(sighting)
        if cause is not None or sighting.face is None:
            return dict.fromkeys(self.matchers, Failure(cause or "no_face"))
        face = sighting.face
        return {name: embed(image_bgr, face, one).vector for name, one in self._embedders.items()}

    def encode_capture(
        self, images_bgr: Iterator[ImageBGR], interval_s: float
    ) -> Mapping[str, Vector | Failure]:
        """The mean of so many good frames as `CAPTURED`. Time stands still while networks work."""
        capture, replay = Capture(), Replay(images_bgr, interval_s)
        question = Question(self._rules.capture.model_copy(update={"good_frames": CAPTURED}))
        run_capture(capture, CaptureSetup(replay, self._measurer, self._rules, replay), question, Stopwatch())
        if capture.ended is not CaptureEnd.ENOUGH:
            return dict.fromkeys(self.matchers, Failure(_why_not_enough(capture)))
        return {name: self._mean(capture, one) for name, one in self._embedders.items()}

    def _mean(self, capture: Capture, embedder: Embedder) -> Vector:
        """Not brought to unit length: by cosine two such means score the mean of all pairs of frames."""
        seen = [good.assessed.sighting for good in capture.good]
        every = [embed(one.image_bgr, one.face, embedder) for one in seen if one.face is not None]
        mean: Vector = np.stack([one.vector for one in every]).mean(axis=0)
        return mean

    def failure(self, sighting: Sighting) -> str | None:
        """Why this sighting is a failure to acquire, or None where the face can be compared."""
        if sighting.face is None:
            return "no_face"
        return "cut_by_frame" if beyond_limits(sighting.quality, self._frame_limits) else None


def encode_picture(path: Path, encoders: Sequence[PictureEncoder]) -> Mapping[str, Vector | Failure]:
    """The picture is read once for all encoders."""
    try:
        image_bgr = read(path)
    except ImageError as error:
        return {name: Failure(error.code) for encoder in encoders for name in encoder.matchers}
    return _encode_by_all(encoders, lambda encoder: encoder.encode(image_bgr))


def encode_as_capture(interval_s: float) -> EncodePath:
    """How `acquire` encodes a folder of frames, so many seconds apart, as a lane takes a live capture.

    It ends, as at a gate, when enough good frames were seen one after the other. As at a gate, the score is
    the mean over frames, here of both sides; the gate's caps where they disagree are left out.
    """
    return lambda folder, encoders: _encode_by_all(
        encoders, lambda encoder: encoder.encode_capture(images(folder), interval_s)
    )


def _encode_by_all(
    encoders: Sequence[PictureEncoder], encode: Callable[[PictureEncoder], Mapping[str, Vector | Failure]]
) -> dict[str, Vector | Failure]:
    """A network that fails is a failure to acquire."""
    found: dict[str, Vector | Failure] = {}
    for encoder in encoders:
        try:
            found |= encode(encoder)
        except InferenceError:
            found |= dict.fromkeys(encoder.matchers, Failure("not_measured"))
    return found


def acquire(
    names: Sequence[str],
    root: Path,
    workers: Sequence[Sequence[PictureEncoder]],
    encode: EncodePath = encode_picture,
) -> dict[str, Acquired]:
    """By matcher, in the order of `names`, a thread for each worker; BenchmarkError for no face at all."""
    acquired = {name: Acquired({}, {}) for encoder in workers[0] for name in encoder.matchers}
    for picture, found in _encoded(names, root, workers, encode):
        for matcher, answer in found.items():
            if isinstance(answer, Failure):
                acquired[matcher].failures[picture] = answer.cause
            else:
                acquired[matcher].vectors[picture] = answer
    if not any(one.vectors for one in acquired.values()):
        causes = {matcher: one.causes() for matcher, one in acquired.items()}
        raise BenchmarkError(f"no picture gave a face: {causes}")
    return acquired


def _encoded(
    names: Sequence[str], root: Path, workers: Sequence[Sequence[PictureEncoder]], encode: EncodePath
) -> Iterator[tuple[str, Mapping[str, Vector | Failure]]]:
    """In the order of `names`. Networks are never shared between threads.

    Ctrl-C waits for the pictures in hand and starts no other. The waiting thread holds no lock but those of
    SimpleQueue, which a signal does not leave locked; ThreadPoolExecutor's it may, and then its end hangs.
    """
    waiting: SimpleQueue[tuple[int, str]] = SimpleQueue()
    answers: SimpleQueue[tuple[int, Mapping[str, Vector | Failure] | BaseException]] = SimpleQueue()
    for item in enumerate(names):
        waiting.put(item)

    def work(encoders: Sequence[PictureEncoder]) -> None:
        for index, name in _rest(waiting):
            try:
                answers.put((index, encode(root / name, encoders)))
            except BaseException as error:  # noqa: BLE001  raised again by the thread that waits for it
                answers.put((index, error))

    early: dict[int, Mapping[str, Vector | Failure] | BaseException] = {}
    with _threads(work, workers, waiting):
        for index, name in enumerate(follow(names, "Looking at pictures")):
            while index not in early:
                done, answer = answers.get()
                early[done] = answer
            yield name, _raised(early.pop(index))


@contextmanager
def _threads(work: Callable[[T], None], workers: Sequence[T], waiting: SimpleQueue[U]) -> Iterator[None]:
    """One thread for each of `workers`; at the end, whatever ends it, no waiting item is started."""
    threads = [Thread(target=work, args=[worker], name="looking") for worker in workers]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        for _ in _rest(waiting):
            pass
        for thread in threads:
            with suppress(RuntimeError):  # it has not begun, and finds nothing to do where it still does
                thread.join()


def _rest(queue: SimpleQueue[T]) -> Iterator[T]:
    """What the queue holds, until it is empty."""
    with suppress(Empty):
        while True:
            yield queue.get_nowait()


def _raised(answer: T | BaseException) -> T:
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _why_not_enough(capture: Capture) -> str:
    """What kept most frames from deciding."""
    if capture.engine_fault is not None:
        return "not_measured"
    return capture.rejections.most_common(1)[0][0] if capture.rejections else "too_few_frames"


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
