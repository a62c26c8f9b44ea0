"""Recipes are measured on what a lane does, and the last of them is the lane's own."""

from pathlib import Path

import numpy as np

from benchmarks.accuracy.ingredients import LANE, RECIPES, RecipeEncoder, Times, compare, crops_by_part
from benchmarks.acquisition.acquire import Failure, look_for
from benchmarks.acquisition.lists import Pair
from benchmarks.harness.measurer import shipped_policy
from lane.capture.measuring import Measurer, Stopwatch
from lane.demo.photos import SHA256
from models.image import read


def test_last_recipe_is_what_lane_compares(measurer: Measurer, photos: Path) -> None:
    """The others differ from it, and show the same person."""
    image_bgr = read(photos / "obama.jpg")
    by_recipe = RecipeEncoder(measurer.networks, "largest", Times()).encode(image_bgr)
    lanes = measurer.embed(look_for("largest")(image_bgr, measurer), Stopwatch()).vector
    vector = by_recipe[LANE]
    assert not isinstance(vector, Failure)
    assert list(RECIPES)[-1] == LANE
    assert np.allclose(vector, lanes, atol=1e-6)
    vectors = [one for one in by_recipe.values() if not isinstance(one, Failure)]
    alike = np.array(vectors) @ np.array(vectors).T
    assert len(vectors) == len(RECIPES)
    assert alike.min() > 0.8
    assert alike[~np.eye(len(vectors), dtype=bool)].max() < 0.9999
    (face,) = measurer.networks.detector.detect(image_bgr)
    made = crops_by_part(image_bgr, face, face, measurer.networks.embedder.layout)
    assert {part for parts in RECIPES.values() for part in parts} == made.keys()


def test_faceless_picture_fails_every_recipe(measurer: Measurer) -> None:
    found = RecipeEncoder(measurer.networks, "largest", Times()).encode(np.full((240, 320, 3), 90, np.uint8))
    assert found == dict.fromkeys(RECIPES, Failure("no_face"))


def test_recipe_costs_only_its_steps() -> None:
    times = Times()
    assert times.cost_ms(LANE) is None
    times.by_step.update({"embed": [10.0, 12.0, 14.0], "close-up": [3.0], "mesh": [5.0]})
    assert times.cost_ms("first look") == 12
    assert times.cost_ms("close-up and mirror") == 27
    assert times.cost_ms(LANE) == 32


def test_each_recipe_has_rates_and_cost(photos: Path) -> None:
    names = sorted(name for name in SHA256 if name.startswith("obama"))
    pairs = [Pair(names[0], name, same=True) for name in names[1:]]
    pairs.append(Pair(names[0], "biden.jpg", same=False))
    figures, _ = compare(pairs, photos, shipped_policy(), face="largest", threads=1)
    by_name = {one.name: one.number for one in figures}
    for recipe in RECIPES:
        assert (by_name["recipes", recipe, "ms"] or 0) > 0
        assert by_name["recipes", recipe, "failures to acquire"] == 0
        assert by_name[recipe, "1e-3"] is None  # two people show no FMR of 1e-3
