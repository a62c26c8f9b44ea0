"""What bfloat16 is worth for the lane's matcher: the same crops in fp32 and in bf16, in turns.

Each answer is compared with that of fp32 before anything is timed: a quick answer that is another one would
be no gain.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import Figure, Result, not_available
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import in_turns, ratio, timed, times
from benchmarks.limits.drawn_faces import drawings
from models.catalogue import catalogue, weights
from models.catalogue.spec import NetworkSpec
from models.errors import ProviderError
from models.networks.known_face import MIN_COSINE
from models.runtime.bf16 import in_bf16
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import CPU, IN_BF16, KNOWN, OPENVINO
from models.runtime.session import Tensor, to_tensor

BATCHES = (1, 2)
"""A crop by itself, and a template's two crops at once."""
FULL = "fp32 on CPU"
WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Contender:
    """The matcher, as it is set up to run."""

    name: str
    session: OrtSession
    arithmetic: str


def measure(turns: int, threads: int | None) -> Result:
    """Time of a call by batch and contender, and how many times as fast as fp32 on the CPU each is."""
    spec = catalogue.load().for_role("matcher")
    figures: list[Figure] = []
    arithmetic: dict[str, str] = {}
    missing: dict[str, str] = {}
    for size in BATCHES:  # each by sessions of its own: a runtime is quicker where it knows the only shape
        contenders, failed = _contenders(spec, threads, size)
        figures += _raced(spec, contenders, size, turns)
        arithmetic |= {one.name: one.arithmetic for one in contenders}
        missing |= failed
    return Result(
        benchmark="rounding",
        stamp=(about := stamp(threads=threads)),
        conditions={"matcher": f"{spec.name} {spec.sha256}", "threads": about.threads},
        settings={"arithmetic": {**arithmetic}},
        figures=(*figures, *not_available(missing)),
    )


def _contenders(spec: NetworkSpec, threads: int | None, size: int) -> tuple[list[Contender], dict[str, str]]:
    """Those that this machine can run on so many crops, and why it cannot run the others."""
    wanted = (
        (FULL, CPU, KNOWN),
        ("fp32 on OpenVINO", OPENVINO, KNOWN),
        ("bf16 on OpenVINO", OPENVINO, IN_BF16),
    )
    width, height = spec.input.shapes[0]
    shapes = [(size, 3, height, width)]
    graph, found, failed = weights.load(spec, weights.cache_dir()), [], {}
    for name, provider, known in wanted:
        try:
            arithmetic = in_bf16(known[provider]) if known is IN_BF16 else "fp32"
            settings = RuntimeSettings("require", provider, threads)
            found.append(Contender(name, OrtSession(graph, name, settings, shapes, known), arithmetic))
        except ProviderError as error:
            failed[name] = str(error)
    return found, failed


def _raced(spec: NetworkSpec, contenders: Sequence[Contender], size: int, turns: int) -> Iterator[Figure]:
    width, height = spec.input.shapes[0]
    drawn = drawings(width, height, scale=width / 112, left=0, top=0)
    crops = [to_tensor(image, spec.input) for image in drawn]
    batches = [np.concatenate(crops[at : at + size]) for at in range(0, len(crops) - size + 1, size)]
    _must_agree(contenders, batches)

    def time_ns(session: OrtSession, number: int) -> int:
        batch = batches[number % len(batches)]
        return timed(lambda: session.run(batch))[1]

    works = {one.name: partial(time_ns, one.session) for one in contenders}
    took_ns = in_turns(works, turns, f"Taking turns at {size} crops")
    table = "1 crop" if size == 1 else f"{size} crops"
    for name, samples in took_ns.items():
        yield times((table, name), samples)
        yield ratio((table, name, "times as fast"), took_ns[FULL], samples)


def _must_agree(contenders: Sequence[Contender], batches: Sequence[Tensor]) -> None:
    """BenchmarkError where one says another thing of a crop than the first."""
    for batch in batches[:WARM_UP]:
        expected = contenders[0].session.run(batch)
        for one in contenders[1:]:
            found = cosine_of(expected, one.session.run(batch))
            if not found >= MIN_COSINE:  # NaN compares false
                raise BenchmarkError(f"{one.name} answers otherwise than {contenders[0].name}: {found:.5f}")


def cosine_of(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """The least cosine over the outputs; −1 where they have other names or shapes, or say nothing."""
    if {name: value.shape for name, value in one.items()} != {n: v.shape for n, v in other.items()}:
        return -1.0
    return min(_cosine(value, other[name]) for name, value in one.items())


def _cosine(one: Tensor, other: Tensor) -> float:
    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths > 0 else -1.0
