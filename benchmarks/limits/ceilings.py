"""How fast this machine can go at all: its largest matrix products, and how fast it copies memory.

A product runs where the networks run, with as many threads, and beside it by numpy's own library; the answer
of each is checked. Made to be timed in turns with what is held against them. Of a product that this processor
does not run, or computes wrongly, the reason is kept, and the others are timed.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import CeilingError
from benchmarks.harness.timing import timed
from models.catalogue.onnx_graph import GraphBuilder
from models.errors import InferenceError, ProviderError
from models.runtime.bf16 import in_bf16
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import IN_BF16, KNOWN, OPENVINO, named

Numbers = NDArray[np.float32]

SIDE, CHAINED = 1024, 2
"""Of the matrices, and how many products follow one another in a run."""
SIDE_ON_DEVICE, CHAINED_ON_DEVICE = 4096, 8
"""Where the processor has a memory of its own, and a thousandfold of units to keep busy."""
COPIED_BYTES = 32 * 2**20
"""As much as a matcher's weights. Read once and written once."""
MOVED_ON_DEVICE = 8
"""Copies that follow one another in a run there."""
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
PRODUCT = ("-m", "benchmarks.limits.numpy_product")
TOLERANCE = 1e-3
SEED = 1


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Something to time: how much it does, and how long that took, now."""

    name: str
    amount: int
    """Floating-point operations of a product (in integers where it is one of integers), bytes of a copy."""
    time_ns: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Ceilings:
    products: tuple[Ceiling, ...]
    """In float32."""
    reduced: tuple[Ceiling, ...]
    """In fewer bits."""
    copy: Ceiling
    missing: dict[str, str]
    """By name of a product: why it is not available here."""

    @property
    def every(self) -> tuple[Ceiling, ...]:
        return (*self.products, *self.reduced, self.copy)


@contextmanager
def ceilings(settings: RuntimeSettings, threads: int) -> Iterator[Ceilings]:
    """Ready to be timed.

    Raises ModelError where the networks' runtime does not run the product in float32, CeilingError where that
    product or the copy is wrong: no network's time means anything there.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        provider = named("cpu" if settings.provider_policy == "cpu" else settings.provider)
        own = on_runtime(settings, on_device=bool(provider.memory))
        numpys = {} if provider.memory else {"numpy": lambda: stack.enter_context(by_numpy(threads))}
        others, missing = _available(numpys)
        reduced, not_reduced = _available(
            {"int8": partial(of_integers, settings), "bf16": partial(of_bf16, threads)}
        )
        copy = copied_on_device(settings) if provider.memory else copied(pool, threads)
        yield Ceilings((own, *others), reduced, copy, missing | not_reduced)


def _available(candidates: Mapping[str, Callable[[], Ceiling]]) -> tuple[tuple[Ceiling, ...], dict[str, str]]:
    """Those that run and answer rightly, and why the others are not available."""
    found, missing = [], {}
    for name, make in candidates.items():
        try:
            found.append(make())
        except (CeilingError, InferenceError, ProviderError) as error:
            missing[name] = f"not available here: {error}"
    return tuple(found), missing


def on_runtime(settings: RuntimeSettings, *, on_device: bool = False, in_bits: str = "float32") -> Ceiling:
    """Products that follow one another, in one graph, of matrices that the runtime may arrange beforehand."""
    side, times = (SIDE_ON_DEVICE, CHAINED_ON_DEVICE) if on_device else (SIDE, CHAINED)
    rng = np.random.default_rng(SEED)
    first = rng.uniform(0.5, 1.5, (side, side)).astype(np.float32)
    weights = [(rng.uniform(0.5, 1.5, (side, side)) / side).astype(np.float32) for _ in range(times)]
    builder = GraphBuilder("product")
    value = _scaled(builder, first)
    for number, weight in enumerate(weights):
        value = builder.add("MatMul", [value, builder.weight(f"w{number}", weight)], f"product{number}")
    graph = _averaged(builder, value)
    known = IN_BF16 if in_bits == "bf16" else KNOWN
    session = OrtSession(graph, f"the matrix product in {in_bits}", settings, [(1, 1)], known)
    tolerance = 0.05 if in_bits == "bf16" else TOLERANCE
    run = _checked(session, _mean_of_products(first, weights), tolerance)
    return Ceiling(in_bits if in_bits == "bf16" else "onnxruntime", 2 * times * side**3, run)


def _mean_of_products(first: Numbers, weights: Sequence[Numbers]) -> float:
    sums = first.sum(0, dtype=np.float64)
    for weight in weights:
        sums = sums @ weight.astype(np.float64)
    return float(sums.sum()) / first.size


def of_integers(settings: RuntimeSettings) -> Ceiling:
    """Products of 8-bit integers, summed in 32 bits; flat, so that little else is to be done."""
    rows, inner, columns, times = SIDE // 4, SIDE * 4, SIDE, 4
    rng = np.random.default_rng(SEED)
    pixels = rng.integers(0, 255, (rows, inner), np.uint8)
    weights = [rng.integers(-127, 127, (inner, columns), np.int8) for _ in range(times)]
    builder = GraphBuilder("integers")
    # What is chosen at run time cannot be computed beforehand
    positive = builder.add("Greater", ["x", builder.weight("zero", np.zeros((1, 1), np.float32))], "positive")
    nothing = builder.weight("nothing", np.zeros((1, 1), np.uint8))
    value = builder.add("Where", [positive, builder.weight("pixels", pixels), nothing], "chosen")
    means = []
    for number, weight in enumerate(weights):
        product = builder.add(
            "MatMulInteger", [value, builder.weight(f"w{number}", weight)], f"product{number}"
        )
        real = builder.add("Cast", [product], f"real{number}", to=1)  # to float32
        means.append(builder.add("ReduceMean", [real], f"mean{number}"))
    graph = builder.finished(("x", (1, 1)), [(mean, (1, 1)) for mean in means])
    session = OrtSession(graph, "the matrix product in int8", settings, [(1, 1)])
    sums = pixels.sum(0, dtype=np.float64)
    right = float(np.mean([sums @ weight.sum(1, dtype=np.float64) for weight in weights])) / (rows * columns)
    cause = "with AVX2 and without VNNI the runtime adds pairs of products in 16 bits, which saturate"
    run = _checked(session, right, TOLERANCE, cause)
    return Ceiling("int8", 2 * times * rows * inner * columns, run)


def of_bf16(threads: int) -> Ceiling:
    """ProviderError where the processor has no bfloat16 of its own, and the runtime would imitate it."""
    in_bf16(IN_BF16[OPENVINO])
    return on_runtime(RuntimeSettings("require", OPENVINO, threads), in_bits="bf16")


@contextmanager
def by_numpy(threads: int) -> Iterator[Ceiling]:
    """A product in a process of its own: numpy's library takes its threads when it is loaded.

    It hears no Ctrl-C, and ends when nobody can ask it any more. CeilingError where it does not run, as where
    the library needs instructions that this processor lacks, or where its product is wrong.
    """
    environment = os.environ | dict.fromkeys(BLAS_THREADS, str(threads))
    command = [sys.executable, *PRODUCT, str(SIDE)]
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        ceiling = Ceiling("numpy", 2 * SIDE**3, partial(_product_ns, process))
        ceiling.time_ns()  # it is loaded and warm
        yield ceiling


def _product_ns(process: "subprocess.Popen[str]") -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # it has ended: then nothing is read
        os.write(process.stdin.fileno(), b"\n")
    answer = process.stdout.readline().strip()
    if not answer:
        raise CeilingError(f"numpy's matrix product ended with {process.wait()}: what it said stands above")
    if not answer.isdecimal():
        raise CeilingError(answer)
    return int(answer)


def copied(pool: ThreadPoolExecutor, threads: int) -> Ceiling:
    source = np.arange(COPIED_BYTES // 8, dtype=np.int64)
    target = np.zeros_like(source)
    ends = [len(source) * number // threads for number in range(threads + 1)]
    parts = [slice(*both) for both in pairwise(ends)]

    def time_ns() -> int:
        target[-1] = 0
        _, took_ns = timed(lambda: list(pool.map(lambda part: np.copyto(target[part], source[part]), parts)))
        if target[-1] != source[-1]:
            raise CeilingError("a copy is not what was copied: timing it is worth nothing")
        return took_ns

    return Ceiling("copy", 2 * COPIED_BYTES, time_ns)


def copied_on_device(settings: RuntimeSettings) -> Ceiling:
    """Reads and writes of a device's own memory, by a graph that does little else."""
    numbers = np.random.default_rng(SEED).uniform(0.5, 1.5, (SIDE_ON_DEVICE, SIDE_ON_DEVICE))
    builder = GraphBuilder("copy")
    value = _scaled(builder, numbers.astype(np.float32))
    for number in range(MOVED_ON_DEVICE):
        value = builder.add("Abs", [value], f"moved{number}")
    session = OrtSession(_averaged(builder, value), "the copy", settings, [(1, 1)])
    # Scaled and moved: read and written; averaged: read
    amount = (2 * (1 + MOVED_ON_DEVICE) + 1) * numbers.size * 4
    return Ceiling("copy", amount, _checked(session, float(numbers.mean()), TOLERANCE))


def _scaled(builder: GraphBuilder, numbers: Numbers) -> str:
    """By the one number that goes in, so that nothing can be computed beforehand and little is sent."""
    return builder.add("Mul", [builder.weight("first", numbers), "x"], "scaled")


def _averaged(builder: GraphBuilder, value: str) -> bytes:
    mean = builder.add("ReduceMean", [value], "mean")
    return builder.finished(("x", (1, 1)), [(mean, (1, 1))])


def _checked(session: OrtSession, right: float, tolerance: float, cause: str = "") -> Callable[[], int]:
    """Its time; CeilingError unless the mean of all that it answers is right."""
    one = np.ones((1, 1), np.float32)

    def time_ns() -> int:
        answer, took_ns = timed(lambda: session.run(one))
        found = float(np.mean([mean[0, 0] for mean in answer.values()]))
        if not abs(found - right) <= tolerance * abs(right):  # NaN compares false
            wrong = f"{session.name} is {found:.8g}, not {right:.8g}: timing it is worth nothing"
            raise CeilingError(f"{wrong} ({cause})" if cause else wrong)
        return took_ns

    time_ns()
    return time_ns
