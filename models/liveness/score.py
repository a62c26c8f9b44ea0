"""One score of all cues, 0 to 1, and how they were put together: weights that a benchmark fitted, as a file.

`python -m benchmarks attacks --fit FILE` writes it; which pictures it was fitted on stands in it. It is a sum
of cues and nothing that learnt to see: whoever reads the file knows what each cue counts.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from models.errors import InferenceError
from models.liveness.frames import Look
from models.liveness.mesh_motion import eyes, mouth, planarity, relief, stir
from models.liveness.picture_cues import border, colours, detail, highlights, moire, shading, surroundings
from models.values.measurement import Measure, Measured, NotAssessed, measured

CUES: Mapping[str, Callable[[Sequence[Look]], float]] = {
    "planarity": planarity,
    "relief": relief,
    "stir": stir,
    "eyes": eyes,
    "mouth": mouth,
    "surroundings": surroundings,
    "border": border,
    "moire": moire,
    "detail": detail,
    "highlights": highlights,
    "colours": colours,
    "shading": shading,
}
"""Each raises InferenceError where it cannot be taken."""
OF_EACH_LOOK = ("surroundings", "border", "moire", "detail", "highlights", "colours", "shading")
"""Cues that keep with each look what they found in it, and in the look before: these take nearly all time."""
SCORE = "score"
FEWEST_LOOKS = 4
MOST_LOOKS = 8
SPACING_S = 0.2
"""Looks lie at least so far apart, as those that the weights were fitted on."""
FARTHEST = 3.0
"""Standard deviations from the mean beyond which a cue counts no more: none decides alone."""
FORMAT = "passenger-lane-liveness-1"
SHIPPED = "weights.json"


@dataclass(frozen=True, slots=True)
class Weight:
    """Of one cue: mean and standard deviation over the data, and what one deviation counts."""

    mean: float
    deviation: float
    weight: float

    def part(self, measure: Measure) -> float:
        """What this cue adds to the sum; one that was not assessed adds nothing."""
        if not isinstance(measure, Measured):
            return 0.0
        away = (measure.value - self.mean) / self.deviation
        return self.weight * min(max(away, -FARTHEST), FARTHEST)


@dataclass(frozen=True, slots=True)
class Weights:
    """The sum's constant, and a weight for each cue."""

    constant: float
    cues: Mapping[str, Weight]

    def score(self, cues: Mapping[str, Measure]) -> Measure:
        """0 (attack) to 1 (live). Not assessed where less than half of the cues are."""
        found = [name for name in self.cues if isinstance(cues.get(name), Measured)]
        if 2 * len(found) < len(self.cues):
            return NotAssessed("less than half of the cues")
        total = self.constant + sum(self.cues[name].part(cues[name]) for name in found)
        return measured(1 / (1 + math.exp(-total)))


def assess(looks: Sequence[Look], weights: Weights | None = None) -> dict[str, Measure]:
    """Every cue by its name, and `score`; the shipped weights where none are given."""
    if len(looks) < FEWEST_LOOKS:
        return {SCORE: NotAssessed(f"fewer than {FEWEST_LOOKS} looks")}
    cues = measure(looks)
    return {SCORE: (weights or shipped()).score(cues), **cues}


def measure(looks: Sequence[Look]) -> dict[str, Measure]:
    """Every cue by its name; one that cannot be taken says why."""
    return {name: take(name, looks) for name in CUES}


def take(name: str, looks: Sequence[Look]) -> Measure:
    """One cue; why not, where it cannot be taken."""
    try:
        return measured(CUES[name](looks))
    except InferenceError as error:
        return NotAssessed(str(error))


@cache
def shipped() -> Weights:
    """The weights of this release."""
    return read(resources.files("models.liveness").joinpath(SHIPPED).read_text(encoding="utf-8"))


def read(text: str) -> Weights:
    """Of a file. ValueError, KeyError or TypeError for what is none."""
    plain: dict[str, Any] = json.loads(text)
    if plain["format"] != FORMAT or plain["cues"].keys() != CUES.keys():
        raise ValueError("not the weights of these cues")
    weights = Weights(float(plain["constant"]), {name: Weight(**one) for name, one in plain["cues"].items()})
    numbers = [weights.constant, *(n for w in weights.cues.values() for n in (w.mean, w.deviation, w.weight))]
    if not all(map(math.isfinite, numbers)) or any(one.deviation <= 0 for one in weights.cues.values()):
        raise ValueError("weights that are no numbers")
    return weights
