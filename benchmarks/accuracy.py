"""How often the lane's own measuring confuses people or does not know them again, on listed pairs.

Every picture is looked at once, exactly as a lane looks at a document photo. A picture that gives no face is
a failure to acquire: counted by its cause, never dropped.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.pairs import Pair, every_impostor, names_tell, people, pictures
from benchmarks.progress import follow
from benchmarks.rates import Outcome, summary, worst_groups
from lane.measure import Measurer, Stopwatch
from models.compare import similarity
from models.errors import ImageError, InferenceError
from models.face import Embedding
from models.image import read

THRESHOLDS = tuple(round(0.30 + 0.02 * step, 2) for step in range(16))


@dataclass(frozen=True, slots=True, eq=False)
class Acquired:
    """What the pictures gave: an embedding by name, or a cause."""

    embeddings: dict[str, Embedding]
    failures: Counter[str]


def acquire(names: Sequence[str], root: Path, measurer: Measurer) -> Acquired:
    """Find, align and embed the largest face of each picture, once; BenchmarkError if none has one."""
    taken = Acquired({}, Counter())
    for name in follow(names, "Looking at pictures"):
        try:
            sighting = measurer.look(read(root / name), Stopwatch())
            if sighting.face is None:
                taken.failures["no_face"] += 1
                continue
            taken.embeddings[name] = measurer.embed(sighting, Stopwatch())
        except ImageError as error:
            taken.failures[error.code] += 1
        except InferenceError:
            taken.failures["not_measured"] += 1
    if not taken.embeddings:
        raise BenchmarkError(f"no picture gave a face: {dict(taken.failures)}")
    return taken


def compare(pairs: Iterable[Pair], taken: Acquired, number_of_people: int | None) -> Outcome:
    """The scores of these pairs; a pair without two embeddings is counted as missed."""
    scores: dict[bool, list[float]] = {True: [], False: []}
    missed: Counter[bool] = Counter()
    for pair in pairs:
        a, b = taken.embeddings.get(pair.a), taken.embeddings.get(pair.b)
        if a is None or b is None:
            missed[pair.same] += 1
        else:
            scores[pair.same].append(similarity(a, b))
    return Outcome(
        np.array(scores[True]), np.array(scores[False]), missed[True], missed[False], number_of_people
    )


def measure(
    pairs: Sequence[Pair],
    root: Path,
    measurer: Measurer,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    all_impostors: bool = False,
) -> dict[str, Any]:
    """Rates overall, for each group and for the worst group, by matcher, as JSON values."""
    told = names_tell(pairs)
    if all_impostors and not told:
        raise BenchmarkError(
            "all impostors need file names that tell who is who, and these contradict `same`"
        )
    taken = acquire(pictures(pairs), root, measurer)
    groups = _by_group(pairs, taken, told=told, all_impostors=all_impostors)
    total = joined(groups.values(), people(pairs) if told else None)
    named = {name: group for name, group in sorted(groups.items()) if name}
    matcher = measurer.networks.embedder.identity
    result = {
        "sha256": matcher.sha256,
        "pictures": len(taken.embeddings) + taken.failures.total(),
        "failures_to_acquire": taken.failures.total(),
        "failures_by_cause": dict(taken.failures),
        **summary(total, thresholds),
        "groups": {name: summary(group, thresholds) for name, group in named.items()},
        "worst_group": worst_groups(named, thresholds),
    }
    return {matcher.name: result}


def _by_group(
    pairs: Sequence[Pair], taken: Acquired, *, told: bool, all_impostors: bool
) -> dict[str, Outcome]:
    result = {}
    for group in follow(sorted({pair.group for pair in pairs}), "Comparing"):
        listed = [pair for pair in pairs if pair.group == group]
        genuine = (pair for pair in listed if pair.same)
        compared = chain(genuine, every_impostor(listed)) if all_impostors else listed
        result[group] = compare(compared, taken, people(listed) if told else None)
    return result


def joined(groups: Iterable[Outcome], number_of_people: int | None) -> Outcome:
    """All groups together, every pair counting once."""
    every = list(groups)
    return Outcome(
        np.concatenate([group.genuine for group in every]),
        np.concatenate([group.impostor for group in every]),
        sum(group.genuine_missed for group in every),
        sum(group.impostor_missed for group in every),
        number_of_people,
    )
