"""Results of several machines side by side: what differs is said, and what cannot be compared is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.errors import BenchmarkError
from benchmarks.harness.plots import svg
from benchmarks.harness.result import Result
from benchmarks.harness.result_file import LARGEST_BYTES, parse, read
from benchmarks.report.comparison import Comparison, Stored, as_json, compare
from benchmarks.report.comparison_plots import draw
from tests.support.benchmarks.command_line import run_here
from tests.support.benchmarks.made_up_results import CPU, NETWORKS, capacity, latency, limit, result, write

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def compared(*results: Result) -> Comparison:
    return compare([Stored(name, one) for name, one in zip("abcdefgh", results, strict=False)])


def test_every_figure_shows_its_improvement() -> None:
    made = compared(latency(), latency(0.5))
    tail = next(row for row in made.rows if row.name == (CPU, "end to end", "p99"))
    assert tail.values == (35.0, 17.5)
    assert tail.ratios() == (1.0, 2.0)
    lanes = next(row for row in compared(capacity(2), capacity(4)).rows if row.name == ("lanes",))
    assert (lanes.values, lanes.ratios()) == ((2.0, 4.0), (1.0, 2.0))


def test_only_machine_differences_are_named() -> None:
    other = latency(
        cpu="Another", gpu_models=["Some GPU"], libraries={"onnxruntime": "1.33.0", "numpy": "2.4.6"}
    )
    assert compared(latency(), other).differences == {
        "cpu": ("Some Processor", "Another"),
        "gpu_models": ("none", "Some GPU"),
        "onnxruntime": ("1.32.0", "1.33.0"),
    }
    assert compared(latency(), latency(2.0)).differences == {}


def test_placement_and_arithmetic_are_differences() -> None:
    elsewhere = [{**one, "provider": "CUDAExecutionProvider"} for one in NETWORKS]
    assert set(compared(latency(), latency(networks=elsewhere)).differences) == {"ran on"}
    rounded = compared(latency(arithmetic="fp32"), latency(arithmetic="bf16 by amx, plugin 1"))
    assert rounded.differences == {"arithmetic": ("fp32", "bf16 by amx, plugin 1")}


def test_all_cores_is_one_question() -> None:
    assert compared(latency(), latency(threads=16, cores=16)).differences["threads"] == ("2", "16")


@pytest.mark.parametrize(
    ("results", "why"),
    [
        ([latency()], "two results or more"),
        ([result("film")] * 2, "results of film have no figures by which they are compared"),
        ([latency(), capacity()], "different benchmarks: a of latency, b of capacity"),
        ([latency(), latency(conditions={"frames": "1280x720"})], "frames must be the same"),
        ([latency(), latency(policy={"version": "2", "sha256": "b" * 64})], "policy must be the same"),
        (
            [latency(), latency(networks=[{**one, "sha256": "9" * 64} for one in NETWORKS])],
            "weights must be the same",
        ),
        ([latency(), latency(networks=[])], "does not say which weights"),
        (
            [latency(), latency(threads=1, threads_asked=1)],
            "threads must be the same and is not: a: 2; b: 1",
        ),
        *(
            ([capacity(), capacity(conditions={what: 1})], f"{what} must be the same")
            for what in ("frames_per_second", "limit_ms", "passenger_every_s", "good_frames")
        ),
    ],
)
def test_other_work_is_refused_by_name(results: list[Result], why: str) -> None:
    with pytest.raises(BenchmarkError, match=why):
        compared(*results)


def test_unavailable_ceiling_has_no_figure() -> None:
    made = compared(limit(), limit({"int8 product": "not available here: it saturates"}))
    row = next(row for row in made.rows if row.name == ("ceilings", "int8 product", "median"))
    assert (row.values, row.ratios()) == ((1100.0, None), (1.0, None))
    assert made.differences == {
        "not_available": ("none", "ceilings, int8 product (not available here: it saturates)")
    }


@given(st.sampled_from([latency, capacity, limit]), JSON, st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_file_is_read_or_refused(make: Callable[[], Result], other: Any, data: st.DataObject) -> None:
    whole = make()
    spoilt = json.loads(whole.text())
    name = data.draw(st.text(max_size=8))
    places = [spoilt, spoilt["stamp"], spoilt["conditions"], spoilt["figures"][0]]
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.sampled_from([*place, name]))] = other
    try:
        made = compared(parse(json.dumps(spoilt), "made up"), whole)
    except BenchmarkError:
        return
    json.dumps(as_json(made), allow_nan=False)
    for figure in draw(made).values():
        fromstring(svg(figure))


def test_duplicate_figure_is_refused() -> None:
    twice = json.loads(latency().text())
    twice["figures"] *= 2
    with pytest.raises(BenchmarkError, match="a figure stands twice"):
        parse(json.dumps(twice), "made up")


def test_written_result_reads_back_unchanged() -> None:
    for one in (latency(), capacity(), limit({"int8 product": "it saturates"})):
        assert parse(one.text(), "made up") == one


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b'{"benchmark": "latency", "stamp": {"cores": NaN}}', "NaN is no number"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "in form 1: the whole: Input should be"),
        (b'{"stamp": {}}', "in form 1: benchmark: Field required. Measure it again"),
    ],
)
def test_file_without_result_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    (path := tmp_path / "some.json").write_bytes(content)
    with pytest.raises(BenchmarkError, match=why):
        read(path)


def test_oversized_file_is_not_parsed(tmp_path: Path) -> None:
    with (path := tmp_path / "large.json").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(BenchmarkError, match="larger than any result"):
        read(path)


def test_the_command_tells_draws_and_writes(tmp_path: Path) -> None:
    first = write(latency(), tmp_path / "small.json")
    second = write(latency(0.5, cpu="[red]Another\x1b[31m"), tmp_path / "large.json")
    out = tmp_path / "out.json"
    done = run_here("compare", str(first), str(second), "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "[red]Another\N{REPLACEMENT CHARACTER}[31m" in done.stdout
    assert "end to end p99" in done.stdout
    written = json.loads(out.read_text())
    assert written["results"] == ["small", "large"]
    assert written["drawings"]
    for name in written["drawings"]:
        assert "small" in "".join(fromstring((tmp_path / name).read_text()).itertext())


def test_the_command_names_why_it_refuses(tmp_path: Path) -> None:
    first, second = write(latency(), tmp_path / "a.json"), write(capacity(), tmp_path / "b.json")
    done = run_here("compare", str(first), str(second))
    assert done.returncode == 2
    assert done.stderr.startswith("error: these are results of different benchmarks")
