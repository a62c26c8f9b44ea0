"""A lane's work on a frame and what a user would otherwise pick, frame by frame in turns."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from benchmarks.acquisition.other_libraries import LIBRARIES, Peer, load, offline
from benchmarks.errors import BenchmarkError, LibraryMissingError
from benchmarks.harness import drawn_frames
from benchmarks.harness.cpu_affinity import bound
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.frame_pass import LanePass
from benchmarks.harness.measurer import admission_band, build_measurer, shipped_policy
from benchmarks.harness.result import Figure, Result, not_available
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import in_turns, ratio, timed, times
from benchmarks.peers import dlib_embedding
from benchmarks.peers.find_face import at_full_scale, at_half_scale
from models.detect.align import align
from models.embed.similarity import similarity
from models.image import decode
from models.networks.build import Networks
from models.values.face import Embedding, ImageBGR, Landmarks

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


def measure(count: int, threads: int, *, bf16: bool = False) -> Result:
    """ProviderError where the matcher is to run in bfloat16 and cannot, PolicyError where it has no
    calibration of that.
    """
    with bound(threads):
        rules = shipped_policy()
        measurer = build_measurer(rules, threads=threads, bf16=bf16)
        admission_band(rules, measurer)
        walk = drawn_frames.holder(measurer)
        meaning, beside = compared(LanePass(measurer, rules, walk), walk, count)
    about = stamp(rules, measurer.networks, threads=threads)
    return Result(
        benchmark="peers",
        stamp=about,
        conditions={**about.same_lane, "frames": drawn_frames.description(), "threads": threads},
        figures=(*beside, *dlib_embedding.compared(measurer.networks, walk, count)),
        meaning=meaning,
    )


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
