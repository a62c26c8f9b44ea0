"""Whole passages through a real lane: what is timed, and that a wrong one never is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import DRAWN, Walk, holder
from benchmarks.latency.passages import (
    CAMERA_FRAMES_PER_SECOND,
    Lane,
    known_similarity,
    lane_for,
    last_entries,
)
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.ledger.journal import SqliteJournal
from tests.support.lane.simulated_lane import StandingClock

KNOWN = 0.761
"""Of the holder's film and document, as `python -m lane demo` finds it."""


@pytest.fixture
def lane(walk: Walk, measurer: Measurer, policy: Policy, tmp_path: Path) -> Iterator[Lane]:
    with lane_for(walk, KNOWN, measurer, policy, tmp_path, StandingClock()) as lane:
        yield lane


def test_passage_timed_from_capture_to_gate(lane: Lane, tmp_path: Path) -> None:
    passed = [lane.passage() for _ in range(2)]
    for one in passed:
        assert one.gate_ns > 0
        assert one.ledger_ns > 0
        # time goes on by what the camera waits alone: the decision takes none
        assert one.last_frame_ns == pytest.approx(0, abs=1e3)
        assert one.first_frame_ns == pytest.approx((one.frames - 1) * 1e9 / CAMERA_FRAMES_PER_SECOND, abs=1e3)
        assert one.passed_over == 0
        assert one.stages_ms["detect"] > 0
    admitted = [entry["kind"] for entry in last_entries(tmp_path / "lane.sqlite", 1000)]
    assert admitted.count("gate.opening") == admitted.count("passage.closed") == 2
    lane.journal.verify()


def test_gate_ledger_is_ledger_on_disk(lane: Lane, tmp_path: Path) -> None:
    lane.passage()
    kinds = [json.loads(payload)["kind"] for payload, _ in lane.journal.payloads()]
    opened = kinds.index("gate.opening")
    assert [entry["kind"] for entry in lane.gate.before] == kinds[opened - 1 : opened + 1]
    assert isinstance(lane.journal, SqliteJournal)
    assert (tmp_path / "lane.sqlite").stat().st_size > 0


def test_another_similarity_is_another_answer(lane: Lane) -> None:
    with pytest.raises(BenchmarkError, match="another answer"):
        replace(lane, known=0.5).passage()


def test_referred_holder_is_not_timed(walk: Walk, measurer: Measurer, policy: Policy, tmp_path: Path) -> None:
    nobody = replace(walk, frames=tuple(frame * 0 + 120 for frame in walk.frames))
    hasty = policy.model_copy(update={"capture": policy.capture.model_copy(update={"timeout_s": 0.3})})
    with (
        lane_for(nobody, KNOWN, measurer, hasty, tmp_path, StandingClock()) as lane,
        pytest.raises(BenchmarkError, match="not let through"),
    ):
        lane.passage()


def test_gate_commanded_before_ledger_is_found(lane: Lane, tmp_path: Path) -> None:
    with SqliteJournal(tmp_path / "empty.sqlite", "lane-2"):
        lane.gate.ledger = tmp_path / "empty.sqlite"
        with pytest.raises(BenchmarkError, match="before verdict and opening"):
            lane.passage()


def test_unopened_gate_is_not_timed(lane: Lane) -> None:
    lane.gate.faulty = True
    with pytest.raises(BenchmarkError, match="not let through"):
        lane.passage()


def test_film_or_document_needs_face(measurer: Measurer, walk: Walk) -> None:
    assert known_similarity(walk, measurer) == pytest.approx(KNOWN, abs=0.02)
    with pytest.raises(BenchmarkError, match="no face"):
        known_similarity(replace(walk, frames=(walk.frames[0] * 0,)), measurer)


@pytest.mark.parametrize("size", [DRAWN, (960, 540)])
def test_film_has_requested_size(measurer: Measurer, walk: Walk, size: tuple[int, int]) -> None:
    drawn = walk if size == DRAWN else holder(measurer, size)
    assert {frame.shape for frame in drawn.frames} == {(size[1], size[0], 3)}
