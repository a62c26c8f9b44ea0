"""A calibration that a lane accepts: every rate what was counted, and never better for a higher score."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy.accuracy import Chosen, Trial, outcomes
from benchmarks.accuracy.calibrate import COARSE_STEP, GRID, RARE, STEP, calibration_of, read_lists, wanted
from benchmarks.acquisition.acquire import acquire
from benchmarks.acquisition.identities import identify
from benchmarks.acquisition.lists import pictures, read_pairs
from benchmarks.acquisition.matchers import Bench
from benchmarks.errors import BenchmarkError
from lane.decision.calibration import parse
from models.networks.build import Networks
from tests.support.benchmarks.command_line import run_here
from tests.support.benchmarks.painted_matcher import SUBJECT, Painted, paint, write_list


@pytest.fixture(scope="module")
def bench(networks: Networks) -> Bench:
    return Bench((SUBJECT,), ((Painted(),), (Painted(),)), networks)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """66 people in two groups, and one of their pictures without a face."""
    root = tmp_path_factory.mktemp("painted")
    return write_list(root, paint(root, 66), 2)


@pytest.fixture(scope="module")
def found(pairs: Path, bench: Bench) -> dict[str, Any]:
    return calibration_of(read_lists([pairs], pairs.parent, ["group"]), pairs.parent, bench)


@pytest.mark.thorough
def test_a_lane_reads_what_was_measured(found: dict[str, Any]) -> None:
    made = {"date_utc": "2026-11-25T00:00:00+00:00", "commit": {}, "libraries": {}, "cpu": "none"}
    text = json.dumps({**found, "networks": [], "made": made}, allow_nan=False)
    read = parse(text.encode(), "own.json")
    assert read.fits(SUBJECT.identity)
    assert found["groups"]["g0"] == {"people": 33, "genuine": 66, "impostors": 33 * 32 // 2 * 9}
    assert found["groups"]["g1"]["impostors"] == 33 * 32 // 2 * 9 - 32 * 3
    (data,) = found["data"]
    assert (data["pictures"], data["failures_to_acquire"]) == (66 * 3, 1)
    assert found["points"][0]["fmr"] >= 0.999
    assert found["points"][-1]["fmr"] == 0
    assert found["points"][-1]["worst_fmr_high"] > 0


@pytest.mark.thorough
def test_every_rate_is_the_plain_count(found: dict[str, Any], pairs: Path, bench: Bench) -> None:
    listed = read_pairs(pairs, pairs.parent, ["group"])
    taken = acquire(pictures(listed), pairs.parent, bench.workers)[SUBJECT.name]
    groups = outcomes(listed, Trial(identify(listed), taken, "cosine", Chosen("all", thresholds=GRID)))
    strangers = {name: groups[name].impostors.top.scores for name in ("g0", "g1")}
    everybody = groups["all"].impostors.top.scores
    assert len(everybody) > sum(len(one) for one in strangers.values())
    genuine = groups["all"].genuine.scores
    for point in found["points"]:
        score = point["score"]
        assert point["fmr"] == pytest.approx((everybody >= score).mean(), rel=1e-5)
        worst = max((one >= score).mean() for one in strangers.values())
        assert point["worst_fmr"] == pytest.approx(worst, rel=1e-5)
        assert point["fnmr"] == pytest.approx((genuine < score).mean(), rel=1e-5)


def test_intervals_hold_rates_monotone_in_score(found: dict[str, Any]) -> None:
    for point in found["points"]:
        assert point["fmr"] <= point["fmr_high"]
        assert point["worst_fmr_low"] <= point["worst_fmr"] <= point["worst_fmr_high"]
        assert point["fnmr_low"] <= point["fnmr"] <= point["fnmr_high"]
    falling = ("fmr", "fmr_high", "worst_fmr")
    for low, high in pairwise(found["points"]):
        apart = round(high["score"] - low["score"], 6)
        assert apart == STEP if low["fmr"] <= RARE else STEP <= apart <= COARSE_STEP
        assert all(low[name] >= high[name] for name in falling)
        assert all(low[name] <= high[name] for name in ("fnmr", "fnmr_low", "fnmr_high"))


@pytest.mark.thorough
def test_several_lists_keep_their_groups_apart(tmp_path: Path, bench: Bench) -> None:
    """And other pictures have another hash."""
    names = paint(tmp_path, 66)
    lists = [write_list(tmp_path, names, 2, "one.csv"), write_list(tmp_path, names[:90], 1, "two.csv")]
    found = calibration_of(read_lists(lists, tmp_path, ["group"]), tmp_path, bench)
    assert set(found["groups"]) == {"one/g0", "one/g1", "two/g0"}
    assert [one["pairs"] for one in found["data"]] == ["one.csv", "two.csv"]
    assert [one["failures_to_acquire"] for one in found["data"]] == [1, 0]
    (tmp_path / "p000-1.jpg").write_bytes((tmp_path / "p000-2.jpg").read_bytes())
    again = calibration_of(read_lists(lists[:1], tmp_path, ["group"]), tmp_path, bench)
    assert again["data"][0]["pictures_sha256"] != found["data"][0]["pictures_sha256"]


def test_wanted_rate_holds_from_its_point() -> None:
    found = [{"worst_fmr": rate} for rate in (1.0, 0.02, 0.009, 0.0011, 0.0009, 0.0)]
    by_target = wanted(found)
    assert by_target[1e-2] == found[2]
    assert by_target[1e-3] == found[4]
    assert by_target[1e-5] == found[5]
    assert wanted(found[:3])[1e-3] is None


def test_groups_of_few_people_calibrate_nothing(tmp_path: Path, bench: Bench) -> None:
    path = write_list(tmp_path, paint(tmp_path, 24), 2)
    with pytest.raises(BenchmarkError, match="20 people"):
        calibration_of(read_lists([path], tmp_path, ["group"]), tmp_path, bench)


@pytest.mark.thorough
def test_unusable_calibration_is_not_written(tmp_path: Path, photos: Path) -> None:
    for name in ("obama", "biden"):
        (tmp_path / f"{name}.jpg").write_bytes((photos / f"{name}.jpg").read_bytes())
    (tmp_path / "pairs.csv").write_text("a,b,same\nobama.jpg,biden.jpg,0\n", encoding="utf-8")
    out = tmp_path / "own.json"
    done = run_here(
        "calibrate", "--root", str(tmp_path), "--pairs", str(tmp_path / "pairs.csv"), "--out", str(out)
    )
    assert done.returncode == 2
    assert "20 people" in done.stderr
    assert not out.exists()
