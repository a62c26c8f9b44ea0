"""Accuracy on a handful of the photographs: counted right, and nothing dropped."""

import json
import signal
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.accuracy.measure import Asked, Strangers, measure
from benchmarks.acquisition.acquire import Failure, LaneLooker, Looker, acquire
from benchmarks.acquisition.face_choice import look_for, prominence
from benchmarks.acquisition.matchers import Bench, own, subject
from benchmarks.acquisition.pairs import Pair, read_pairs
from benchmarks.errors import BenchmarkError
from lane.capture.measuring import Measurer, Sighting
from lane.decision.policy import Limit, Policy
from models.image import decode, encode_jpeg, read
from models.values.face import Box
from models.values.identity import MatcherIdentity
from models.values.measurement import Measured
from tests.support.benchmarks.command_line import run

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


@pytest.fixture
def bench(measurer: Measurer, policy: Policy) -> Bench:
    """The lane's own matcher, on two threads' worth of lookers that share the networks."""
    embedder = measurer.networks.embedder
    name = embedder.identity.name
    looker = LaneLooker(measurer, {name: embedder}, look_for("prominent"), policy)
    return Bench((subject(embedder.identity, "cosine", policy),), ((looker,),), measurer.networks)


def _measured(bench: Bench, faces: Path, asked: Asked | None = None) -> dict[str, Any]:
    told, _ = measure(read_pairs(faces / "pairs.csv", faces, ["group"]), faces, bench, asked)
    (matcher,) = told.values()
    assert isinstance(matcher, dict)
    return matcher


def test_counts_matches_people_and_failures(faces: Path, bench: Bench) -> None:
    matcher = _measured(bench, faces)
    assert matcher["sha256"] == bench.subjects[0].identity.sha256
    assert (matcher["people"]["number"], matcher["pictures"]) == (2, 5)
    assert matcher["failures_to_acquire"] == 1
    assert matcher["failures_by_cause"] == {"not_an_image": 1}
    at = matcher["overall"]["thresholds"]["0.40"]
    assert (at["fmr"]["errors"], at["fmr"]["n"]) == (0, 2)
    assert (at["fnmr"]["errors"], at["fnmr"]["n"]) == (0, 2)
    assert (at["frr"]["errors"], at["frr"]["n"]) == (1, 3)
    assert set(matcher["groups"]) == {"one", "two"}
    two = matcher["groups"]["two"]
    assert (two["people"], two["genuine"], two["genuine_missed"], two["impostors"]) == (2, 0, 1, 1)
    assert (two["failures_to_acquire"], matcher["groups"]["one"]["failures_to_acquire"]) == (1, 0)
    assert matcher["overall"]["failures_to_acquire"] == 1
    assert two["fnmr"] is None


def test_all_impostors_are_compared_within_their_group_or_everywhere(faces: Path, bench: Bench) -> None:
    within = _measured(bench, faces, Asked("within-group"))
    assert within["groups"]["one"]["impostors"] == 3
    assert (within["groups"]["two"]["impostors"], within["groups"]["two"]["impostors_missed"]) == (2, 1)
    assert within["overall"]["impostors"] == 5
    everywhere = _measured(bench, faces, Asked("all"))
    assert everywhere["overall"]["impostors"] == 3
    assert everywhere["groups"]["one"]["impostors"] == 3


@pytest.mark.parametrize("strangers", ["listed", "within-group", "all"])
def test_pairs_without_a_group_count_among_everybody_and_never_in_their_place(
    faces: Path, bench: Bench, strangers: Strangers
) -> None:
    (faces / "pairs.csv").write_text(LIST.replace("biden-1.jpg,0,two", "biden-1.jpg,0,"), encoding="utf-8")
    matcher = _measured(bench, faces, Asked(strangers))
    assert set(matcher["groups"]) == {"one", "two"}
    overall, one = matcher["overall"], matcher["groups"]["one"]
    assert (overall["people"], overall["genuine"], overall["genuine_missed"]) == (2, 2, 1)
    assert overall["impostors"] >= one["impostors"]
    assert overall["impostors"] == {"listed": 2, "within-group": 4, "all": 3}[strangers]


def test_a_genuine_pair_of_two_names_is_never_a_pair_of_strangers(faces: Path, bench: Bench) -> None:
    renamed = faces / "barack-1.jpg"
    (faces / "obama-3.jpg").rename(renamed)
    listed = LIST.replace("obama-3", "barack-1")
    (faces / "pairs.csv").write_text(listed, encoding="utf-8")
    matcher = _measured(bench, faces, Asked("within-group"))
    assert matcher["people"] == {"number": 2, "names_joined": 1, "names_corrected": 0, "contradictions": 0}
    assert matcher["groups"]["one"]["impostors"] == 3
    assert matcher["groups"]["one"]["false_matches"] == 0


def test_pictures_that_no_pair_lists_take_part_where_all_pairs_are_formed(faces: Path, bench: Bench) -> None:
    for name in ("obama-4", "biden-2"):
        (faces / f"{name}.jpg").write_bytes((faces / f"{name[:-1]}1.jpg").read_bytes())
    matcher = _measured(bench, faces, Asked("all", "all", ("biden-2.jpg", "obama-1.jpg", "obama-4.jpg")))
    overall, listed = matcher["overall"], matcher["overall_listed_genuine"]
    assert (matcher["pictures"], overall["people"]) == (7, 2)
    assert overall["impostors"] == listed["impostors"] == 4 * 2
    assert (overall["genuine"], overall["genuine_missed"]) == (4 * 3 // 2 + 1, 4)
    assert (listed["genuine"], listed["genuine_missed"]) == (2, 1)
    assert matcher["groups"]["one"]["impostors"] == 3


def test_all_impostors_need_names_that_tell(faces: Path, bench: Bench) -> None:
    wrong = [Pair("obama-1.jpg", "obama-2.jpg", same=False)]
    with pytest.raises(BenchmarkError, match="who is who"):
        measure(wrong, faces, bench, Asked("all"))


def test_a_list_without_any_face_has_no_rates(faces: Path, bench: Bench) -> None:
    with pytest.raises(BenchmarkError, match="no picture gave a face"):
        measure([Pair("obama-9.jpg", "obama-9.jpg", same=True)], faces, bench)


@pytest.mark.parametrize("face", ["prominent", "central", "largest"])
def test_of_a_portrait_every_rule_means_the_same_face(photos: Path, measurer: Measurer, face: str) -> None:
    picture = decode(encode_jpeg(read(photos / "obama.jpg")))
    found, lane = look_for(face)(picture, measurer).face, look_for("largest")(picture, measurer).face
    assert found is not None
    assert lane is not None
    assert found.box_in_image == lane.box_in_image


def test_the_prominent_face_is_large_but_not_at_the_edge() -> None:
    picture = np.zeros((250, 250, 3), np.uint8)
    central, at_the_edge = Box(85, 85, 80, 80), Box(0, 0, 100, 100)
    assert prominence(central, picture) > prominence(at_the_edge, picture)
    assert prominence(Box(75, 75, 100, 100), picture) > prominence(central, picture)


def test_a_face_that_the_policy_calls_cut_is_a_failure_to_acquire(measurer: Measurer, policy: Policy) -> None:
    live = {**policy.quality.live, "shown": Limit(min=0.9)}
    rules = policy.model_copy(update={"quality": policy.quality.model_copy(update={"live": live})})
    looker = LaneLooker(measurer, {}, look_for("largest"), rules)
    picture = np.zeros((9, 9, 3), np.uint8)
    face = object()
    assert looker.failure(Sighting(picture, 0, None, {})) == "no_face"
    for shown, cause in ((Measured(0.8), "cut_by_frame"), (Measured(1.0), None)):
        sighting = Sighting(picture, 1, face, {"shown": shown})  # type: ignore[arg-type]
        assert looker.failure(sighting) == cause


class _Slow:
    """Answers in another order than it is asked."""

    matchers = ("slow",)

    def look(self, image_bgr: Any) -> dict[str, Any]:
        cut = image_bgr.shape[0] % 2
        return {"slow": Failure("odd") if cut else np.array([image_bgr.shape[0]], np.float32)}

    def capture(self, images_bgr: Any, interval_s: float) -> dict[str, Any]:
        return self.look(next(images_bgr))


def test_many_threads_give_the_same_answer_in_the_same_order(tmp_path: Path) -> None:
    names = [f"{height}.jpg" for height in range(8, 40)]
    for height in range(8, 40):
        (tmp_path / f"{height}.jpg").write_bytes(encode_jpeg(np.zeros((height, 8, 3), np.uint8)))
    workers: list[tuple[Looker, ...]] = [(_Slow(),)] * 4
    taken = acquire(names, tmp_path, workers)["slow"]
    assert list(taken.vectors) == names[::2]
    assert [float(vector[0]) for vector in taken.vectors.values()] == list(range(8, 40, 2))
    assert taken.causes() == {"odd": 16}


def test_a_matcher_without_calibration_has_its_usual_threshold_or_none(policy: Policy) -> None:
    usual = subject(MatcherIdentity("face_recognition", "0" * 64, "1" * 64), "euclidean", policy)
    assert (usual.threshold, usual.threshold_from) == (0.4, "usual: not calibrated here")
    unknown = subject(MatcherIdentity("own", "0" * 64, "1" * 64), "cosine", policy)
    assert unknown.threshold is None
    assert "none" in unknown.threshold_from


def test_a_calibration_of_other_weights_or_other_preprocessing_lends_no_threshold(policy: Policy) -> None:
    [calibrated] = policy.calibrated
    own = calibrated.calibration.matcher
    assert subject(own, "cosine", policy).threshold == calibrated.band.admit
    for other in (replace(own, sha256="0" * 64), replace(own, preprocessing="0" * 64)):
        found = subject(other, "cosine", policy)
        assert found.threshold != calibrated.band.admit
        assert "usual: policy" in found.threshold_from
        assert "other weights, other preprocessing or arithmetic" in found.threshold_from


def test_the_command_writes_the_form_that_others_read(faces: Path) -> None:
    out = faces / "result.json"
    pairs = str(faces / "pairs.csv")
    wanted = ("--thresholds", "0.4,0.5", "--impostors", "within-group")
    done = run("accuracy", "--root", str(faces), "--pairs", pairs, "--json", str(out), *wanted)
    assert done.returncode == 0, done.stderr
    assert "1 failures to acquire" in done.stdout
    text = out.read_text(encoding="utf-8")
    result = json.loads(text)
    assert result["stamp"]["networks"][0]["provider"] == "CPUExecutionProvider"
    matcher = next(iter(result["matchers"].values()))
    keys = {"sha256", "threshold", "eer", "fnmr_at_fmr", "failures_to_acquire", "groups"}
    assert keys <= set(matcher)
    assert set(matcher["fnmr_at_fmr"]) == {"1e-2", "1e-3", "1e-4", "1e-5"}
    group = {"people", "genuine", "impostors", "fmr", "fmr_interval", "fnmr", "fnmr_interval"}
    assert all(group <= set(told) for told in matcher["groups"].values())
    assert matcher["groups"]["one"]["fmr_interval"][1] == pytest.approx(0.7076, abs=1e-4)
    assert set(matcher["overall"]["thresholds"]) == {"0.40", "0.50"}
    assert "obama" not in text
    assert "result-sface-2021dec-det.svg" in result["drawings"]
    assert {path.name for path in faces.glob("*.svg")} == set(result["drawings"])
    assert not list(faces.glob(".*.tmp"))


@pytest.mark.thorough
def test_a_list_without_groups_is_not_taken_for_one_silently(faces: Path) -> None:
    plain = "\n".join(line.rsplit(",", 1)[0] for line in LIST.splitlines())
    (faces / "plain.csv").write_text(plain, encoding="utf-8")
    listed = ("--root", str(faces), "--pairs", str(faces / "plain.csv"))
    done = run("accuracy", *listed, "--impostors", "within-group", "--matcher", own())
    assert done.returncode == 0, done.stderr
    assert "names no groups" in done.stderr
    assert "1e+02" not in done.stdout


@pytest.mark.skipif(find_spec("face_recognition") is not None, reason="it is installed here")
def test_a_peer_that_is_not_installed_is_skipped_with_the_way_to_get_it(faces: Path) -> None:
    done = run(
        "accuracy", "--root", str(faces), "--pairs", str(faces / "pairs.csv"), "--matcher", "face_recognition"
    )
    assert done.returncode == 2
    assert "make bench-peers" in done.stderr


def test_a_matcher_that_nobody_has_is_named(faces: Path) -> None:
    done = run("accuracy", "--root", str(faces), "--pairs", str(faces / "pairs.csv"), "--matcher", "nobody")
    assert done.returncode == 2
    assert "nobody" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--thresholds", "0.4,nan"),
        ("--thresholds", "inf"),
        ("--thresholds", "-1.5"),
        ("--thresholds", "high"),
        ("--impostors", "all", "--pictures", ""),
        ("--impostors", "all", "--pictures", "/tmp/*.jpg"),
        ("--impostors", "all", "--pictures", "../*.jpg"),
        ("--pictures", "*.jpg"),
        ("--group-by", "group,natoin"),
        ("--json", "."),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_refused_before_anything_is_measured(
    faces: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]
) -> None:
    command = ["benchmarks", "accuracy", "--root", str(faces), "--pairs", str(faces / "pairs.csv"), *wrong]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err


class _Impatient(_Slow):
    """Someone who presses Ctrl-C at the third picture."""

    def __init__(self) -> None:
        self.looked_at = 0

    def look(self, image_bgr: Any) -> dict[str, Any]:
        self.looked_at += 1
        if self.looked_at == 3:
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.1)
        return super().look(image_bgr)


def test_ctrl_c_ends_the_looking_and_starts_no_further_picture(tmp_path: Path) -> None:
    (tmp_path / "8.jpg").write_bytes(encode_jpeg(np.zeros((8, 8, 3), np.uint8)))
    person = _Impatient()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # behind a shell's & it is switched off
    try:
        with pytest.raises(KeyboardInterrupt):
            acquire(["8.jpg"] * 5000, tmp_path, [(person,)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert person.looked_at < 5000


def test_a_missing_picture_is_named_in_one_line(faces: Path) -> None:
    (faces / "biden-1.jpg").unlink()
    done = run("accuracy", "--root", str(faces), "--pairs", str(faces / "pairs.csv"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "biden-1.jpg is missing" in done.stderr
