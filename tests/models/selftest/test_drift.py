"""Drift sees what a broken or too coarse reduction does to answers, and no limit lets a NaN through."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import catalogue
from models.catalogue.spec import NetworkSpec, Role
from models.runtime.onnx_runtime import OrtSession
from models.runtime.session import Session, Tensor
from models.selftest.drift import LIMITS, Drift, cosine_of, measure, pictures
from tests.models.conftest import ONE_THREAD

Change = Callable[[Tensor], Tensor]
FLOATS = st.floats(allow_nan=True, allow_infinity=True)


class Changed:
    """A network of which each answer is changed on its way out."""

    def __init__(self, session: Session, change: Change) -> None:
        self._session = session
        self._change = change

    @property
    def provider(self) -> str:
        return self._session.provider

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        answer = self._session.run(tensor)
        return {name: self._change(value).astype(np.float32) for name, value in answer.items()}


@pytest.fixture(scope="module")
def loaded(prepared_file: Callable[[Role], Path]) -> Callable[[Role], tuple[NetworkSpec, OrtSession]]:
    made: dict[Role, tuple[NetworkSpec, OrtSession]] = {}

    def load(role: Role) -> tuple[NetworkSpec, OrtSession]:
        if role not in made:
            spec = catalogue.load().for_role(role)
            shapes = [(1, 3, height, width) for width, height in spec.input.shapes]
            made[role] = spec, OrtSession(prepared_file(role).read_bytes(), spec.name, ONE_THREAD, shapes)
        return made[role]

    return load


Loaded = Callable[[Role], tuple[NetworkSpec, OrtSession]]


def drift(loaded: Loaded, role: Role, change: Change) -> Drift:
    spec, session = loaded(role)
    return measure(spec, session, Changed(session, change), pictures(spec)[:8])


@pytest.mark.parametrize("role", LIMITS)
def test_a_network_does_not_drift_from_itself(loaded: Loaded, role: Role) -> None:
    found = drift(loaded, role, lambda value: value)
    assert found.cosine == pytest.approx(1)
    assert (found.moved, found.score) == pytest.approx((0, 0), abs=1e-6)
    assert found.within(LIMITS[role])


@pytest.mark.parametrize("role", LIMITS)
def test_a_network_that_answers_the_same_to_everything_is_far_off(loaded: Loaded, role: Role) -> None:
    assert not drift(loaded, role, lambda value: np.full_like(value, 0.1)).within(LIMITS[role])


@pytest.mark.parametrize("role", LIMITS)
def test_coarse_steps_are_seen(loaded: Loaded, role: Role) -> None:
    def coarse(value: Tensor) -> Tensor:
        step = float(np.abs(value).max()) / 16
        return (np.round(value / step) * step).astype(np.float32)

    assert not drift(loaded, role, coarse).within(LIMITS[role])


@pytest.mark.parametrize("role", LIMITS)
def test_the_last_bits_do_not_count(loaded: Loaded, role: Role) -> None:
    assert drift(loaded, role, lambda value: value * np.float32(1 + 1e-6)).within(LIMITS[role])


def test_a_detector_that_loses_faces_is_infinitely_far(loaded: Loaded) -> None:
    spec, session = loaded("detector")
    known = pictures(spec)[:1]
    assert measure(spec, session, Changed(session, lambda value: value * 0), known).moved == np.inf


def test_other_names_or_shapes_are_another_network() -> None:
    ones = np.ones((1, 4), np.float32)
    assert cosine_of({"y": ones}, {"y": ones}) == pytest.approx(1)
    assert cosine_of({"y": ones}, {"z": ones}) == -1
    assert cosine_of({"y": ones}, {"y": ones[:, :3]}) == -1
    assert cosine_of({"y": ones}, {"y": 0 * ones}) == -1
    assert cosine_of({"y": 0 * ones}, {"y": 0 * ones}) == 1


def test_an_output_that_says_nothing_in_both_is_alike() -> None:
    faint = np.array([[1e-4, 2e-4]], np.float32)
    assert cosine_of({"y": faint}, {"y": -faint}) == 1
    assert cosine_of({"y": faint}, {"y": 1000 * -faint}) == pytest.approx(-1)


@given(FLOATS, FLOATS, FLOATS, st.sampled_from(sorted(LIMITS)))
def test_nothing_beyond_a_limit_and_no_nan_is_within(
    cosine: float, moved: float, score: float, role: str
) -> None:
    limit = LIMITS[role]
    within = Drift(cosine, moved, score, 1).within(limit)
    assert within == (cosine >= limit.min_cosine and moved <= limit.max_moved and score <= limit.max_score)
    assert not replace(Drift(1, 0, 0, 1), cosine=float("nan")).within(limit)
    assert not replace(Drift(1, 0, 0, 1), moved=float("nan")).within(limit)
    assert not replace(Drift(1, 0, 0, 1), score=float("nan")).within(limit)


@pytest.mark.parametrize("role", LIMITS)
def test_the_drawings_differ_are_the_same_each_time_and_fit_the_network(loaded: Loaded, role: Role) -> None:
    spec, _ = loaded(role)
    drawn, again = pictures(spec), pictures(spec)
    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))
    assert len({image.tobytes() for image in drawn}) == len(drawn) >= 28
    if role != "detector":
        assert {(image.shape[1], image.shape[0]) for image in drawn} <= set(spec.input.shapes)
