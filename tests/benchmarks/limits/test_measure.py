"""Shares of a limit: their arithmetic on made-up times, and the form of a short run."""

import json
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.harness.frame_pass import STAGES
from benchmarks.harness.paired_ratio import middle
from benchmarks.limits.ceilings import Ceiling, Ceilings
from benchmarks.limits.limit_command import bar
from benchmarks.limits.measure import CLOSER, STAGE_OF, Graph, Limits, Net, Run, Turns
from benchmarks.limits.operation_count import Work
from lane.capture.measuring import Measurer
from models.catalogue import catalogue
from models.errors import InferenceError
from models.runtime.onnx_runtime import OrtSession
from tests.support.benchmarks.command_line import run, running


def never() -> int:
    raise AssertionError("nothing is timed here")


PRODUCTS = (Ceiling("onnxruntime", 1000, never), Ceiling("numpy", 1000, never))
CEILINGS = Ceilings(PRODUCTS, (), Ceiling("copy", 1000, never), {"bf16": "not here"})


def limits(product_ns: int, other_ns: int, copy_ns: int) -> Limits:
    timed = Turns()
    timed.ceilings |= {"onnxruntime": [product_ns], "numpy": [other_ns], "copy": [copy_ns]}
    return Limits(CEILINGS, timed)


@pytest.fixture
def graph(sface: OrtSession) -> Graph:
    spec = catalogue.load().for_role("matcher")
    tensor = np.zeros((1, 3, 112, 112), np.float32)
    work = Work(4000, 5000, 1_000_000, 0, {}, {})
    return Graph(Run(Net(spec.name, spec, b"", sface), tensor, sface.run(tensor)), work)


@pytest.fixture(scope="module")
def sface(measurer: Measurer) -> OrtSession:
    session = measurer.networks.embedder._session
    assert isinstance(session, OrtSession)
    return session


def test_the_faster_product_is_the_ceiling(graph: Graph) -> None:
    assert limits(100, 500, 1).flop_per_ns(0) == 10
    assert limits(500, 100, 1).flop_per_ns(0) == 10


def test_a_limit_is_the_longer_of_arithmetic_and_memory(graph: Graph) -> None:
    moved = 1_000_000 + 4 * (3 * 112 * 112 + 128)
    assert graph.least_bytes == moved
    assert limits(1000, 1000, 1).needed_ns(graph, 0) == 4000
    assert limits(1, 1, 1000).needed_ns(graph, 0) == moved


def test_a_ceiling_that_is_not_available_has_a_reason_and_no_rate() -> None:
    told = limits(100, 500, 1).told()
    assert told["not_measured"] == {"bf16": "not here"}
    assert told["reduced_gop_per_s"] == {}
    assert told["float32_gflop_per_s"].keys() == {"onnxruntime", "numpy"}


def test_the_median_of_ratios_lies_in_its_interval() -> None:
    told = middle([1.0, 4.0, 2.0, 3.0, 100.0])
    assert told == {"ratio": 3.0, "interval": [1.0, 100.0], "n": 5}
    many = middle([number / 100 for number in range(1, 101)])
    assert many["interval"] == [0.41, 0.6]
    assert many["ratio"] == 0.505


def test_a_bar_is_as_long_as_its_share() -> None:
    assert bar(0.5) == "█" * 10 + "░" * 10
    assert {len(bar(share)) for share in (-1.0, 0.0, 0.33, 1.0, 7.0)} == {20}


def test_an_answer_that_changed_is_not_timed(graph: Graph) -> None:
    assert graph.run.time_ns() > 0
    other = {name: value + 1 for name, value in graph.run.answer.items()}
    with pytest.raises(Exception, match="answers otherwise"):
        replace(graph.run, answer=other).time_ns()


def test_what_runs_bare_answers_as_what_is_checked(sface: OrtSession) -> None:
    tensor = np.full((1, 3, 112, 112), 100, np.float32)
    (checked,), (bare,) = sface.run(tensor).values(), sface.bare(tensor).values()
    assert np.allclose(checked, bare, atol=1e-5)
    with pytest.raises(InferenceError):
        sface.run(np.full((1, 3, 112, 112), np.nan, np.float32))


def test_every_stage_with_networks_is_one_of_the_lanes() -> None:
    assert set(STAGE_OF.values()) <= set(STAGES)
    assert {spec.role for spec in catalogue.load().networks} <= set(STAGE_OF)


@pytest.fixture(scope="module")
def result(photos: Path) -> dict[str, Any]:
    assert photos.is_dir()
    done = run("limit", "--turns", "2", "--threads", "1", "--json", "-")
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


@pytest.mark.thorough
def test_ceilings_and_what_was_not_measured_are_told(result: dict[str, Any]) -> None:
    told = result["ceilings"]
    assert set(told["float32_gflop_per_s"]) == {"onnxruntime", "numpy"}
    assert set(told["reduced_gop_per_s"]) | set(told["not_measured"]) == {"int8", "bf16"}
    assert told["copy_gb_per_s"]["best"] >= told["copy_gb_per_s"]["p50"] > 0


def test_every_graph_that_the_lane_runs_has_its_share(result: dict[str, Any]) -> None:
    ran = {(one["network"], tuple(one["input"])) for one in result["graphs"]}
    closer = ("yunet-2023mar" + CLOSER, (1, 3, 320, 320))
    assert {name for name, _ in ran} == {closer[0], *(one["name"] for one in result["stamp"]["networks"])}
    assert {("sface-2021dec", (1, 3, 112, 112)), ("yunet-2023mar", (1, 3, 480, 640)), closer} <= ran
    for one in result["graphs"]:
        assert one["least_mb"] <= one["moved_mb"]
        assert one["share_of_limit"]["ratio"] > 0
        assert one["not_counted"] == {}


def test_stages_without_a_graph_have_no_limit(result: dict[str, Any]) -> None:
    assert tuple(result["stages"]) == STAGES
    for name, stage in result["stages"].items():
        assert (stage["share_of_limit"] is not None) == (name in STAGE_OF.values())


def test_the_overhead_is_a_ratio_with_an_interval(result: dict[str, Any]) -> None:
    told = result["overhead"]
    low, high = told["interval"]
    assert low <= told["ratio"] <= high
    assert told["n"] == result["stages"]["detect"]["time"]["n"] == 2


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for children")
@pytest.mark.thorough
def test_ctrl_c_ends_a_run_and_all_that_it_started() -> None:
    with running("limit", "--turns", "100000", "--threads", "1") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None and not (started := children.read_text(encoding="ascii").split()):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not told
    assert "stopped" in complained
    assert "Traceback" not in complained
    assert not any(Path("/proc", child, "exe").exists() for child in started)
