"""Accuracy on a handful of the photographs: counted right, and nothing dropped."""

import json
from pathlib import Path

import pytest

from benchmarks.accuracy import central, largest, measure
from benchmarks.errors import BenchmarkError
from benchmarks.pairs import Pair, read_pairs
from lane.measure import Measurer
from models.image import decode, encode_jpeg, read
from tests.benchmarks.command import run

LIST = """a,b,same,group
obama-1.jpg,obama-2.jpg,1,one
obama-1.jpg,obama-3.jpg,1,one
obama-1.jpg,biden-1.jpg,0,one
obama-2.jpg,biden-1.jpg,0,two
obama-1.jpg,obama-9.jpg,1,two
"""


@pytest.fixture
def faces(tmp_path: Path, photos: Path) -> Path:
    """A folder of four photographs, one file that is no picture, and their list."""
    for number, name in enumerate(("obama", "obama2", "obama3"), 1):
        (tmp_path / f"obama-{number}.jpg").write_bytes((photos / f"{name}.jpg").read_bytes())
    (tmp_path / "biden-1.jpg").write_bytes((photos / "biden.jpg").read_bytes())
    (tmp_path / "obama-9.jpg").write_bytes(b"not a picture")
    (tmp_path / "pairs.csv").write_text(LIST, encoding="utf-8")
    return tmp_path


def test_counts_matches_people_and_failures(faces: Path, measurer: Measurer) -> None:
    found = measure(read_pairs(faces / "pairs.csv", faces, "group"), faces, measurer)
    (matcher,) = found.values()
    assert matcher["sha256"] == measurer.networks.embedder.identity.sha256
    assert (matcher["people"], matcher["pictures"]) == (2, 5)
    assert matcher["failures_to_acquire"] == 1
    assert matcher["failures_by_cause"] == {"not_an_image": 1}
    at = matcher["thresholds"]["0.40"]
    assert (at["fmr"]["errors"], at["fmr"]["n"]) == (0, 2)
    assert (at["fnmr"]["errors"], at["fnmr"]["n"]) == (0, 2)
    assert (at["frr"]["errors"], at["frr"]["n"]) == (1, 3)
    assert set(matcher["groups"]) == {"one", "two"}


def test_all_impostors_are_compared_within_their_group(faces: Path, measurer: Measurer) -> None:
    listed = read_pairs(faces / "pairs.csv", faces, "group")
    (matcher,) = measure(listed, faces, measurer, all_impostors=True).values()
    assert matcher["groups"]["one"]["impostor_pairs"] == 3
    assert matcher["groups"]["two"]["thresholds"]["0.40"]["fmr"]["n"] == 2


def test_all_impostors_need_names_that_tell(faces: Path, measurer: Measurer) -> None:
    wrong = [Pair("obama-1.jpg", "biden-1.jpg", same=True, group="")]
    with pytest.raises(BenchmarkError, match="who is who"):
        measure(wrong, faces, measurer, all_impostors=True)


def test_a_list_without_any_face_has_no_rates(faces: Path, measurer: Measurer) -> None:
    with pytest.raises(BenchmarkError, match="no picture gave a face"):
        measure([Pair("obama-9.jpg", "obama-9.jpg", same=True, group="")], faces, measurer)


def test_the_central_face_may_be_another_than_the_largest(photos: Path, measurer: Measurer) -> None:
    picture = read(photos / "obama.jpg")
    found = largest(picture, measurer).face
    assert found is not None
    same = central(decode(encode_jpeg(picture)), measurer).face
    assert same is not None
    assert same.box_in_image.x == pytest.approx(found.box_in_image.x, abs=5)


def test_the_command_writes_the_form_that_others_read(faces: Path) -> None:
    out = faces / "result.json"
    pairs = str(faces / "pairs.csv")
    done = run(
        "accuracy", "--root", str(faces), "--pairs", pairs, "--json", str(out), "--thresholds", "0.4,0.5"
    )
    assert done.returncode == 0, done.stderr
    assert "1 failures to acquire" in done.stdout
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["stamp"]["networks"][0]["provider"] == "CPUExecutionProvider"
    (matcher,) = result["matchers"].values()
    assert set(matcher["thresholds"]) == {"0.40", "0.50"}
    assert set(matcher["fnmr_at_fmr"]) >= {"1e-2", "1e-3"}
    assert "obama" not in out.read_text(encoding="utf-8")
    assert not list(faces.glob(".*.tmp"))


def test_a_missing_picture_is_named_in_one_line(faces: Path) -> None:
    (faces / "biden-1.jpg").unlink()
    done = run("accuracy", "--root", str(faces), "--pairs", str(faces / "pairs.csv"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "biden-1.jpg is missing" in done.stderr
