"""What many samples come to, and that a wrong answer is never timed."""

import os
from collections import Counter
from dataclasses import replace
from functools import partial

import cv2
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.measurer import STAGES, LanePass
from benchmarks.harness.result import NotAvailable
from benchmarks.harness.timing import StageWatch, bound, in_turns, times
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy


def test_every_percentile_is_a_sample() -> None:
    samples = [number * 1_000_000 for number in range(1, 201)]
    found = times(("stage",), samples)
    assert found.quantiles == {"p50": 100, "p90": 180, "p95": 190, "p99": 198, "max": 200}
    assert (found.n, found.unit, found.better) == (200, "ms", "lower")
    assert set(times(("stage",), [7_000_000]).quantiles.values()) == {7}
    assert times(("stage",), [3, 1, 2]) == times(("stage",), [1, 2, 3])
    assert times(("stage",), []).value == NotAvailable(not_available="nothing was timed")


def test_repeated_stage_is_summed() -> None:
    watch = StageWatch()
    with watch.time("detect"):
        pass
    once = watch.stage_ns("detect")
    with watch.time("detect"):
        pass
    assert watch.stage_ns("detect") > once > 0


@pytest.mark.parametrize("names", ["a", "ab", "abc"])
def test_every_other_turn_goes_back(names: str) -> None:
    """And each is first in as many turns."""
    order: list[str] = []

    def work(name: str, number: int) -> int:
        order.append(name)
        return number

    works = {name: partial(work, name) for name in names}
    count = 2 * len(names)
    assert in_turns(works, count, "turns") == {name: list(range(count)) for name in names}
    turns = ["".join(order[at : at + len(names)]) for at in range(0, len(order), len(names))]
    assert all(back == there[::-1] for there, back in zip(turns[::2], turns[1::2], strict=True))
    assert Counter(turn[0] for turn in turns) == dict.fromkeys(names, 2)


def test_pass_samples_every_stage_and_looks_like_a_capture(
    measurer: Measurer, policy: Policy, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At half scale first: the full scale, which a document's photo gets, takes twice the time."""
    lane = LanePass(measurer, policy, walk)
    monkeypatch.delattr(Measurer, "look")
    lane.run(walk.frames[0])
    sample = lane.run(walk.frames[1])
    assert tuple(sample.stages_ns) == STAGES
    assert all(sample.stages_ns.values())
    assert sum(sample.stages_ns.values()) <= sample.whole_ns


def test_a_wrong_answer_is_not_timed(measurer: Measurer, policy: Policy, walk: Walk) -> None:
    [one] = policy.calibrated
    unreached = replace(one, band=replace(one.band, admit=0.999))
    strict = policy.model_copy(update={"calibrated": (unreached,)})
    lane = LanePass(measurer, strict, walk)
    lane.run(walk.frames[0])
    with pytest.raises(BenchmarkError, match="F09"):
        lane.run(walk.frames[1])


def test_frames_have_no_jump_between_them(walk: Walk) -> None:
    shown = replace(walk, frames=walk.frames[:3]).first(8)
    order = [next(i for i, frame in enumerate(walk.frames) if frame is one) for one in shown]
    assert order == [0, 1, 2, 2, 1, 0, 0, 1]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="binding to cores is Linux's")
def test_core_binding_is_undone_afterwards() -> None:
    before, threads = os.sched_getaffinity(0), cv2.getNumThreads()
    with bound(1):
        assert len(os.sched_getaffinity(0)) == 1
        assert cv2.getNumThreads() == 1
    assert (os.sched_getaffinity(0), cv2.getNumThreads()) == (before, threads)
    with bound(1000):
        assert os.sched_getaffinity(0) == before
