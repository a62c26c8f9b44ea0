"""Would a reduced network be admitted? Only if it is measured faster than the full one, and within drift."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from models.catalogue import weights
from models.catalogue.spec import NetworkSpec
from models.detect.detector import FaceDetector
from models.errors import ProviderError
from models.networks.build import session_on
from models.reduced import FILES, reduce
from models.runtime.input_tensor import to_tensor
from models.runtime.onnx_runtime import RuntimeSettings
from models.runtime.providers import IN_BF16, KNOWN, Provider, named
from models.runtime.session import Session, Tensor
from models.selftest import drift
from models.selftest.drift import Drift, Limit, Listener
from models.values.face import ImageBGR

Item = TypeVar("Item")
PRECISIONS = (*FILES, "bf16")
ROUNDS = 60
CALIBRATION = 32
"""Pictures that int8 is calibrated on."""
FEWEST_PHOTOGRAPHS = 100
WORTH_IT = 1.05
"""Times as fast: for less, another file is not worth its own calibration."""
RACED = 4
"""Tensors in each round."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Full over reduced, round by round in alternation, so that a busy machine slows both."""

    ratio: float
    """Median; above 1 the reduced network is faster."""
    ratio_low: float
    """With `ratio_high` the 95 % interval of the median, by order statistics."""
    ratio_high: float
    full_ms: float
    reduced_ms: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One reduced network, measured."""

    spec: NetworkSpec
    precision: str
    path: Path | None
    """The reduced file; None where the precision is a setting of the provider."""
    sha256: str
    """Of the graph that ran."""
    size: float
    """Its bytes over the full one's."""
    provider: str
    speed: Speed
    drift: Drift
    limit: Limit
    photographs: int = 0
    """Of people, among the pictures that drift was measured on."""

    @property
    def faster(self) -> bool:
        """Surely so: the median's whole interval is above `WORTH_IT`."""
        return self.speed.ratio_low > WORTH_IT

    @property
    def within(self) -> bool:
        """Whether it is still the same network."""
        return self.drift.within(self.limit)

    @property
    def admitted(self) -> bool:
        """Both, and on photographs: drawn faces showed a quarter of what a matcher drifts on people.

        The catalogue still has to name it before anything uses it.
        """
        return self.faster and self.within and self.photographs >= FEWEST_PHOTOGRAPHS

    @property
    def calibrable(self) -> bool:
        """Not admitted, since its similarities move; near and fast enough for a calibration of its own.

        It passes the check at every start. In bfloat16 a lane takes it with such a calibration
        (`models.runtime.bf16`); a file needs a catalogue entry as well.
        """
        near = self.spec.role == "matcher" and self.drift.cosine >= self.limit.min_cosine
        measured = self.faster and self.photographs >= FEWEST_PHOTOGRAPHS
        return near and measured and not self.admitted


def reduced_path(spec: NetworkSpec, precision: str, sha256: str, cache: Path) -> Path:
    """Beside the prepared file, under a name that no catalogue entry has by itself."""
    return weights.prepared_path(spec, cache).with_name(f"{spec.name}-{precision}-{sha256[:12]}.onnx")


def tried(
    spec: NetworkSpec,
    precision: str,
    cache: Path,
    settings: RuntimeSettings,
    *,
    met: Sequence[ImageBGR] = (),
    rounds: int = ROUNDS,
) -> Trial:
    """The network in one of `PRECISIONS`, measured against itself in full on the provider of `settings`.

    `met` are photographs as this network meets them (`models.photographs`), beside drawn faces. A file in
    fp16 or int8 is written beside the prepared one. Raises ModelError.
    """
    must_be_possible(precision, settings)
    graph = weights.load(spec, cache)
    full = session_on(graph, spec, settings)
    images = [*drift.pictures(spec), *met]
    seen = tensors_of(spec, full, spread(images, CALIBRATION))
    less, known = _reduced(graph, precision, seen)
    reduced = session_on(less, spec, settings, known)
    moved = drift.measure(spec, full, reduced, images)
    speed = alternated(full, reduced, spread(seen, RACED), rounds)
    sha256 = hashlib.sha256(less).hexdigest()
    path = reduced_path(spec, precision, sha256, cache) if precision in FILES else None
    if path is not None:
        weights.write_atomically(path, less)
    return Trial(
        spec,
        precision,
        path,
        sha256,
        len(less) / len(graph),
        reduced.provider,
        speed,
        moved,
        drift.LIMITS[spec.role],
        len(met),
    )


def _reduced(graph: bytes, precision: str, seen: Sequence[Tensor]) -> tuple[bytes, Mapping[str, Provider]]:
    """The graph to run and the providers to run it: fewer bits are the file's affair or the provider's."""
    for kind in FILES:
        if kind == precision:
            return reduce(graph, kind, seen), KNOWN
    return graph, IN_BF16


def must_be_possible(precision: str, settings: RuntimeSettings) -> None:
    """ProviderError for a precision that nobody knows, or that this provider has no setting for."""
    if precision not in PRECISIONS:
        raise ProviderError(f"precision must be one of {', '.join(PRECISIONS)}, is {precision!r}")
    provider = named(settings.provider)
    if precision not in FILES and provider.name not in IN_BF16:
        able = ", ".join(one.short for one in IN_BF16.values())
        raise ProviderError(f"{precision} is a setting of {able}, not of {provider.name}")


def tensors_of(spec: NetworkSpec, session: Session, images: Sequence[ImageBGR]) -> list[Tensor]:
    """What the network is fed on these pictures, as it is used."""
    if spec.role != "detector":
        return [to_tensor(image, spec.input) for image in images]
    heard = Listener(session)
    for image in images:
        FaceDetector(spec, heard).detect(image)
    return [tensor for tensor, _ in heard.heard]


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most so many of them, evenly spread over the list."""
    return list(items[:: max(1, -(-len(items) // count))])


def alternated(full: Session, reduced: Session, tensors: Sequence[Tensor], rounds: int) -> Speed:
    """Both on all tensors in each of at least two rounds; who goes first changes each time."""
    times: list[tuple[int, int]] = []
    for number in range(rounds):
        first, second = (full, reduced) if number % 2 == 0 else (reduced, full)
        one, other = _time_ns(first, tensors), _time_ns(second, tensors)
        times.append((one, other) if number % 2 == 0 else (other, one))
    ratios = sorted(whole / less for whole, less in times)
    outside = max(0, int(rounds / 2 - 0.98 * rounds**0.5))
    each = len(tensors) * 1e6
    return Speed(
        median(ratios),
        ratios[outside],
        ratios[-1 - outside],
        median(whole for whole, _ in times) / each,
        median(less for _, less in times) / each,
        rounds,
    )


def _time_ns(session: Session, tensors: Sequence[Tensor]) -> int:
    start = time.perf_counter_ns()
    for tensor in tensors:
        session.run(tensor)
    return time.perf_counter_ns() - start
