"""A calibration fits no other way to a score: whatever moves one changes the hash."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from models.catalogue import catalogue
from models.catalogue.spec import NetworkSpec
from models.detect import align, detector, face_mesh
from models.embed import preprocessing as recipe
from models.embed.preprocessing import preprocessing
from models.embed.template import embed
from models.networks.build import Networks
from models.networks.known_face import draw_face, draw_scene

SPECS = catalogue.load()
MATCHER = SPECS.for_role("matcher")
BEFORE = [SPECS.for_role("detector"), SPECS.for_role("landmarks")]
HERE = preprocessing(MATCHER, BEFORE)


def fed(spec: NetworkSpec, **what: Any) -> NetworkSpec:
    return replace(spec, input=replace(spec.input, **what))


DETECTOR, _ = BEFORE
OTHERS: dict[str, tuple[Any, ...]] = {
    "colours": (fed(MATCHER, colour="bgr"), BEFORE),
    "mean": (fed(MATCHER, mean=(1.0, 0.0, 0.0)), BEFORE),
    "scale": (fed(MATCHER, scale=0.5), BEFORE),
    "metric": (replace(MATCHER, metric="euclidean"), BEFORE),
    "length": (replace(MATCHER, normalise=not MATCHER.normalise), BEFORE),
    "layout": (replace(MATCHER, layout=SPECS.named("dlib-resnet-29").layout), BEFORE),
    "amx": (MATCHER, BEFORE, "bf16 by amx, plugin 1"),
    "avx512": (MATCHER, BEFORE, "bf16 by avx512, plugin 1"),
    "no mesh": (MATCHER, [DETECTOR]),
    **{
        f"{one.role}'s {what}": (MATCHER, [other if spec is one else spec for spec in BEFORE])
        for one in BEFORE
        for what, other in (
            ("file", replace(one, sha256="0" * 64)),
            ("scale", fed(one, scale=0.5)),
            ("shapes", fed(one, shapes=((320, 320),))),
        )
    },
}


def test_other_way_has_another_hash() -> None:
    hashes = {name: preprocessing(*other) for name, other in OTHERS.items()}
    assert len({HERE, *hashes.values()}) == len(OTHERS) + 1
    assert len(HERE) == 64


STEPS: list[tuple[ModuleType, list[str]]] = [
    (align, ["MOST_SAMPLED_DOWN"]),
    (detector, ["MIN_SCORE", "MAX_OVERLAP", "SMALLEST_AT_HALF_SCALE_PX", "LARGEST_AT_FULL_SCALE_PX"]),
    (detector, ["MAX_CLOSE_UPS", "CLOSE_UP_MIN_SCORE", "CLOSE_UP_STRIDES"]),
    (detector, ["SAME_FACE_OVERLAP", "SURENESS_POWER"]),
    (face_mesh, ["SIZE", "REACH", "MIN_SCORE", "MAX_APART"]),
    (recipe, ["STEPS"]),
]
MOVED_CLOSE_UP = replace(detector.CLOSE_UP, landmarks=detector.CLOSE_UP.landmarks + 1)
NUMBERS, SHAPE = face_mesh.mean_shape()


@pytest.mark.parametrize(
    ("module", "name", "other"),
    [
        *((module, name, 0.1234) for module, names in STEPS for name in names),
        (detector, "CLOSE_UP", MOVED_CLOSE_UP),
        (face_mesh, "mean_shape", lambda: (NUMBERS, SHAPE + np.float32(0.01))),
    ],
)
def test_other_step_has_another_hash(
    module: ModuleType, name: str, other: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, other)
    assert preprocessing(MATCHER, BEFORE) != HERE


def test_what_moves_no_score_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(MATCHER, licence="another", origin="elsewhere", permitted_use="none", use="optional")
    assert MATCHER.layout is not None
    renamed = replace(MATCHER, layout=replace(MATCHER.layout, name="other"))
    without_mesh = preprocessing(MATCHER, [DETECTOR])
    assert preprocessing(other, BEFORE) == preprocessing(renamed, BEFORE, "fp32") == HERE
    monkeypatch.setattr(face_mesh, "REACH", 2.0)
    assert preprocessing(MATCHER, [DETECTOR]) == without_mesh


SCENES = (
    draw_scene(),
    draw_face(1200, 1000, scale=6, left=250, top=100),
    draw_face(640, 480, scale=0.9, left=280, top=160),
)
KNOWN = [0.98871, 0.98872, 0.98376, 0.99521, 0.99434, 0.99120]
"""Cosines of the scenes' templates to the matcher's known answer, and of one to the next.

Pixels sampled otherwise, no close-up or other points of the mesh move one by 0.004 and more; one grey level
on every hundredth pixel moves none by more than 0.0002."""
KNOWN_HASH = "aefd176217ff5add05bbd9019fcfc41f72dff6e9f18ceaf703c6686edf13745f"


def test_scores_move_only_with_hash(networks: Networks) -> None:
    """Where this fails: name the change in `recipe.STEPS`, calibrate anew, then pin both."""
    templates = []
    for scene in SCENES:
        (face,) = networks.detector.detect(scene)
        templates.append(embed(scene, networks.refined(scene, face), networks.embedder).vector)
    golden = np.array(MATCHER.golden) / np.linalg.norm(MATCHER.golden)
    to_golden = [float(one @ golden) for one in templates]
    to_next = [float(templates[one] @ templates[other]) for one, other in ((0, 1), (1, 2), (0, 2))]
    assert networks.embedder.identity.preprocessing == KNOWN_HASH
    assert [*to_golden, *to_next] == pytest.approx(KNOWN, abs=0.0008)
