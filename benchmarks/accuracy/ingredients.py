"""What each ingredient of a template is worth: the same pictures by several recipes, and what each costs.

A recipe says which crops of a face are embedded and averaged. The last one is the lane's own.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from benchmarks.accuracy.accuracy import Chosen, measure, named
from benchmarks.accuracy.error_rates import at_worst_group
from benchmarks.acquisition.acquire import MERITS, Failure, Vector
from benchmarks.acquisition.lists import ALL, Pair, grouping, read_pairs
from benchmarks.acquisition.matchers import Bench, MatcherUnderTest
from benchmarks.errors import BenchmarkError
from benchmarks.harness.command_line import GroupBy, Json, Root, Which, Workers, deliver
from benchmarks.harness.measurer import build_measurer, shipped_policy
from benchmarks.harness.result import Figure, Result, counts
from benchmarks.harness.stamp import sha256_of, stamp
from lane.decision.policy import Policy
from models.detect.align import Layout, align
from models.detect.face_mesh import five_points
from models.embed.template import crops, mean, mirrored
from models.networks.build import Networks
from models.runtime.threads import available_cores
from models.values.face import AlignedFace, Embedding, Face, ImageBGR
from models.values.identity import MatcherIdentity

AT = 1e-3
"""The FMR in the worst group at which recipes are compared."""
LANE = "close-up and mesh"
RECIPES: dict[str, tuple[str, ...]] = {
    "first look": ("first look",),
    "close-up": ("close-up",),
    "close-up and mirror": ("close-up", "close-up, mirrored"),
    "five of mesh and mirror": ("five of mesh", "five of mesh, mirrored"),
    "both and mirrors": ("close-up", "close-up, mirrored", "five of mesh", "mesh, mirrored"),
    LANE: ("close-up", "mesh, mirrored"),
}


def ingredients(
    root: Root,
    pairs: Annotated[Path, typer.Option(help="CSV as for `accuracy`, with groups.")],
    json_out: Json = None,
    face: Which = "prominent",
    group_by: GroupBy = "group",
    workers: Workers = None,
) -> None:
    """Measure what each ingredient of a template is worth, and what it costs.

    The same pictures by several recipes: landmarks of the first look, of the close-up, of the mesh; one crop,
    its mirror image, both sources. Errors are reported where the worst group has FMR 1e-3, with milliseconds.

    Example: python -m benchmarks ingredients --root faces --pairs faces/pairs.csv --json result.json
    """
    rules = shipped_policy()
    listed = read_pairs(pairs, root, grouping(group_by, [pairs]))
    figures, built = compare(listed, root, rules, face=face, threads=workers or available_cores())
    about = stamp(rules, built)
    data = {"pairs_sha256": sha256_of(pairs), "face": face, "group_by": group_by}
    result = Result(
        benchmark="ingredients",
        stamp=about,
        conditions={**about.same_lane, **data},
        settings={"pairs": pairs.name},
        figures=tuple(figures),
        meaning={"ms": "beyond the detector's first look", "FMR 1e-3": "that of the worst group"},
    )
    deliver(result, json_out)


def crops_by_part(
    image_bgr: ImageBGR, first: Face, face: Face, layout: Layout
) -> dict[str, Callable[[], AlignedFace]]:
    """What recipes are made of: crops of a face as the detector's first look has it, and as a lane has it."""

    def of_five() -> AlignedFace:
        return align(image_bgr, five_points(face.mesh) if face.mesh else face.landmarks, layout)

    return {
        "first look": lambda: align(image_bgr, first.landmarks, layout),
        "close-up": lambda: crops(image_bgr, face, layout)[0],
        "close-up, mirrored": lambda: mirrored(crops(image_bgr, face, layout)[0]),
        "five of mesh": of_five,
        "five of mesh, mirrored": lambda: mirrored(of_five()),
        "mesh, mirrored": lambda: crops(image_bgr, face, layout)[1],
    }


@dataclass(slots=True, eq=False)
class Times:
    """Milliseconds of each step, picture by picture."""

    by_step: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def time(self, step: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.by_step[step].append((time.perf_counter() - started) * 1e3)

    def cost_ms(self, recipe: str) -> float | None:
        """What a recipe costs beyond the first look: the sum of its steps' medians; None if never run."""
        parts = RECIPES[recipe]
        steps = ["embed"] * len(parts)
        steps += ["close-up"] if any(part != "first look" for part in parts) else []
        steps += ["mesh"] if any("mesh" in part for part in parts) else []
        if not all(self.by_step.get(step) for step in steps):
            return None
        return round(sum(median(self.by_step[step]) for step in steps), 2)


class RecipeEncoder:
    """The prominent face of a picture, by every recipe."""

    def __init__(self, networks: Networks, face: str, times: Times) -> None:
        self._networks, self._merit, self._times = networks, MERITS[face], times

    @property
    def matchers(self) -> tuple[str, ...]:
        """The recipes' names stand where those of matchers do."""
        return tuple(RECIPES)

    def encode(self, image_bgr: ImageBGR) -> Mapping[str, Vector | Failure]:
        """One embedding for each crop, averaged as the recipes say."""
        detector, embedder = self._networks.detector, self._networks.embedder
        with self._times.time("first look"):
            found = detector.detect(image_bgr, close_ups=0)
        if not found:
            return dict.fromkeys(self.matchers, Failure("no_face"))
        first = max(found, key=lambda one: self._merit(one.box_in_image, image_bgr))
        with self._times.time("close-up"):
            close = detector.closer(image_bgr, first)
        with self._times.time("mesh"):
            face = self._networks.refined(image_bgr, close)
        every: dict[str, Embedding] = {}
        for part, crop in crops_by_part(image_bgr, first, face, embedder.layout).items():
            with self._times.time("embed"):
                every[part] = embedder.embed(crop())
        return {name: mean([every[part] for part in parts]).vector for name, parts in RECIPES.items()}

    def encode_capture(
        self,
        images_bgr: Iterator[ImageBGR],  # noqa: ARG002  as every encoder
        interval_s: float,  # noqa: ARG002
    ) -> Mapping[str, Vector | Failure]:
        raise BenchmarkError("recipes are compared on pictures, not on captures")


def compare(
    pairs: Sequence[Pair], root: Path, rules: Policy, *, face: str, threads: int
) -> tuple[list[Figure], Networks]:
    """By recipe; every two pictures of different people within a group are compared."""
    built = [build_measurer(rules, threads=1).networks for _ in range(threads)]
    times = [Times() for _ in built]
    encoders = tuple((RecipeEncoder(one, face, each),) for one, each in zip(built, times, strict=True))
    matcher = built[0].embedder.identity
    subjects = tuple(
        MatcherUnderTest(MatcherIdentity(name, matcher.sha256, matcher.preprocessing), "cosine", None, "none")
        for name in RECIPES
    )
    figures: list[Figure] = []
    for one in measure(pairs, root, Bench(subjects, encoders, built[0]), Chosen("within-group")):
        recipe = one.matcher.name
        costs_ms = [cost for each in times if (cost := each.cost_ms(recipe)) is not None]
        if costs_ms:
            figures.append(Figure(name=("recipes", recipe, "ms"), value=round(median(costs_ms), 2)))
        failures = one.outcomes[ALL].failures
        figures += counts(("recipes", recipe), {"failures to acquire": failures})
        figures += at_worst_group(recipe, named(one.outcomes), (AT,))
    return figures, built[0]
