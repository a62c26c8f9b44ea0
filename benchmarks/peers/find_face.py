"""A library's job by the lane's own networks: find a face, align and embed one crop, compare."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from models.align import align
from models.detect.detector import fit
from models.embed.similarity import similarity
from models.networks.build import Networks
from models.values.face import Embedding, ImageBGR, Landmarks

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
