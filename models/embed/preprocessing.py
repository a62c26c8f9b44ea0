"""What happens to a picture before a matcher sees it, as one hash: a calibration fits no other."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from models.catalogue.spec import InputSpec, NetworkSpec
from models.detect import align, detector, face_mesh
from models.detect.align import Layout
from models.values.identity import FP32

STEPS = (
    "decode to 8 bits, upright, transparent parts white",
    "detect at full and half scale",
    "close-up landmarks, mean of cells",
    "similarity, averaged down by whole pixels, bilinear, black outside",
    "mean with the mirrored crop, aligned by 340 points of the mesh where there is one",
)
"""In order. A change of any step that moves a score gets another wording here; numbers stand below.

`tests/models/embed/test_preprocessing.py` fails where a score moved and the hash did not."""


def preprocessing(matcher: NetworkSpec, others: Sequence[NetworkSpec], arithmetic: str = FP32) -> str:
    """SHA-256 over all that moves a score but the matcher's file and the libraries' rounding.

    That is the steps and their numbers, the other networks' files and inputs, the matcher's layout, its input
    and what becomes of its answer, and its arithmetic where that is another than fp32
    (`models.runtime.bf16`). Where a network runs in fp32 is not among it: every provider answers alike.
    """
    steps: dict[str, object] = {
        "steps": STEPS,
        "networks": {spec.role: [spec.sha256, *_fed(spec.input)] for spec in others},
        "detect": _detect(),
        "align": align.MOST_SAMPLED_DOWN,
        "mesh": _mesh() if any(spec.role == "landmarks" for spec in others) else None,
        "layout": _placed(align.layout_of(matcher)),
        "input": _fed(matcher.input),
        "answer": [matcher.metric, matcher.normalise],
    }
    if arithmetic != FP32:
        steps["arithmetic"] = arithmetic
    return hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()


def _detect() -> Mapping[str, object]:
    """Which faces the first look finds, and how the second one places their landmarks."""
    return {
        "first": [detector.MIN_SCORE, detector.MAX_OVERLAP],
        "scales": [detector.SMALLEST_AT_HALF_SCALE_PX, detector.LARGEST_AT_FULL_SCALE_PX],
        "close-up": [detector.MAX_CLOSE_UPS, detector.CLOSE_UP_MIN_SCORE, _placed(detector.CLOSE_UP)],
        "cells": [detector.CLOSE_UP_STRIDES, detector.SAME_FACE_OVERLAP, detector.SURENESS_POWER],
    }


def _mesh() -> Sequence[object]:
    """How the mesh's network is fed, when it is believed, and the shape that is fitted onto it."""
    numbers, shape = face_mesh.mean_shape()
    fit = [numbers.tolist(), shape.tolist(), align.ARCFACE_112.landmarks.tolist()]
    return [face_mesh.SIZE, face_mesh.REACH, face_mesh.MIN_SCORE, face_mesh.MAX_APART, fit]


def _placed(layout: Layout) -> Sequence[object]:
    return [layout.size, layout.landmarks.tolist()]


def _fed(given: InputSpec) -> Sequence[object]:
    return [given.colour, given.mean, given.scale, sorted(given.shapes)]
