"""What no single frame goes through: decoding, cues of liveness, batches, a lane that is started afresh."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.harness.desk_site import site
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.measurer import runtime_settings
from benchmarks.latency import cold_start, passages, single_steps
from benchmarks.latency.passages import film_for, known_similarity, lanes_at
from lane.capture.measuring import Measurer
from models.runtime.providers import CPU


def test_only_rightly_decoded_frames_are_timed(walk: Walk) -> None:
    took_ns = single_steps.decode(walk, 3)
    assert len(took_ns) == 3
    assert min(took_ns) > 0
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, walk.frames[0].shape, np.uint8)  # no JPEG keeps it
    with pytest.raises(BenchmarkError, match="another picture"):
        single_steps.decode(replace(walk, frames=(noise,)), 1)


def test_only_cues_with_a_score_are_timed(measurer: Measurer, walk: Walk) -> None:
    (took_ns,) = single_steps.liveness(measurer, walk, 1)
    assert took_ns > 0
    empty = replace(walk, frames=tuple(frame * 0 for frame in walk.frames))
    with pytest.raises(BenchmarkError, match="no score"):
        single_steps.liveness(measurer, empty, 1)


@pytest.mark.thorough
def test_batched_picture_answers_as_alone(measurer: Measurer, walk: Walk) -> None:
    figures = single_steps.batches(measurer, walk, runtime_settings(CPU, 1), (1, 3), 2, ("batches",))
    found = {one.name[1:]: one for one in figures}
    assert {name[:2] for name in found} == {(role, n) for role in ("detector", "embedder") for n in "13"}
    for role in ("detector", "embedder"):
        for size in "13":
            assert found[role, size].n == 2
            assert (found[role, size, "pictures per second"].number or 0) > 0
        each_ms, all_ms = found[role, "3", "each p50 ms"].number, found[role, "3"].quantiles["p50"]
        assert each_ms == pytest.approx(all_ms / 3, abs=1e-3)


def test_changed_answer_in_batch_ends_run() -> None:
    alone = [{"embedding": np.full((1, 2), number, np.float32)} for number in range(2)]
    together = {"embedding": np.array([[0, 0], [1, 1.1]], np.float32)}
    with pytest.raises(BenchmarkError, match="picture 1 has another embedding"):
        single_steps.must_agree("a matcher", together, alone)


@pytest.mark.thorough
def test_fresh_lane_reaches_known_decision(
    measurer: Measurer, walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a browser takes to open the page."""
    page_s, known = 3.0, known_similarity(walk, measurer)

    @contextmanager
    def slow_page(_: str) -> Iterator[None]:
        time.sleep(page_s)
        yield

    with site(None, lanes=3, officers=0, workers=1) as desk:
        first, second, third = lanes_at(desk)
        film = film_for(walk, known, tmp_path / "film.mkv")
        figures = cold_start.measure(film, CPU, 1, [first], tmp_path)
        with pytest.raises(BenchmarkError, match="another answer"):
            cold_start.measure(replace(film, known=0.1), CPU, 1, [second], tmp_path)
        monkeypatch.setattr(passages, "open_page", slow_page)
        began_ns = time.monotonic_ns()
        took_ns = cold_start.start(tmp_path, film.path, film.size, CPU, 1, known, third, began_ns)
        lasted_ns = time.monotonic_ns() - began_ns
    names = ("process", "networks", "lane", "first passage")
    parts = {one.name[-1]: one.quantiles["p50"] for one in figures}
    assert tuple(parts) == cold_start.PARTS
    assert parts["first decision"] == pytest.approx(sum(parts[name] for name in names), abs=0.01)
    assert parts["end to end"] < parts["first frame to gate"] < parts["first passage"]
    assert sum(took_ns[name] for name in names) == took_ns["first decision"] <= lasted_ns - page_s * 1e9


def test_start_without_decision_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_start, "LONGEST_S", 0.01)
    with pytest.raises(BenchmarkError, match=r"came to no decision in 0\.01 s"):
        cold_start._start_process({})
