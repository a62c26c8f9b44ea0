"""What a run of `latency` measures, as a table: at which frame sizes, with how many threads, how often."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.drawn_frames import Size

SIZES: tuple[Size, ...] = ((640, 480), (1280, 720), (1920, 1080))
BATCHES = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Counts:
    frames: int
    passages: int
    batches: int
    cold: int

    @property
    def fewer(self) -> "Counts":
        """For the places beside the first one: enough for a median, and for how it moves."""
        return Counts(max(2, self.frames // 4), max(2, self.passages // 4), self.batches, self.cold)


THOROUGH = Counts(frames=200, passages=200, batches=20, cold=5)
QUICK = Counts(frames=30, passages=10, batches=5, cold=1)


@dataclass(frozen=True, slots=True)
class Point:
    size: Size
    threads: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Plan:
    """Every size at the first number of threads, and every number of threads at the first size."""

    sizes: tuple[Size, ...]
    threads: tuple[int, ...]
    batches: tuple[int, ...]
    counts: Counts
    bf16: bool = False
    """Whether the matcher computes in bfloat16, wherever the other networks run."""

    def points(self, threads: int) -> tuple[Point, ...]:
        """Those with so many threads; the first one of all is measured most often."""
        first = threads == self.threads[0]
        sizes = self.sizes if first else self.sizes[:1]
        return tuple(
            Point(size, threads, self.counts if first and size == sizes[0] else self.counts.fewer)
            for size in sizes
        )


def plan(
    cores: int,
    *,
    counts: Counts,
    quick: bool = False,
    sizes: Sequence[Size] = (),
    threads: Sequence[int] = (),
    batches: Sequence[int] = (),
    bf16: bool = False,
) -> Plan:
    """What was asked for; of what was not, everything, or for a first look the least that says something."""
    return Plan(
        sizes=tuple(dict.fromkeys(sizes)) or (SIZES[:1] if quick else SIZES),
        threads=tuple(dict.fromkeys(threads)) or ((cores,) if quick else one_core_to_all(cores)),
        batches=tuple(dict.fromkeys(batches)) or ((BATCHES[0], BATCHES[3]) if quick else BATCHES),
        counts=counts,
        bf16=bf16,
    )


def one_core_to_all(cores: int) -> tuple[int, ...]:
    """All first, then one, and twice as many each time."""
    fewer = [1 << power for power in range(cores.bit_length()) if 1 << power < cores]
    return (cores, *fewer)
