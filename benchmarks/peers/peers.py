"""What users would otherwise pick, beside a lane's work on a frame and its runtime, in turns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from benchmarks.acquisition.other_libraries import INSTALL, LIBRARIES, Peer, library, load, offline
from benchmarks.errors import BenchmarkError, LibraryMissingError
from benchmarks.harness import drawn_frames
from benchmarks.harness.command_line import Bf16, Json, deliver
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.measurer import LanePass, admission_band, build_measurer, shipped_policy
from benchmarks.harness.result import Figure, Result, not_available
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import bound, in_turns, ratio, timed, times
from models.catalogue import catalogue, weights
from models.catalogue.spec import NetworkSpec
from models.detect.align import align, layout_of
from models.detect.detector import fit
from models.embed.similarity import similarity
from models.errors import ModelError
from models.image import decode
from models.networks.build import Networks
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import CPU
from models.runtime.session import Tensor, to_tensor
from models.runtime.threads import available_cores
from models.values.face import Embedding, ImageBGR, Landmarks

QUICK, THOROUGH = 20, 200
WARM_UP = 3
WHOLE, SAME_JOB, SAME_GRAPHS = "whole", "same job", "same graphs"
DOES = {
    WHOLE: "all that a lane does to a frame: detect at half scale, close-up, mesh, quality, two crops "
    "embedded, compare, decide",
    SAME_JOB: "the peer's job as a lane does its part of it: detect at half scale, close-up, one crop "
    "embedded, compare",
    SAME_GRAPHS: "the very graphs that the peer runs, on as many pixels: detect at full scale, one crop "
    "embedded, compare",
}
ALSO = {"opencv": (SAME_GRAPHS,)}

Work = Callable[[ImageBGR], int]
"""The nanoseconds of one frame, whose answer was checked."""
NETWORK = "dlib-resnet-29"
TABLE = "dlib's network"
APART = 1e-3
"""How far both answers to one chip may lie from one another, in any number."""
DLIB_WARM_UP = 2


def peers(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} frames: a first look.")] = False,
    frames: Annotated[
        int | None, typer.Option(min=2, help=f"Frames for each peer; {THOROUGH} if not given.")
    ] = None,
    threads: Annotated[
        int,
        typer.Option(min=1, help="Threads of ours, and cores for all; most libraries use one."),
    ] = 1,
    bf16: Bf16 = False,
) -> None:
    """Time the same frames by a lane and by what a user would otherwise pick, frame by frame in turns.

    Reported is how many times as long as ours their work takes: above 1 we are faster. Ours is the whole of
    what a lane does to a frame; and the peer's job alone, with as many crops as the peer embeds. Each answer
    is checked: who does not recognise the holder is not timed. dlib's network is timed alone, too, by the
    lane's runtime and by dlib. Weights are never fetched: what is not there is skipped, with the reason. With
    `make bench-peers BENCH=peers` face_recognition and dlib are there.

    Example: python -m benchmarks peers --quick
    """
    count = frames or (QUICK if quick else THOROUGH)
    with bound(threads):
        rules = shipped_policy()
        measurer = build_measurer(rules, threads=threads, bf16=bf16)
        admission_band(rules, measurer)
        walk = drawn_frames.holder(measurer)
        meaning, beside = compared(LanePass(measurer, rules, walk), walk, count)
    about = stamp(rules, measurer.networks, threads=threads)
    result = Result(
        benchmark="peers",
        stamp=about,
        conditions={**about.same_lane, "frames": drawn_frames.description(), "threads": threads},
        figures=(*beside, *dlibs_network(measurer.networks, walk, count)),
        meaning=meaning,
    )
    deliver(result, json_out)


def ours(lane: LanePass, document_bgr: ImageBGR) -> Mapping[str, Work]:
    """What a lane does to a frame, and the two shorter jobs."""
    networks = lane.measurer.networks
    threshold = admission_band(lane.rules, lane.measurer).admit

    def short(find: Callable[[Networks, ImageBGR], Landmarks]) -> Work:
        """A library's job by the lane's own networks: find a face, align and embed one crop, compare."""

        def embedded(image_bgr: ImageBGR) -> Embedding:
            embedder = networks.embedder
            return embedder.embed(align(image_bgr, find(networks, image_bgr), embedder.layout))

        def on_frame(frame: ImageBGR) -> int:
            score, took_ns = timed(lambda: similarity(reference, embedded(frame)))
            if not score >= threshold:  # NaN compares false
                raise BenchmarkError("the holder was not recognised: timing wrong answers is worth nothing")
            return took_ns

        reference = embedded(document_bgr)
        return on_frame

    return {
        WHOLE: lambda frame: lane.run(frame).whole_ns,
        SAME_JOB: short(at_half_scale),
        SAME_GRAPHS: short(at_full_scale),
    }


def compared(lane: LanePass, walk: Walk, count: int) -> tuple[dict[str, str], list[Figure]]:
    """What each peer and each of our jobs does; and how many times as long as ours a peer's work takes.

    On as many cores as this process is bound to, and with as many threads as OpenCV may use.
    """
    document = decode(walk.document.photo)
    works = ours(lane, document)
    meaning, figures = dict(DOES), list[Figure]()
    with offline():
        for name in LIBRARIES:
            try:
                peer = load(name, document)
            except LibraryMissingError as error:
                figures += not_available({name: str(error)})
            else:
                meaning[name] = peer.does
                figures += _beside(name, peer, works, walk, count)
    return meaning, figures


def _beside(name: str, peer: Peer, works: Mapping[str, Work], walk: Walk, count: int) -> Iterator[Figure]:
    jobs = (WHOLE, SAME_JOB, *ALSO.get(name, ()))
    steps: dict[str, Work] = {**{job: works[job] for job in jobs}, name: partial(_recognised, name, peer)}
    frames = walk.first(max(count, WARM_UP))
    for frame in frames[:WARM_UP]:
        for work in steps.values():
            work(frame)

    def on_frame(work: Work, number: int) -> int:
        return work(frames[number])

    works_by_frame = {step: partial(on_frame, work) for step, work in steps.items()}
    took = in_turns(works_by_frame, count, f"Beside {name}")
    for job in jobs:
        yield ratio((name, job, "times as fast"), took[name], took[job])
        yield times((name, job), took[job], better=None)
    yield times((name, "the library"), took[name], better=None)


def _recognised(name: str, peer: Peer, frame: ImageBGR) -> int:
    """The peer's nanoseconds; BenchmarkError unless it recognises the holder."""
    right, took_ns = timed(lambda: peer.recognises(frame))
    if not right:
        raise BenchmarkError(f"{name} did not recognise the holder: timing wrong answers is worth nothing")
    return took_ns


def at_half_scale(networks: Networks, image_bgr: ImageBGR) -> Landmarks:
    """Of the largest face, looked at again close up. BenchmarkError where there is none."""
    faces = networks.detector.glance(image_bgr)
    if not faces:
        raise BenchmarkError("no face was found: timing wrong answers is worth nothing")
    largest = max(faces, key=lambda face: face.box_in_image.height)
    return networks.detector.closer(image_bgr, largest).landmarks


def at_full_scale(networks: Networks, image_bgr: ImageBGR) -> Landmarks:
    """Of the largest face, as one look sees it. BenchmarkError where there is none."""
    shapes = networks.catalogue.for_role("detector").input.shapes
    found = networks.detector.at(image_bgr, fit(image_bgr, shapes, at_most=1.0))
    if not len(found):
        raise BenchmarkError("no face was found: timing wrong answers is worth nothing")
    landmarks: Landmarks = found[found[:, 3].argmax(), 4:14].reshape(5, 2)
    return landmarks


@dataclass(frozen=True, slots=True)
class Point:
    """How many chips at once, on how many of our threads; and how many turns for each frame asked for."""

    batch: int
    threads: int
    share: float


POINTS = (Point(1, 1, 0.5), Point(8, 2, 0.2))
"""dlib's network runs on one thread, whatever there is."""
Embed = Callable[[Sequence[ImageBGR]], Tensor]
"""Chips to N×128."""


def dlibs_network(networks: Networks, walk: Walk, count: int) -> Iterator[Figure]:
    """At each point how many times as long as ours dlib takes, or why it was skipped."""
    spec = catalogue.load().named(NETWORK)
    try:
        dlib, packaged = library("dlib", INSTALL), library("face_recognition_models", INSTALL)
        graph = weights.load(spec, weights.cache_dir())
    except (LibraryMissingError, ModelError) as error:
        yield from not_available({TABLE: str(error)})
        return
    theirs = by_dlib(dlib.face_recognition_model_v1(packaged.face_recognition_model_location()))
    chips = chips_of(networks, spec, walk, max(point.batch for point in POINTS))
    for point in POINTS:
        yield from _at(point, by_our_runtime(spec, graph, point), theirs, chips, count)


def chips_of(networks: Networks, spec: NetworkSpec, walk: Walk, count: int) -> list[ImageBGR]:
    """The holder's face on dlib's layout, once for each frame."""
    layout = layout_of(spec)
    return [align(one, at_half_scale(networks, one), layout).image_bgr for one in walk.first(count)]


def by_our_runtime(spec: NetworkSpec, graph: bytes, point: Point) -> Embed:
    width, height = spec.input.shapes[0]
    settings = RuntimeSettings("cpu", CPU, _threads(point))
    session = OrtSession(graph, spec.name, settings, [(point.batch, 3, height, width)])

    def embed(chips: Sequence[ImageBGR]) -> Tensor:
        (answer,) = session.run(np.concatenate([to_tensor(chip, spec.input) for chip in chips])).values()
        return answer

    return embed


def by_dlib(model: Any) -> Embed:  # dlib has no types
    """As face_recognition calls it: one chip, or a list of them at once."""

    def embed(chips: Sequence[ImageBGR]) -> Tensor:
        rgb = [cv2.cvtColor(chip, cv2.COLOR_BGR2RGB) for chip in chips]
        found = (
            model.compute_face_descriptor(rgb) if len(rgb) > 1 else [model.compute_face_descriptor(rgb[0])]
        )
        return np.array([list(one) for one in found], np.float32)

    return embed


def _threads(point: Point) -> int:
    """As many as asked for, where the machine has them."""
    return min(point.threads, available_cores())


def _at(point: Point, our: Embed, their: Embed, chips: Sequence[ImageBGR], count: int) -> Iterator[Figure]:
    """Both in turns. BenchmarkError where they disagree."""
    batch, turns = chips[: point.batch], max(2, round(count * point.share))

    def time_ns(embed: Embed, _: int) -> int:
        answer, took_ns = timed(lambda: embed(batch))
        apart = np.abs(answer - known).max() if answer.shape == known.shape else np.inf
        if not apart <= APART:  # NaN compares false
            wrong = f"dlib and ours answer {apart:.3g} apart"
            raise BenchmarkError(f"{wrong}: timing wrong answers is worth nothing")
        return took_ns

    works = {"our runtime": partial(time_ns, our), "dlib": partial(time_ns, their)}
    with bound(_threads(point)):
        known = our(batch)
        took = in_turns(works, DLIB_WARM_UP + turns, f"Beside dlib, {point.batch} at once")
    ours_ns, dlibs_ns = (one[DLIB_WARM_UP:] for one in took.values())
    row = (TABLE, f"{point.batch} at once on {_threads(point)}")
    yield ratio((*row, "our runtime", "times as fast"), dlibs_ns, ours_ns)
    yield times((*row, "our runtime"), ours_ns, better=None)
    yield times((*row, "dlib"), dlibs_ns, better=None)
