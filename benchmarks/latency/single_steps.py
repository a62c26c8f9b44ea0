"""Steps by themselves: a camera's decoder, cues over several looks, networks on several pictures at once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import av
import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import FRAMES_PER_SECOND, Walk
from benchmarks.harness.progress import follow
from benchmarks.harness.result import Figure, Name, NotAvailable, counts, not_available
from benchmarks.harness.timing import StageWatch, timed, times
from lane.cameras.frame import Frame
from lane.capture.liveness_frames import LivenessFrames
from lane.capture.measuring import Measurer
from lane.platform.garbage_collection import settled_garbage
from models.catalogue import weights
from models.catalogue.spec import NetworkSpec
from models.detect.detector import boxed, fit
from models.embed.template import crops
from models.errors import ModelError
from models.image import encode_jpeg
from models.liveness.score import MOST_LOOKS, SCORE, SPACING_S
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.session import Tensor, to_tensor
from models.values.face import ImageBGR
from models.values.identity import FP32
from models.values.measurement import Measure, Measured

MOST_GREY_OFF = 5.0
"""Grey levels, on average, by which a picture may differ once it has been a JPEG."""
Answer: TypeAlias = Mapping[str, Tensor]

MOST_OFF = 1e-3
"""Of the largest number of an answer: so far may one picture's in a batch lie from its answer alone."""

ELSEWHERE = "the matcher runs in bfloat16, whose batches `python -m benchmarks rounding` times"


def decode(walk: Walk, count: int) -> list[int]:
    """Nanoseconds from a frame as a camera sends it (MJPEG) to BGR pixels, by what reads cameras."""
    decoder = av.CodecContext.create("mjpeg", "r")
    if not isinstance(decoder, av.VideoCodecContext):
        raise BenchmarkError("the camera library has no decoder of MJPEG")
    sent = [(frame, av.Packet(encode_jpeg(frame))) for frame in walk.frames]

    def decode_one(frame: ImageBGR, packet: "av.Packet[Any]") -> int:
        decoded, took_ns = timed(lambda: decoder.decode(packet)[0].to_ndarray(format="bgr24"))
        if decoded.shape != frame.shape or np.abs(decoded.astype(np.int16) - frame).mean() > MOST_GREY_OFF:
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


def batches(
    measurer: Measurer, walk: Walk, runtime: RuntimeSettings, sizes: Sequence[int], count: int, row: Name
) -> Iterator[Figure]:
    """By network and size of the batch; a graph that takes no batch says why."""
    specs = measurer.networks.catalogue
    inputs = {
        "detector": (specs.for_role("detector"), _pictures),
        "embedder": (specs.for_role("matcher"), _faces),
    }
    for role, (spec, make) in inputs.items():
        if role == "embedder" and measurer.networks.embedder.arithmetic != FP32:
            yield from not_available({f"{batch}": ELSEWHERE for batch in sizes}, *row, role)
            continue
        tensors = tuple(make(measurer, walk.first(max(sizes)), spec))
        graph = weights.load(spec, weights.cache_dir())
        alone = OrtSession(graph, spec.name, runtime, {tensor.shape for tensor in tensors})
        answers = [alone.run(tensor) for tensor in tensors]
        for batch in follow(sizes, f"Batches of the {role}"):
            name = (*row, role, f"{batch}")
            yield from _batch(name, graph, spec.name, runtime, tensors[:batch], answers, count)


def _pictures(_: Measurer, frames: Sequence[ImageBGR], spec: NetworkSpec) -> Iterator[Tensor]:
    """Whole frames, as large as the detector takes them."""
    for frame in frames:
        yield to_tensor(boxed(frame, fit(frame, spec.input.shapes, at_most=1.0)), spec.input)


def _faces(measurer: Measurer, frames: Sequence[ImageBGR], spec: NetworkSpec) -> Iterator[Tensor]:
    for frame in frames:
        face = measurer.look(frame, StageWatch()).face
        if face is None:
            raise BenchmarkError("a frame of the holder shows no face")
        crop, _ = crops(frame, face, measurer.networks.embedder.layout)
        yield to_tensor(crop.image_bgr, spec.input)


def _batch(
    row: Name,
    graph: bytes,
    name: str,
    runtime: RuntimeSettings,
    tensors: Sequence[Tensor],
    answers: Sequence[Answer],
    count: int,
) -> Iterator[Figure]:
    fed = np.concatenate(tensors)
    try:
        session = OrtSession(graph, name, runtime, [fed.shape])
        must_agree(name, session.run(fed), answers)
        with settled_garbage():
            took_ns = [timed(lambda: session.run(fed))[1] for _ in range(count)]
    except ModelError as error:
        yield Figure(name=row, value=NotAvailable(not_available=str(error)))
        return
    took = times(row, took_ns, better=None)
    each_ms = (took.number or 0) / len(tensors)
    yield took
    yield from counts(row, {"each p50 ms": round(each_ms, 4), "pictures per second": round(1e3 / each_ms, 1)})


def must_agree(name: str, batch: Answer, alone: Sequence[Answer]) -> None:
    """Every picture has the answer that it has alone."""
    for output, together in batch.items():
        for number, row in enumerate(together):
            one = alone[number][output][0]
            if np.abs(row - one).max() > MOST_OFF * max(1.0, float(np.abs(one).max())):
                raise BenchmarkError(f"{name}: in a batch, picture {number} has another {output}")
