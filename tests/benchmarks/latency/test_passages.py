"""Whole passages through a real lane: what is timed, and that a wrong one never is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import DRAWN, Walk, holder
from benchmarks.latency.passages import (
    Lane,
    camera_for,
    film_for,
    known_similarity,
    lane_for,
    last_entries,
    settings_for,
)
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.ledger.journal import SqliteJournal
from tests.support import tiers
from tests.support.lane.simulated_lane import SimulatedDesk

KNOWN = 0.761
"""Of the holder's film and document, as `python -m lane demo` finds it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("passages")


@pytest.fixture(scope="module")
def lane(walk: Walk, measurer: Measurer, policy: Policy, folder: Path) -> Iterator[Lane]:
    """As it is timed, but for a desk in memory."""
    film = film_for(walk, KNOWN, folder / "film.mkv")
    settings = settings_for(folder, film.path, film.size)
    desk = SimulatedDesk(settings.lane)
    with (
        camera_for(settings, policy) as camera,
        lane_for(settings, camera, desk, walk.document, KNOWN, measurer, policy) as lane,
        lane.open_page(),
    ):
        yield lane


def test_passage_timed_from_capture_to_gate(lane: Lane, folder: Path) -> None:
    """It stands in the ledger."""
    for count in (1, 2):
        one = lane.passage()
        assert 0 < one.gate_ns + one.ledger_ns < one.last_frame_ns < one.first_frame_ns
        assert one.frames == len(one.noted.captured_s) > 1
        assert one.noted.lasted_s == pytest.approx((one.first_frame_ns - one.last_frame_ns) / 1e9, abs=1e-6)
        assert one.stages_ms["detect"] > 0
        entries = [entry["kind"] for entry in last_entries(folder / "lane.sqlite", 1000)]
        assert entries.count("gate.opening") == entries.count("passage.closed") == count
    lane.journal.verify()
    kinds = [json.loads(payload)["kind"] for payload, _ in lane.journal.payloads()]
    opened = len(kinds) - 1 - kinds[::-1].index("gate.opening")
    assert [entry["kind"] for entry in lane.gate.before] == kinds[opened - 1 : opened + 1]


def test_another_similarity_is_another_answer(lane: Lane) -> None:
    with pytest.raises(BenchmarkError, match="another answer"):
        replace(lane, known=0.5).passage()


def test_gate_commanded_before_ledger_is_found(
    lane: Lane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteJournal(tmp_path / "empty.sqlite", "lane-2"):
        monkeypatch.setattr(lane.gate, "ledger", tmp_path / "empty.sqlite")
        with pytest.raises(BenchmarkError, match="before verdict and opening"):
            lane.passage()


@pytest.mark.parametrize("failing", ["gate", "camera"])
def test_holder_who_is_not_let_through_is_not_timed(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """The gate does not open, or the holder is referred."""
    if failing == "gate":
        monkeypatch.setattr(lane.gate, "faulty", True)
    else:
        monkeypatch.setattr(lane.camera, "frames", lambda: iter(()))
    with pytest.raises(BenchmarkError, match="not let through"):
        lane.passage()


def test_film_or_document_needs_face(measurer: Measurer, walk: Walk) -> None:
    assert known_similarity(walk, measurer) == pytest.approx(KNOWN, abs=0.02)
    with pytest.raises(BenchmarkError, match="no face"):
        known_similarity(replace(walk, frames=(walk.frames[0] * 0,)), measurer)


@tiers.parametrize("size", [DRAWN, (960, 540)], quick=1)
def test_film_has_requested_size(measurer: Measurer, walk: Walk, size: tuple[int, int]) -> None:
    drawn = walk if size == DRAWN else holder(measurer, size)
    assert {frame.shape for frame in drawn.frames} == {(size[1], size[0], 3)}
