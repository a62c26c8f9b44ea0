"""Scores of many pairs in bounded memory: every one counted in a fine histogram, the highest kept exactly.

Products are in double precision (the lane's single precision differs by less than 1e-6). A bin is 2^-17 wide,
so that its edges are exact numbers: how many scores reach an edge is known exactly.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.acquisition.identities import People
from benchmarks.errors import BenchmarkError
from benchmarks.harness.progress import follow
from models.values.identity import Metric

Scores = NDArray[np.float64]
Vectors = NDArray[np.float64]
"""N×D."""
Counts = NDArray[np.int64]

STEPS = 2**17
"""Bins between 0 and 1."""
EDGES: Scores = np.arange(-STEPS, STEPS + 1) / STEPS
"""The lower edge of each bin, -1 to 1; a similarity below -1 (by distance) counts in the first."""
BLOCK = 512
KEPT = 500_000
"""The highest scores of strangers that are kept one by one, with the two people: enough for FMR 1e-2 of
50 million. 12 MB for each group."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores with the two people of each."""

    scores: Scores
    first: People
    second: People

    @classmethod
    def none(cls) -> "Scored":
        return cls(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def joined(cls, parts: Iterable["Scored"]) -> "Scored":
        columns = zip(*((one.scores, one.first, one.second) for one in (cls.none(), *parts)), strict=True)
        return cls(*map(np.concatenate, columns))

    def __getitem__(self, places: slice | NDArray[np.int64]) -> "Scored":
        return Scored(self.scores[places], self.first[places], self.second[places])

    def sorted(self) -> "Scored":
        """Lowest first."""
        return self[np.argsort(self.scores, kind="stable")]


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Embeddings of pictures with the person of each, those of one person side by side."""

    vectors: Vectors
    people: People
    metric: Metric

    @classmethod
    def stack(cls, vectors: Sequence[NDArray[np.float32]], people: People, metric: Metric) -> "Gallery":
        """BenchmarkError for a vector that is not finite: its scores would be on no side of a threshold."""
        if not len(vectors):
            return cls(np.empty((0, 1)), np.empty(0, np.int64), metric)
        order = np.argsort(people, kind="stable")
        stacked = np.stack(vectors).astype(np.float64)[order]
        if not np.isfinite(stacked).all():
            raise BenchmarkError("an embedding is not finite")
        return cls(stacked, people[order], metric)

    def strangers(self) -> Iterator[tuple[int, Scores]]:
        """Rows from this one on against all columns from it on; what is no new pair of strangers is -inf."""
        end_of_person = np.searchsorted(self.people, self.people, side="right")
        for first in follow(range(0, len(self.people), BLOCK), "Comparing"):
            rows = slice(first, first + BLOCK)
            block = similarities(self.vectors[rows], self.vectors[first:], self.metric)
            for row, end in enumerate(end_of_person[rows]):
                block[row, : end - first] = -np.inf
            yield first, block


def similarities(one: Vectors, other: Vectors, metric: Metric) -> Scores:
    """Each with each, as `models.embed.similarity`: cosine of unit vectors, or 1 - distance; within -1 to
    1."""
    product: Scores = one @ other.T
    if metric == "euclidean":
        squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * product
        product = 1 - np.sqrt(squares.clip(0))
    bounded: Scores = product.clip(-1, 1)
    return bounded


def paired(one: Vectors, other: Vectors, metric: Metric) -> Scores:
    """The first with the first, the second with the second."""
    if metric == "euclidean":
        return np.asarray((1 - np.linalg.norm(one - other, axis=1)).clip(-1, 1), np.float64)
    return np.asarray((one * other).sum(1).clip(-1, 1), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Formed:
    """Where comparisons of strangers come from, so that people can be drawn again (`error_rates`)."""

    pictures: Counts | None
    """By person, of all people of the run, where each two pictures of different people are compared."""
    listed: tuple[People, People] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Impostors:
    counts: Counts
    """By bin of `EDGES`."""
    top: Scored
    """Lowest first: all at or above `floor`."""
    floor: float
    formed: tuple[Formed, ...]
    exactly: dict[float, int] = field(default_factory=dict)
    """How many reach the thresholds that were given before."""

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    def reaching(self, threshold: float) -> int:
        """How many scores are at or above it, exactly; KeyError where that would be a guess."""
        if threshold >= self.floor:
            return len(self.top.scores) - int(np.searchsorted(self.top.scores, threshold))
        if threshold in self.exactly:
            return self.exactly[threshold]
        place = int(np.searchsorted(EDGES, threshold))
        if place == len(EDGES) or EDGES[place] != threshold:
            raise KeyError(threshold)
        return int(self.counts[place:].sum())

    def at_edges(self) -> Counts:
        """How many are at or above each edge."""
        return np.asarray(self.counts[::-1].cumsum()[::-1])


def listed_impostors(scored: Scored) -> Impostors:
    """Of pairs that a list names: all kept."""
    counts = np.bincount(_bins(scored.scores), minlength=len(EDGES))
    return Impostors(counts, scored.sorted(), -np.inf, (Formed(None, (scored.first, scored.second)),))


def all_impostors(gallery: Gallery, people: int, thresholds: Sequence[float] = ()) -> Impostors:
    """Each two pictures of different people, once. Two passes over products of blocks: count, then keep.

    `people` is how many the whole run has. Counts are exact at `thresholds`, at edges, and where FMR is low.
    """
    counts = np.zeros(len(EDGES) + 1, np.int64)
    for _, block in gallery.strangers():
        counts += np.bincount(_bins(block.ravel()) + 1, minlength=len(counts))
    counts = counts[1:]  # what is no pair
    floor = _floor(counts)
    below = np.array(sorted(t for t in set(thresholds) if -1 <= t < floor))
    kept, reached = _kept(gallery, floor, below, counts)
    pictures = np.bincount(gallery.people, minlength=people)
    exactly = dict(zip(below.tolist(), reached.tolist(), strict=True))
    return Impostors(counts, kept.sorted(), floor, (Formed(pictures),), exactly)


def joined(every: Sequence[Impostors]) -> Impostors:
    if not every:
        return listed_impostors(Scored.none())
    floor = max(one.floor for one in every)
    top = Scored.joined(one.top for one in every).sorted()
    first = int(np.searchsorted(top.scores, floor))
    thresholds = {t for one in every for t in one.exactly if t < floor}
    return Impostors(
        np.sum([one.counts for one in every], axis=0),
        top[first:],
        floor,
        tuple(part for one in every for part in one.formed),
        {t: sum(one.reaching(t) for one in every) for t in thresholds},
    )


def _bins(scores: Scores) -> NDArray[np.int32]:
    """The place in `EDGES`; -1 for -inf. Exact: a product with a power of two is not rounded."""
    return np.floor(np.maximum(scores * STEPS, -STEPS - 1)).astype(np.int32) + STEPS


def _floor(counts: Counts) -> float:
    """The lowest edge that at most `KEPT` scores reach; -inf where all can be kept."""
    reaching = counts[::-1].cumsum()[::-1]
    if reaching[0] <= KEPT:
        return -np.inf
    enough = np.flatnonzero(reaching <= KEPT)
    return float(EDGES[enough[0]]) if len(enough) else float(np.nextafter(1, 2))


def _kept(gallery: Gallery, floor: float, thresholds: Scores, counts: Counts) -> tuple[Scored, Counts]:
    """All from `floor` up; and how many reach each threshold: the bins above, and its own one by one."""
    wanted = np.zeros(len(EDGES) + 1, bool)
    places = np.searchsorted(EDGES, thresholds, side="right") - 1
    wanted[places] = True
    parts: list[Scored] = []
    in_bins = [np.empty(0)]
    lowest = max(floor, -1.0)
    for first, block in gallery.strangers():
        row, column = np.nonzero(block >= lowest)
        people = gallery.people[first:]
        parts.append(Scored(block[row, column], people[row], people[column]))
        if thresholds.size:
            flat = block.ravel()
            in_bins.append(flat[wanted[_bins(flat)]])
    single = np.concatenate(in_bins)
    above = counts[::-1].cumsum()[::-1] - counts
    reached = [
        int(above[place] + ((single >= t) & (single < EDGES[place] + 1 / STEPS)).sum())
        for t, place in zip(thresholds, places, strict=True)
    ]
    return Scored.joined(parts), np.array(reached, np.int64)
