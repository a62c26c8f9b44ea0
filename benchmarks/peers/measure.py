"""A lane's work on a frame and what a user would otherwise pick, frame by frame in turns."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from benchmarks.acquisition.other_libraries import LIBRARIES, Peer, load, offline
from benchmarks.errors import BenchmarkError
from benchmarks.harness import drawn_frames
from benchmarks.harness.cpu_affinity import bound
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.frame_pass import LanePass
from benchmarks.harness.measurer import admission_band, build_measurer, shipped_policy
from benchmarks.harness.progress import follow
from benchmarks.harness.result import Figure, Result, not_available
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import ratio, times
from benchmarks.peers import dlib_embedding
from benchmarks.peers.face_jobs import Short, at_full_scale, at_half_scale, embedded
from lane.platform.garbage_collection import settled_garbage
from models.image import decode
from models.networks.build import Networks
from models.values.face import ImageBGR, Landmarks

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
    threshold = lane.rules.check(networks.embedder.identity).admit

    def short(find: Callable[[Networks, ImageBGR], Landmarks]) -> Work:
        found = partial(find, networks)
        return Short(networks, found, embedded(networks, found, document_bgr), threshold).run

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
            peer = load(name, document)
            if isinstance(peer, str):
                figures += not_available({name: peer})
            else:
                meaning[name] = peer.does
                figures += _beside(name, peer, works, walk, count)
    return meaning, figures


def _beside(name: str, peer: Peer, works: Mapping[str, Work], walk: Walk, count: int) -> Iterator[Figure]:
    """Frame by frame each of ours and the peer; every other frame the other way round."""
    jobs = (WHOLE, SAME_JOB, *ALSO.get(name, ()))
    theirs = partial(_recognised, name, peer)
    steps: dict[str, Work] = {**{job: works[job] for job in jobs}, name: theirs}
    took: dict[str, list[int]] = {step: [] for step in steps}
    for frame in walk.first(WARM_UP):
        for work in steps.values():
            work(frame)
    with settled_garbage():
        for number, frame in enumerate(follow(walk.first(count), f"Beside {name}")):
            for step in steps if number % 2 else reversed(steps):
                took[step].append(steps[step](frame))
    for job in jobs:
        yield ratio((name, job, "times as fast"), took[name], took[job])
        yield times((name, job), took[job], better=None)
    yield times((name, "the library"), took[name], better=None)


def _recognised(name: str, peer: Peer, frame: ImageBGR) -> int:
    """The peer's nanoseconds; BenchmarkError unless it recognises the holder."""
    started = time.perf_counter_ns()
    right = peer.recognises(frame)
    took_ns = time.perf_counter_ns() - started
    if not right:
        raise BenchmarkError(f"{name} did not recognise the holder: timing wrong answers is worth nothing")
    return took_ns
