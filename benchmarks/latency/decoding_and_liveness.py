"""Steps of a lane that no single frame goes through: a camera's decoder, and cues over several looks."""

import time
from datetime import UTC, datetime

import av
import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import FRAMES_PER_SECOND, Walk
from benchmarks.harness.timing import StageWatch
from lane.cameras.frame import Frame
from lane.capture.liveness_frames import LivenessFrames
from lane.capture.measuring import Measurer, Sighting
from lane.platform.garbage_collection import settled_garbage
from models.image import encode_jpeg
from models.liveness.score import MOST_LOOKS, SCORE, SPACING_S
from models.values.face import ImageBGR
from models.values.measurement import Measured

MOST_OFF = 5.0
"""Grey levels, on average, by which a picture may differ once it has been a JPEG."""


def decode(walk: Walk, count: int) -> list[int]:
    """Nanoseconds from a frame as a camera sends it (MJPEG) to BGR pixels, by what reads cameras."""
    decoder = av.CodecContext.create("mjpeg", "r")
    if not isinstance(decoder, av.VideoCodecContext):
        raise BenchmarkError("the camera library has no decoder of MJPEG")
    sent = [(frame, av.Packet(encode_jpeg(frame))) for frame in walk.frames]
    took_ns = []
    with settled_garbage():
        for number in range(count):
            frame, packet = sent[number % len(sent)]
            began_ns = time.perf_counter_ns()
            (picture,) = decoder.decode(packet)
            decoded = picture.to_ndarray(format="bgr24")
            took_ns.append(time.perf_counter_ns() - began_ns)
            _must_be_the_same(frame, np.asarray(decoded, np.uint8))
    return took_ns


def _must_be_the_same(frame: ImageBGR, decoded: ImageBGR) -> None:
    if decoded.shape != frame.shape or np.abs(decoded.astype(np.int16) - frame).mean() > MOST_OFF:
        raise BenchmarkError("a decoded frame is another picture than the one that was sent")


def liveness(measurer: Measurer, walk: Walk, count: int) -> list[int]:
    """Nanoseconds of all cues over the most looks that a capture keeps, from the first look on.

    A lane takes them once a capture, and most of them while frames come: little is left after the last one.
    """
    seen = _seen(measurer, walk)
    took_ns = []
    with settled_garbage():
        for _ in range(count):
            looks = LivenessFrames()  # which keeps what it found out
            began_ns = time.perf_counter_ns()
            for frame, sighting in seen:
                looks.see(frame, sighting)
            cues = looks.cues()
            took_ns.append(time.perf_counter_ns() - began_ns)
            if not isinstance(cues[SCORE], Measured):
                raise BenchmarkError(f"liveness cues give no score: {cues[SCORE]}")
    return took_ns


def _seen(measurer: Measurer, walk: Walk) -> list[tuple[Frame, Sighting]]:
    """As many looks as a capture keeps, as far apart."""
    every = round(SPACING_S * FRAMES_PER_SECOND)
    return [
        (
            Frame("drawn", number, datetime.now(UTC), number * SPACING_S, image_bgr),
            measurer.look(image_bgr, StageWatch()),
        )
        for number, image_bgr in enumerate(walk.first(MOST_LOOKS * every)[::every])
    ]
