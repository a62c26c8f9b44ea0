"""What bfloat16 is worth for the lane's matcher: the same crops in fp32 and in bf16, in turns.

Each answer is compared with that of fp32 before anything is timed: a quick answer that is another one would
be no gain. The crops are of drawn faces, in several looks, lights and sharpnesses: no photograph of a person
is needed, and every machine draws the same, but for the last bit of OpenCV's arithmetic.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.harness.command_line import Json, Threads, deliver
from benchmarks.harness.result import Figure, Result, not_available
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import in_turns, ratio, timed, times
from models.catalogue import catalogue, weights
from models.catalogue.spec import NetworkSpec
from models.errors import ProviderError
from models.networks.known_face import MIN_COSINE, draw_face
from models.runtime.bf16 import in_bf16
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import CPU, IN_BF16, KNOWN, OPENVINO
from models.runtime.session import Tensor, to_tensor
from models.values.face import ImageBGR

QUICK, THOROUGH = 30, 300
BATCHES = (1, 2)
"""A crop by itself, and a template's two crops at once."""
FULL = "fp32 on CPU"
WARM_UP = 3
Change = Callable[[ImageBGR], ImageBGR]


def rounding(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} turns: a first look.")] = False,
    turns: Annotated[
        int | None, typer.Option(min=2, help=f"How often each is timed; {THOROUGH} if not given.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Time the lane's matcher in fp32 on the CPU, in fp32 on OpenVINO and in bfloat16 there, in turns.

    Of one crop and of two at once, which a template takes. Reported is how long a call takes, and how many
    times as fast as fp32 on the CPU each is, turn by turn, so that a busy machine slows all of them. What
    does not run here is named, with the reason. `accuracy --matcher NAME --matcher NAME-bf16` shows how
    scores differ.

    Example: python -m benchmarks rounding --threads 1 --quick
    """
    spec = catalogue.load().for_role("matcher")
    figures: list[Figure] = []
    arithmetic: dict[str, str] = {}
    missing: dict[str, str] = {}
    for size in BATCHES:  # each by sessions of its own: a runtime is quicker where it knows the only shape
        contenders, failed = _contenders(spec, threads, size)
        figures += _raced(spec, contenders, size, turns or (QUICK if quick else THOROUGH))
        arithmetic |= {one.name: one.arithmetic for one in contenders}
        missing |= failed
    result = Result(
        benchmark="rounding",
        stamp=(about := stamp(threads=threads)),
        conditions={"matcher": f"{spec.name} {spec.sha256}", "threads": about.threads},
        settings={"arithmetic": {**arithmetic}},
        figures=(*figures, *not_available(missing)),
    )
    deliver(result, json_out)


@dataclass(frozen=True, slots=True)
class Contender:
    """The matcher, as it is set up to run."""

    name: str
    session: OrtSession
    arithmetic: str


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
    crops = [to_tensor(image, spec.input) for image in drawings(width, height)]
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


def _tinted(blue: float, green: float, red: float) -> Change:
    return lambda image: _pixels(image * np.array([blue, green, red]))


def _noisy(image: ImageBGR) -> ImageBGR:
    return _pixels(image + np.random.default_rng(2021).normal(0, 6, image.shape))


def _blurred(image: ImageBGR) -> ImageBGR:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.2), np.uint8)


def _mirrored(image: ImageBGR) -> ImageBGR:
    return np.ascontiguousarray(image[:, ::-1])


def _warped(across: float, down: float, turn_deg: float) -> Change:
    """Stretched and turned about the middle of the picture."""

    def warp(image: ImageBGR) -> ImageBGR:
        height, width = image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
        turn[:, :2] = turn[:, :2] @ np.diag([across, down])
        turn[:, 2] = [width / 2, height / 2] - turn[:, :2] @ [width / 2, height / 2]
        warped = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, np.uint8)

    return warp


LOOKS: dict[str, Change] = {
    "as known": lambda image: image,
    "narrow, dark": lambda image: _tinted(0.75, 0.7, 0.7)(_warped(0.9, 1.04, 0)(image)),
    "wide, pale": lambda image: _tinted(1.15, 1.12, 1.1)(_warped(1.08, 0.97, 0)(image)),
    "long, ruddy": lambda image: _tinted(0.85, 0.9, 1.12)(_warped(0.97, 1.1, 0)(image)),
}
CONDITIONS: dict[str, Change] = {
    "plain": lambda image: image,
    "little light": _tinted(0.55, 0.55, 0.55),
    "much light": _tinted(1.35, 1.35, 1.35),
    "blurred": _blurred,
    "noisy": _noisy,
    "mirrored": _mirrored,
    "turned": _warped(1, 1, 9),
}


def drawings(width: int, height: int) -> Iterator[ImageBGR]:
    """Every look in every condition, placed as `known_face.draw_face` places its face."""
    face = draw_face(width, height, scale=width / 112, left=0, top=0)
    for look in LOOKS.values():
        for condition in CONDITIONS.values():
            yield condition(look(face))


def _pixels(values: NDArray[np.floating[Any]]) -> ImageBGR:
    pixels: ImageBGR = np.rint(values).clip(0, 255).astype(np.uint8)
    return pixels
