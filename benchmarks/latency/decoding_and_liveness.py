"""Steps of a lane that no single frame goes through: a camera's decoder, and cues over several looks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import av
import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import FRAMES_PER_SECOND, Walk
from benchmarks.harness.timing import StageWatch, timed
from lane.cameras.frame import Frame
from lane.capture.liveness_frames import LivenessFrames
from lane.capture.measuring import Measurer
from lane.platform.garbage_collection import settled_garbage
from models.image import encode_jpeg
from models.liveness.score import MOST_LOOKS, SCORE, SPACING_S
from models.values.face import ImageBGR
from models.values.measurement import Measure, Measured

MOST_OFF = 5.0
"""Grey levels, on average, by which a picture may differ once it has been a JPEG."""


def decode(walk: Walk, count: int) -> list[int]:
    """Nanoseconds from a frame as a camera sends it (MJPEG) to BGR pixels, by what reads cameras."""
    decoder = av.CodecContext.create("mjpeg", "r")
    if not isinstance(decoder, av.VideoCodecContext):
        raise BenchmarkError("the camera library has no decoder of MJPEG")
    sent = [(frame, av.Packet(encode_jpeg(frame))) for frame in walk.frames]

    def decode_one(frame: ImageBGR, packet: "av.Packet[Any]") -> int:
        decoded, took_ns = timed(lambda: decoder.decode(packet)[0].to_ndarray(format="bgr24"))
        if decoded.shape != frame.shape or np.abs(decoded.astype(np.int16) - frame).mean() > MOST_OFF:
            raise BenchmarkError("a decoded frame is another picture than the one that was sent")
        return took_ns

    with settled_garbage():
        return [decode_one(*sent[number % len(sent)]) for number in range(count)]


def liveness(measurer: Measurer, walk: Walk, count: int) -> list[int]:
    """Nanoseconds of all cues over the most looks that a capture keeps, from the first look on.

    A lane takes them once a capture, and most of them while frames come: little is left after the last one.
    """
    every = round(SPACING_S * FRAMES_PER_SECOND)
    seen = [
        (
            Frame("drawn", number, datetime.now(UTC), number * SPACING_S, image_bgr),
            measurer.look(image_bgr, StageWatch()),
        )
        for number, image_bgr in enumerate(walk.first(MOST_LOOKS * every)[::every])
    ]

    def take_cues() -> Mapping[str, Measure]:
        frames = LivenessFrames()  # which keeps what it found out
        for frame, sighting in seen:
            frames.see(frame, sighting)
        return frames.cues()

    took_ns = []
    with settled_garbage():
        for _ in range(count):
            cues, one_ns = timed(take_cues)
            if not isinstance(cues[SCORE], Measured):
                raise BenchmarkError(f"liveness cues give no score: {cues[SCORE]}")
            took_ns.append(one_ns)
    return took_ns
