"""A lane's work on a frame and what a user would otherwise pick, frame by frame in turns."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.acquisition.other_libraries import LIBRARIES, Peer, load, offline
from benchmarks.errors import BenchmarkError
from benchmarks.harness import drawn_frames
from benchmarks.harness import measurer as machine
from benchmarks.harness.cpu_affinity import bound
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.frame_pass import LanePass
from benchmarks.harness.paired_ratio import middle, of_each
from benchmarks.harness.progress import follow
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import spread
from benchmarks.peers import dlib_embedding
from benchmarks.peers.face_jobs import Short, at_full_scale, at_half_scale, embedded
from lane.platform.garbage_collection import settled_garbage
from models.image import decode
from models.networks.build import Networks
from models.values.face import ImageBGR, Landmarks

WARM_UP = 3
WHOLE, SAME_JOB, SAME_GRAPHS = "whole", "same_job", "same_graphs"
DOES = {
    WHOLE: "all that a lane does to a frame: detect at half scale, close-up, mesh, quality, two crops "
    "embedded, compare, decide",
    SAME_JOB: "the peer's job as a lane does its part of it: detect at half scale, close-up, one crop "
    "embedded, compare",
    SAME_GRAPHS: "the very graphs that the peer runs, on as many pixels: detect at full scale, one crop "
    "embedded, compare",
}
AGAINST = {"opencv": SAME_JOB}
"""What of ours the first ratio of a peer is about, where it is not the whole: the same weights, one crop."""
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


def measure(count: int, threads: int, *, bf16: bool = False) -> dict[str, Any]:
    """As JSON values. ProviderError where the matcher is to run in bfloat16 and cannot, PolicyError where it
    has no calibration of that.
    """
    with bound(threads):
        rules = machine.policy()
        measurer = machine.measurer(rules, threads=threads, bf16=bf16)
        machine.band(rules, measurer)
        walk = drawn_frames.holder(measurer)
        told = compared(LanePass(measurer, rules, walk), walk, count)
    about = {**stamp(rules, measurer.networks, threads=threads), "frames": drawn_frames.told()}
    beside_dlib = dlib_embedding.compared(measurer.networks, walk, count)
    asked = {"threads": threads, "peers": told, "embedding": {"dlib": beside_dlib}}
    return {"benchmark": "peers", "stamp": about, **asked}


def compared(lane: LanePass, walk: Walk, count: int) -> dict[str, Any]:
    """For each peer how many times as long as ours its work takes, or why it was skipped, as JSON values.

    On as many cores as this process is bound to, and with as many threads as OpenCV is told to use.
    """
    document = decode(walk.document.photo)
    works = ours(lane, document)
    told: dict[str, Any] = {}
    with offline():
        for name in LIBRARIES:
            peer = load(name, document)
            told[name] = (
                {"skipped": peer} if isinstance(peer, str) else _beside(name, peer, works, walk, count)
            )
    return told


def _beside(name: str, peer: Peer, works: Mapping[str, Work], walk: Walk, count: int) -> dict[str, Any]:
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
    by_job = {job: _against(job, took[name], took[job]) for job in jobs}
    first = AGAINST.get(name, WHOLE)
    return {
        **{key: by_job[first][key] for key in ("ratio", "interval", "n")},
        "against": first,
        "does": peer.does,
        "time": spread(took[name]),
        "recognised": count,
        "ours": by_job,
    }


def _against(job: str, theirs: Sequence[int], took: Sequence[int]) -> dict[str, Any]:
    return {**middle(of_each(theirs, took)), "does": DOES[job], "time": spread(took)}


def _recognised(name: str, peer: Peer, frame: ImageBGR) -> int:
    """The peer's nanoseconds; BenchmarkError unless it recognises the holder."""
    started = time.perf_counter_ns()
    right = peer.recognises(frame)
    took_ns = time.perf_counter_ns() - started
    if not right:
        raise BenchmarkError(f"{name} did not recognise the holder: timing wrong answers is worth nothing")
    return took_ns
