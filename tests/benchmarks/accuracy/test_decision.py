"""When to stop: rules are compared on the same frames, and the command tells what each one did."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.decision import stops
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.result import read
from models.image import encode_jpeg
from tests.support.benchmarks.command_line import run_here
from tests.support.lane.example_evidence import POLICY

RULE, ADMIT = POLICY.capture, 0.5
ALIKE = np.ones((RULE.most_good_frames,) * 2)


@pytest.mark.parametrize(
    ("scores", "lane", "fixed", "first"),
    [
        ([0.9] * 8, (True, 2), (True, 3), (True, 2)),
        ([0.1] * 8, (False, 2), (False, 3), (False, 8)),
        ([0.49, 0.49, 0.49, 0.55, 0.49, 0.49, 0.49, 0.49], (False, 7), (False, 3), (True, 4)),
    ],
    ids=["clear holder", "clear stranger", "one lucky frame"],
)
def test_each_rule_ends_where_it_says(
    scores: list[float], lane: tuple[bool, int], fixed: tuple[bool, int], first: tuple[bool, int]
) -> None:
    found = {name: stop(scores, ALIKE, ADMIT) for name, stop in stops(RULE).items()}
    assert found["lane"][0] is lane[0]
    assert found["lane"][1] == pytest.approx(lane[1], abs=1)
    assert (found["fixed 3"], found["first that admits"]) == (fixed, first)


@pytest.mark.thorough
def test_command_tells_errors_time_work(tmp_path: Path, photos: Path, walk: Walk) -> None:
    for name in ("one_1", "one_2"):
        (tmp_path / name).mkdir()
        for number, image in enumerate(walk.frames[: RULE.most_good_frames + 1]):
            (tmp_path / name / f"{number:04}.jpg").write_bytes(encode_jpeg(image))
    for name in ("biden-1.jpg", "biden-2.jpg"):
        (tmp_path / name).write_bytes((photos / "biden.jpg").read_bytes())
    (tmp_path / "list.csv").write_text("sequence,subject\none_1,one\none_2,one\n", encoding="utf-8")
    (tmp_path / "pairs.csv").write_text("a,b,same\nbiden-1.jpg,biden-2.jpg,1\n", encoding="utf-8")
    out = tmp_path / "out.json"
    lists = ("--sequences", str(tmp_path / "list.csv"), "--strangers", str(tmp_path / "pairs.csv"))
    few = ("--captures", "1", "--frame-interval", "0.08")
    done = run_here("decision", "--root", str(tmp_path), *lists, *few, "--json", str(out))
    assert done.returncode == 0, done.stderr
    result = read(out)
    lane = (f"threshold {result['data', 'shipped threshold'].number:g}", "lane")
    assert result[*lane, "frames p95"].number == RULE.good_frames
    assert [result[*lane, kind].errors for kind in ("FMR", "FNMR")] == [0, 0]
    assert result[*lane, "FMR"].n == 4
    assert result["from the first frame on", "lane", "admitted"].number == 2
    assert result["work", "a frame"].quantiles["p50"] > 0
    assert "first that admits" in done.stdout
