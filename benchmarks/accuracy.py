"""How often the lane's own measuring confuses people or does not know them again, on listed pairs.

Every picture is looked at once, by the lane's detector, alignment and matcher. A picture that gives no face
is a failure to acquire: counted by its cause, never dropped.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.pairs import Pair, every_impostor, names_tell, people, pictures
from benchmarks.progress import follow
from benchmarks.rates import Outcome, Scores, summary, worst_groups
from lane.measure import Measurer, Sighting, Stopwatch
from models.compare import similarity
from models.errors import ImageError, InferenceError
from models.face import Embedding, Face, ImageBGR
from models.image import read

THRESHOLDS = tuple(round(0.30 + 0.02 * step, 2) for step in range(16))

Look = Callable[[ImageBGR, Measurer], Sighting]


@dataclass(frozen=True, slots=True, eq=False)
class Acquired:
    """What the pictures gave: an embedding by name, or a cause."""

    embeddings: dict[str, Embedding]
    failures: Counter[str]


def largest(image_bgr: ImageBGR, measurer: Measurer) -> Sighting:
    """The face that a lane takes."""
    return measurer.look(image_bgr, Stopwatch())


def central(image_bgr: ImageBGR, measurer: Measurer) -> Sighting:
    """The face nearest to the picture's centre: in LFW the label is that person's, not the largest's."""
    faces = measurer.networks.detector.detect(image_bgr)
    middle = np.array(image_bgr.shape[1::-1]) / 2

    def away(face: Face) -> float:
        box = face.box_in_image
        centre = np.array([box.x + box.width / 2, box.y + box.height / 2])
        return float(np.linalg.norm(centre - middle))

    return Sighting(image_bgr, len(faces), min(faces, key=away, default=None), {})


LOOKS: dict[str, Look] = {"largest": largest, "central": central}


def acquire(names: Sequence[str], root: Path, measurer: Measurer, look: Look) -> Acquired:
    """Find, align and embed one face of each picture, once; BenchmarkError if none has one."""
    taken = Acquired({}, Counter())
    for name in follow(names, "Looking at pictures"):
        try:
            sighting = look(read(root / name), measurer)
            if sighting.face is None:
                taken.failures["no_face"] += 1
            else:
                taken.embeddings[name] = measurer.embed(sighting, Stopwatch())
        except ImageError as error:
            taken.failures[error.code] += 1
        except InferenceError:
            taken.failures["not_measured"] += 1
    if not taken.embeddings:
        raise BenchmarkError(f"no picture gave a face: {dict(taken.failures)}")
    return taken


def compare(pairs: Iterable[Pair], taken: Acquired) -> tuple[Scores, int]:
    """The scores of these pairs, and how many pairs lack an embedding."""
    scores, missed = array("d"), 0
    for pair in pairs:
        a, b = taken.embeddings.get(pair.a), taken.embeddings.get(pair.b)
        if a is None or b is None:
            missed += 1
        else:
            scores.append(similarity(a, b))
    return np.array(scores), missed


def measure(
    pairs: Sequence[Pair],
    root: Path,
    measurer: Measurer,
    *,
    look: Look = largest,
    thresholds: Sequence[float] = THRESHOLDS,
    all_impostors: bool = False,
) -> dict[str, Any]:
    """Rates overall, for each group and for the worst group, by matcher, as JSON values."""
    told = names_tell(pairs)
    if all_impostors and not told:
        raise BenchmarkError(
            "all impostors need file names that tell who is who, and these contradict `same`"
        )
    taken = acquire(pictures(pairs), root, measurer, look)
    groups = _by_group(pairs, taken, told=told, all_impostors=all_impostors)
    total = joined(groups.values(), people(pairs) if told else None)
    named = {name: group for name, group in groups.items() if name}
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
    groups = {}
    for name in follow(sorted({pair.group for pair in pairs}), "Comparing"):
        listed = [pair for pair in pairs if pair.group == name]
        genuine, genuine_missed = compare((pair for pair in listed if pair.same), taken)
        impostors = every_impostor(listed) if all_impostors else (pair for pair in listed if not pair.same)
        impostor, impostor_missed = compare(impostors, taken)
        number = people(listed) if told else None
        groups[name] = Outcome(genuine, impostor, genuine_missed, impostor_missed, number)
    return groups


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
