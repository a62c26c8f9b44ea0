"""Shares of a limit: their arithmetic on made-up times, and the form of a short run."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.measurer import STAGES, Sample
from benchmarks.harness.result import NotAvailable, parse
from benchmarks.harness.timing import ratio
from benchmarks.limits.ceilings import Ceiling, Ceilings
from benchmarks.limits.limit import CLOSER, STAGE_OF, Graph, Limits, Net, Run
from benchmarks.limits.operation_count import Work
from lane.capture.measuring import Measurer
from models.catalogue import catalogue
from models.errors import InferenceError
from models.runtime.onnx_runtime import OrtSession
from tests.support.benchmarks.command_line import must_stop_at_ctrl_c, run, running


def never() -> int:
    raise AssertionError("nothing is timed here")


PRODUCTS = (Ceiling("onnxruntime", 1000, never), Ceiling("numpy", 1000, never))
CEILINGS = Ceilings(PRODUCTS, (), Ceiling("copy", 1000, never), {"bf16": "not here"})


def limits(product_ns: int, other_ns: int, copy_ns: int) -> Limits:
    took_ns = {"onnxruntime": product_ns, "numpy": other_ns, "copy": copy_ns}
    return Limits(CEILINGS, {name: [Sample({}, ns)] for name, ns in took_ns.items()})


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


def test_limit_is_slower_of_arithmetic_memory(graph: Graph) -> None:
    """The faster product is the ceiling."""
    assert limits(100, 500, 1).flop_per_ns(0) == limits(500, 100, 1).flop_per_ns(0) == 10
    moved = 1_000_000 + 4 * (3 * 112 * 112 + 128)
    assert graph.least_bytes == moved
    assert limits(1000, 1000, 1).needed_ns(graph, 0) == 4000
    assert limits(1, 1, 1000).needed_ns(graph, 0) == moved


def test_unavailable_ceiling_has_reason_no_rate() -> None:
    found = {one.name: one for one in limits(100, 500, 1).figures()}
    assert found["ceilings", "bf16 product"].value == NotAvailable(not_available="not here")
    assert {name[1] for name in found if name[-1] == "median"} == {
        "float32 product by onnxruntime",
        "float32 product by numpy",
        "copy, read and written",
    }


def test_ratio_median_lies_in_interval() -> None:
    found = ratio(("one", "other"), [1.0, 4.0, 2.0, 3.0, 100.0], [1.0] * 5)
    assert (found.number, found.interval, found.n) == (3.0, (1.0, 100.0), 5)
    many = ratio(("one", "other"), [number / 100 for number in range(1, 101)], [1.0] * 100)
    assert (many.number, many.interval) == (0.505, (0.41, 0.6))


def test_changed_answer_is_not_timed(graph: Graph) -> None:
    assert graph.run.time_ns() > 0
    other = {name: value + 1 for name, value in graph.run.answer.items()}
    with pytest.raises(Exception, match="answers otherwise"):
        replace(graph.run, answer=other).time_ns()


def test_bare_run_answers_like_checked(sface: OrtSession) -> None:
    tensor = np.full((1, 3, 112, 112), 100, np.float32)
    (checked,), (bare,) = sface.run(tensor).values(), sface.bare(tensor).values()
    assert np.allclose(checked, bare, atol=1e-5)
    with pytest.raises(InferenceError):
        sface.run(np.full((1, 3, 112, 112), np.nan, np.float32))


def test_every_network_stage_is_lane_stage() -> None:
    assert set(STAGE_OF.values()) <= set(STAGES)
    assert {spec.role for spec in catalogue.load().networks} <= set(STAGE_OF)


@pytest.mark.thorough
def test_short_run_names_ceilings_shares_and_overhead(photos: Path) -> None:
    done = run("limit", "--turns", "2", "--threads", "1", "--json", "-")
    assert done.returncode == 0, done.stderr
    result = parse(done.stdout, "standard output")
    products = {"float32 product by onnxruntime", "float32 product by numpy", "int8 product", "bf16 product"}
    assert {one.name[1] for one in result.under("ceilings")} == products | {"copy, read and written"}
    copy = ("ceilings", "copy, read and written")
    assert (result[*copy, "best"].number or 0) >= (result[*copy, "median"].number or 0) > 0
    ran = {one.name[1] for one in result.under("graphs")}
    closer = "yunet-2023mar" + CLOSER
    named = {name.rpartition(" ")[0] for name in ran}
    assert named == {closer, *(one.name for one in result.stamp.networks)}
    shapes = {"sface-2021dec 1×3×112×112", "yunet-2023mar 1×3×480×640", f"{closer} 1×3×320×320"}
    assert shapes <= ran
    for name in ran:
        work = {one.name[-1]: one.number or 0 for one in result.under("work", name)}
        assert work["least mb"] <= work["moved mb"]
        assert (result["graphs", name, "share of limit"].number or 0) > 0
    assert list(result.under("operations not counted")) == []
    assert tuple(dict.fromkeys(one.name[1] for one in result.under("stages"))) == STAGES
    for name in STAGES:  # one without a graph has no limit
        has_limit = result.find("stages", name, "share of limit") is not None
        assert has_limit == (name in STAGE_OF.values())
    one = result["overhead", "lane over bare networks"]
    assert one.interval is not None
    assert one.interval[0] <= (one.number or 0) <= one.interval[1]
    assert one.n == result["stages", "detect"].n == 2


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for children")
@pytest.mark.thorough
def test_ctrl_c_ends_run_and_children() -> None:
    with running("limit", "--turns", "100000", "--threads", "1") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None and not (started := children.read_text(encoding="ascii").split()):
            time.sleep(0.05)
        must_stop_at_ctrl_c(process)
    assert not any(Path("/proc", child, "exe").exists() for child in started)
