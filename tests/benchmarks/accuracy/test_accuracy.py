"""Accuracy on a handful of the photographs: counted right, and nothing dropped."""

import gc
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.accuracy.accuracy import Chosen, Strangers, measure
from benchmarks.acquisition import acquire as acquisition
from benchmarks.acquisition.acquire import Failure, LaneEncoder, PictureEncoder, acquire, look_for, prominence
from benchmarks.acquisition.lists import Pair, read_pairs
from benchmarks.acquisition.matchers import Bench, matcher_under_test, own
from benchmarks.acquisition.other_libraries import FACE_RECOGNITION
from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import Figure, Name, read
from lane.capture.measuring import Measurer, Sighting
from lane.decision.policy import Limit, Policy
from models.image import decode, encode_jpeg
from models.image import read as read_picture
from models.values.face import Box
from models.values.identity import MatcherIdentity
from models.values.measurement import Measured
from tests.support.benchmarks.command_line import run_here
from tests.support.processes import until

LIST = """a,b,same,group
obama-1.jpg,obama-2.jpg,1,one
obama-1.jpg,obama-3.jpg,1,one
obama-1.jpg,biden-1.jpg,0,one
obama-2.jpg,biden-1.jpg,0,two
obama-1.jpg,obama-9.jpg,1,two
"""


WITHOUT_PEER = pytest.mark.skipif(find_spec(FACE_RECOGNITION) is not None, reason="it is installed here")


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
    """The lane's own matcher, on two threads' worth of encoders that share the networks."""
    embedder = measurer.networks.embedder
    encoder = LaneEncoder(measurer, {embedder.identity.name: embedder}, look_for("prominent"), policy)
    return Bench((matcher_under_test(embedder.identity, "cosine", policy),), ((encoder,),), measurer.networks)


@dataclass(frozen=True)
class Found:
    """One matcher's figures."""

    matcher: str
    figures: dict[Name, Figure]

    def numbers(self, group: str, *columns: str, behind: str = "") -> tuple[float | None, ...]:
        return tuple(self.figures[self.matcher + behind, group, column].number for column in columns)

    def data(self, name: str) -> float | None:
        return self.figures[f"{self.matcher}: data", name].number

    @property
    def groups(self) -> set[str]:
        return {name[1] for name in self.figures if name[0] == self.matcher} - {"all"}


def _accuracy(faces: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return run_here("accuracy", "--root", str(faces), "--pairs", str(faces / "pairs.csv"), *more)


def _measured(bench: Bench, faces: Path, chosen: Chosen | None = None) -> Found:
    pairs = read_pairs(faces / "pairs.csv", faces, ["group"])
    (one,) = measure(pairs, faces, bench, chosen)
    return Found(one.matcher.name, {figure.name: figure for figure in one.figures})


def test_counts_matches_people_and_failures(faces: Path, bench: Bench) -> None:
    found = _measured(bench, faces)
    assert (found.data("people"), found.data("pictures")) == (2, 5)
    assert found.figures[f"{found.matcher}: failures to acquire", "not_an_image"].number == 1
    for kind, errors, n in (("FMR", 0, 2), ("FNMR", 0, 2), ("FRR", 1, 3)):
        one = found.figures[f"{found.matcher} by threshold", "all", "0.40", kind]
        assert (one.errors, one.n) == (errors, n)
    assert found.groups == {"one", "two"}
    counted = ("people", "genuine", "genuine missed", "impostors", "failures to acquire")
    assert found.numbers("two", *counted) == (2, 0, 1, 1, 1)
    assert found.numbers("one", "failures to acquire") == (0,)
    assert found.numbers("all", "failures to acquire") == (1,)
    assert found.numbers("two", "FNMR") == (None,)


def test_impostors_compared_within_group_or_everywhere(faces: Path, bench: Bench) -> None:
    within = _measured(bench, faces, Chosen("within-group"))
    assert within.numbers("two", "impostors", "impostors missed") == (2, 1)
    assert within.numbers("one", "impostors") + within.numbers("all", "impostors") == (3, 5)
    everywhere = _measured(bench, faces, Chosen("all"))
    assert everywhere.numbers("one", "impostors") == everywhere.numbers("all", "impostors") == (3,)


@pytest.mark.parametrize("strangers", ["listed", "within-group", "all"])
def test_ungrouped_pairs_count_only_among_all(faces: Path, bench: Bench, strangers: Strangers) -> None:
    (faces / "pairs.csv").write_text(LIST.replace("biden-1.jpg,0,two", "biden-1.jpg,0,"), encoding="utf-8")
    found = _measured(bench, faces, Chosen(strangers))
    assert found.groups == {"one", "two"}
    assert found.numbers("all", "people", "genuine", "genuine missed") == (2, 2, 1)
    (everybody,), (some,) = found.numbers("all", "impostors"), found.numbers("one", "impostors")
    assert everybody == {"listed": 2, "within-group": 4, "all": 3}[strangers]
    assert everybody >= (some or 0)


def test_genuine_pair_is_never_strangers(faces: Path, bench: Bench) -> None:
    (faces / "obama-3.jpg").rename(faces / "barack-1.jpg")
    (faces / "pairs.csv").write_text(LIST.replace("obama-3", "barack-1"), encoding="utf-8")
    found = _measured(bench, faces, Chosen("within-group"))
    columns = ("people", "names joined", "names corrected", "contradictions")
    assert tuple(map(found.data, columns)) == (2, 1, 0, 0)
    assert found.numbers("one", "impostors") == (3,)
    assert found.figures[found.matcher, "one", "FMR"].errors == 0


def test_unlisted_pictures_join_formed_pairs(faces: Path, bench: Bench) -> None:
    for name in ("obama-4", "biden-2"):
        (faces / f"{name}.jpg").write_bytes((faces / f"{name[:-1]}1.jpg").read_bytes())
    found = _measured(bench, faces, Chosen("all", "all", ("biden-2.jpg", "obama-1.jpg", "obama-4.jpg")))
    columns, listed = ("impostors", "genuine", "genuine missed"), ", listed genuine pairs"
    assert (found.data("pictures"), *found.numbers("all", "people")) == (7, 2)
    assert found.numbers("all", *columns) == (4 * 2, 4 * 3 // 2 + 1, 4)
    assert found.numbers("all", *columns, behind=listed) == (4 * 2, 2, 1)
    assert found.numbers("one", "impostors") == (3,)


@pytest.mark.parametrize(
    ("pair", "chosen", "says"),
    [
        (Pair("obama-1.jpg", "obama-2.jpg", same=False), Chosen("all"), "who is who"),
        (Pair("obama-9.jpg", "obama-9.jpg", same=True), Chosen(), "no picture gave a face"),
    ],
    ids=["names that do not tell", "no face"],
)
def test_useless_list_has_no_rates(faces: Path, bench: Bench, pair: Pair, chosen: Chosen, says: str) -> None:
    with pytest.raises(BenchmarkError, match=says):
        list(measure([pair], faces, bench, chosen))


@pytest.mark.parametrize("face", ["prominent", "central", "largest"])
def test_all_rules_agree_on_portrait_face(photos: Path, measurer: Measurer, face: str) -> None:
    picture = decode(encode_jpeg(read_picture(photos / "obama.jpg")))
    found, lane = look_for(face)(picture, measurer).face, look_for("largest")(picture, measurer).face
    assert found is not None
    assert lane is not None
    assert found.box_in_image == lane.box_in_image


def test_prominent_face_is_large_not_edge() -> None:
    picture = np.zeros((250, 250, 3), np.uint8)
    central, at_the_edge = Box(85, 85, 80, 80), Box(0, 0, 100, 100)
    assert prominence(central, picture) > prominence(at_the_edge, picture)
    assert prominence(Box(75, 75, 100, 100), picture) > prominence(central, picture)


def test_face_policy_calls_cut_fails_acquisition(measurer: Measurer, policy: Policy) -> None:
    live = {**policy.quality.live, "shown": Limit(min=0.9)}
    rules = policy.model_copy(update={"quality": policy.quality.model_copy(update={"live": live})})
    encoder = LaneEncoder(measurer, {}, look_for("largest"), rules)
    picture = np.zeros((9, 9, 3), np.uint8)
    face = object()
    assert encoder.failure(Sighting(picture, 0, None, {})) == "no_face"
    for shown, cause in ((Measured(0.8), "cut_by_frame"), (Measured(1.0), None)):
        sighting = Sighting(picture, 1, face, {"shown": shown})  # type: ignore[arg-type]
        assert encoder.failure(sighting) == cause


class _Slow:
    """Answers in another order than it is asked."""

    matchers = ("slow",)

    def encode(self, image_bgr: Any) -> dict[str, Any]:
        cut = image_bgr.shape[0] % 2
        return {"slow": Failure("odd") if cut else np.array([image_bgr.shape[0]], np.float32)}

    def encode_capture(self, images_bgr: Any, interval_s: float) -> dict[str, Any]:
        return self.encode(next(images_bgr))


def test_thread_count_changes_no_answer(tmp_path: Path) -> None:
    names = [f"{height}.jpg" for height in range(8, 40)]
    for height in range(8, 40):
        (tmp_path / f"{height}.jpg").write_bytes(encode_jpeg(np.zeros((height, 8, 3), np.uint8)))
    workers: list[tuple[PictureEncoder, ...]] = [(_Slow(),)] * 4
    taken = acquire(names, tmp_path, workers)["slow"]
    assert list(taken.vectors) == names[::2]
    assert [float(vector[0]) for vector in taken.vectors.values()] == list(range(8, 40, 2))
    assert taken.causes() == {"odd": 16}


def test_only_own_calibration_gives_threshold(policy: Policy) -> None:
    """Of another matcher it is the usual one, or there is none."""
    usual = matcher_under_test(MatcherIdentity("face_recognition", "0" * 64, "1" * 64), "euclidean", policy)
    assert (usual.threshold, usual.threshold_from) == (0.4, "usual: not calibrated here")
    unknown = matcher_under_test(MatcherIdentity("own", "0" * 64, "1" * 64), "cosine", policy)
    assert unknown.threshold is None
    assert "none" in unknown.threshold_from
    [calibrated] = policy.calibrated
    own = calibrated.calibration.matcher
    assert matcher_under_test(own, "cosine", policy).threshold == calibrated.band.admit
    for other in (replace(own, sha256="0" * 64), replace(own, preprocessing="0" * 64)):
        found = matcher_under_test(other, "cosine", policy)
        assert found.threshold != calibrated.band.admit
        assert "usual: policy" in found.threshold_from
        assert "other weights, other preprocessing or arithmetic" in found.threshold_from


@pytest.mark.thorough
def test_command_writes_readable_form(faces: Path) -> None:
    out = faces / "result.json"
    done = _accuracy(faces, "--thresholds", "0.4,0.5", "--impostors", "within-group", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "failures to acquire  not_an_image" in done.stdout
    result = read(out)
    assert result.stamp.networks[0].provider == "CPUExecutionProvider"
    for group in ("one", "two", "all"):
        for column in ("people", "genuine", "impostors", "failures to acquire", "FMR", "FNMR", "FRR", "EER"):
            assert result.find("sface-2021dec", group, column)
        for target in ("1e-2", "1e-3", "1e-4", "1e-5"):
            assert result.find("sface-2021dec at fixed FMR", group, target)
    fmr = result["sface-2021dec", "one", "FMR"]
    assert fmr.interval == pytest.approx((0, 0.7076), abs=1e-4)
    by_threshold = result.under("sface-2021dec by threshold", "all")
    assert {figure.name[2] for figure in by_threshold} == {"0.40", "0.50"}
    assert "obama" not in out.read_text(encoding="utf-8")
    assert "result-sface-2021dec-det.svg" in result.drawings
    assert {path.name for path in faces.glob("*.svg")} == set(result.drawings)
    assert not list(faces.glob(".*.tmp"))


@pytest.mark.thorough
def test_ungrouped_list_warns(faces: Path) -> None:
    plain = "\n".join(line.rsplit(",", 1)[0] for line in LIST.splitlines())
    (faces / "pairs.csv").write_text(plain, encoding="utf-8")
    done = _accuracy(faces, "--impostors", "within-group", "--matcher", own())
    assert done.returncode == 0, done.stderr
    assert "names no groups" in done.stderr
    assert "1e+02" not in done.stdout


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("--thresholds", "0.4,nan"), "wanted similarities"),
        (("--thresholds", "inf"), "wanted similarities"),
        (("--thresholds", "-1.5"), "wanted similarities"),
        (("--thresholds", "high"), "wanted similarities"),
        (("--impostors", "all", "--pictures", ""), "pattern below the root"),
        (("--impostors", "all", "--pictures", "/tmp/*.jpg"), "pattern below the root"),
        (("--impostors", "all", "--pictures", "../*.jpg"), "pattern below the root"),
        (("--pictures", "*.jpg"), "--impostors all"),
        (("--group-by", "group,natoin"), "no list has a column natoin"),
        (("--json", "."), "it is a folder"),
        (("--matcher", "nobody"), "nobody"),
        pytest.param(("--matcher", FACE_RECOGNITION), "make bench-peers", marks=WITHOUT_PEER),
    ],
    ids=str,
)
def test_impossible_request_is_refused(faces: Path, wrong: tuple[str, ...], says: str) -> None:
    done = _accuracy(faces, *wrong)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split())
    assert "Traceback" not in done.stderr


class _Impatient(_Slow):
    """Someone who presses Ctrl-C at the third picture."""

    def __init__(self) -> None:
        self.looked_at = 0

    def encode(self, image_bgr: Any) -> dict[str, Any]:
        self.looked_at += 1
        if self.looked_at == 3:
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.1)
        return super().encode(image_bgr)


class _Ending(_Slow):
    """A library that wants to end its process."""

    def encode(self, image_bgr: Any) -> dict[str, Any]:
        raise SystemExit(3)


def test_whatever_ends_a_thread_ends_the_run(faces: Path) -> None:
    with pytest.raises(SystemExit, match="3"):
        acquire(["obama-1.jpg"], faces, [(_Ending(),)])


@contextmanager
def heeding_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # behind a shell's & it is switched off
    gc.disable()  # raised in a callback of a collection, such as hypothesis's, Python only reports Ctrl-C
    try:
        yield
    finally:
        gc.enable()
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_starts_no_further_picture(tmp_path: Path) -> None:
    (tmp_path / "8.jpg").write_bytes(encode_jpeg(np.zeros((8, 8, 3), np.uint8)))
    person = _Impatient()
    with heeding_ctrl_c(), pytest.raises(KeyboardInterrupt):
        acquire(["8.jpg"] * 5000, tmp_path, [(person,)])
    assert person.looked_at < 5000


@pytest.mark.thorough
def test_ctrl_c_ends_at_any_moment(tmp_path: Path) -> None:
    with heeding_ctrl_c():
        for moment in range(100):
            pressed = threading.Timer(moment * 2e-4, signal.raise_signal, [signal.SIGINT])
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012  it may come at any of these steps
                pressed.start()
                acquire(["8.jpg"] * 20_000, tmp_path, [(_Slow(),), (_Slow(),)], _encode_nothing)
                pressed.join()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "looking"])


class Starting(threading.Thread):
    """Ctrl-C comes once it has a number, and has not begun."""

    def start(self) -> None:
        self._ident = 1
        raise KeyboardInterrupt


def test_ctrl_c_while_thread_starts_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acquisition, "Thread", Starting)
    with pytest.raises(KeyboardInterrupt):
        acquire(["8.jpg"], tmp_path, [(_Slow(),), (_Slow(),)], _encode_nothing)


def _encode_nothing(_: Path, encoders: Sequence[Any]) -> dict[str, Any]:
    return dict.fromkeys(encoders[0].matchers, np.zeros(4, np.float32))


def test_missing_picture_named_in_one_line(faces: Path) -> None:
    (faces / "biden-1.jpg").unlink()
    done = _accuracy(faces)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "biden-1.jpg is missing" in done.stderr
