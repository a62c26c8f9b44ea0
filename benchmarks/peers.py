"""A lane's work on a frame and what a user would otherwise pick, frame by frame in turns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks import frames, machine
from benchmarks.cores import bound
from benchmarks.errors import BenchmarkError
from benchmarks.frames import Walk
from benchmarks.libraries import LIBRARIES, Peer, load, offline
from benchmarks.passes import LanePass
from benchmarks.progress import follow
from benchmarks.stamp import stamp
from benchmarks.timing import settled_garbage, spread
from benchmarks.turns import middle, of_each
from models.align import align
from models.build import Networks
from models.compare import similarity
from models.detect import fit
from models.face import Embedding, ImageBGR, Landmarks
from models.image import decode

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

Find = Callable[[ImageBGR], Landmarks]


@dataclass(frozen=True, slots=True, eq=False)
class Short:
    """Find a face, align and embed one crop, compare: a library's job, by the lane's own networks."""

    networks: Networks
    find: Find
    reference: Embedding
    threshold: float

    def run(self, frame: ImageBGR) -> int:
        """Its nanoseconds; BenchmarkError unless the holder is recognised."""
        started = time.perf_counter_ns()
        score = similarity(self.reference, embedded(self.networks, self.find, frame))
        took_ns = time.perf_counter_ns() - started
        if not score >= self.threshold:  # NaN compares false
            raise BenchmarkError("the holder was not recognised: timing wrong answers is worth nothing")
        return took_ns


def embedded(networks: Networks, find: Find, image_bgr: ImageBGR) -> Embedding:
    """One crop's."""
    return networks.embedder.embed(align(image_bgr, find(image_bgr), networks.embedder.layout))


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


def measure(count: int, threads: int) -> dict[str, Any]:
    """As JSON values."""
    with bound(threads):
        rules = machine.policy()
        measurer = machine.measurer(rules, threads=threads)
        rules.check(measurer.networks.embedder.identity)
        walk = frames.holder(measurer)
        told = compared(LanePass(measurer, rules, walk), walk, count)
        about = {**stamp(rules, measurer.networks, threads=threads), "frames": frames.told()}
    return {"benchmark": "peers", "stamp": about, "threads": threads, "peers": told}


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
