"""Frame sequences: a capture as at the gate, sessions, strangers, failures to acquire."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.acquisition.acquire import CAPTURED, Failure, LaneEncoder
from benchmarks.acquisition.face_choice import look_for
from benchmarks.acquisition.recorded_camera import Replay
from benchmarks.acquisition.sequences import Recording, compared, read_sequences
from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.result_file import read
from lane.capture.measuring import Measurer, Stopwatch
from lane.decision.policy import Policy
from models.embed.template import embed
from models.image import encode_jpeg
from models.values.face import ImageBGR
from tests.support.benchmarks.command_line import run_here

MATCHER = "sface-2021dec"
INTERVAL_S = 0.08


@pytest.fixture
def standing(walk: Walk) -> tuple[ImageBGR, ...]:
    """Frames of someone who stands at the camera."""
    return walk.frames[:8]


@pytest.fixture
def encoder(measurer: Measurer, policy: Policy) -> LaneEncoder:
    embedder = measurer.networks.embedder
    return LaneEncoder(measurer, {embedder.identity.name: embedder}, look_for("largest"), policy)


@pytest.mark.thorough
def test_capture_scores_mean_of_frame_scores(
    encoder: LaneEncoder, measurer: Measurer, standing: tuple[ImageBGR, ...]
) -> None:
    (found,) = encoder.encode_capture(iter(standing), INTERVAL_S).values()
    assert not isinstance(found, Failure)
    good = standing[1 : 1 + CAPTURED]  # a first frame has no motion
    watch = Stopwatch()
    faces = [measurer.look_at(image, measurer.find(image, watch), watch).face for image in good]
    every = [
        embed(image, face, measurer.networks.embedder).vector
        for image, face in zip(good, faces, strict=True)
        if face is not None
    ]
    assert len(every) == len(good)
    somebody = np.random.default_rng(0).normal(size=found.shape).astype(np.float32)
    assert float(found @ somebody) == pytest.approx(np.mean([one @ somebody for one in every]), abs=1e-3)


def test_capture_stops_at_deciding_frames(encoder: LaneEncoder, standing: tuple[ImageBGR, ...]) -> None:
    handed_out = []

    def frames() -> Iterator[ImageBGR]:
        for number, image in enumerate(standing):
            handed_out.append(number)
            yield image

    encoder.encode_capture(frames(), INTERVAL_S)
    assert len(handed_out) == 1 + CAPTURED


@pytest.mark.parametrize(("frames", "cause"), [(0, "too_few_frames"), (6, "no_face")])
def test_insufficient_capture_fails_with_cause(encoder: LaneEncoder, frames: int, cause: str) -> None:
    rng = np.random.default_rng(1)
    empty = (rng.integers(0, 9, (480, 640, 3)).astype(np.uint8) for _ in range(frames))
    assert set(encoder.encode_capture(empty, INTERVAL_S).values()) == {Failure(cause)}


def test_replay_hands_out_fresh_frames_timed() -> None:
    replay = Replay([np.zeros((2, 2, 3), np.uint8)] * 3, 0.5)
    ages = [replay.monotonic_s() - frame.captured_monotonic_s for frame in replay.frames()]
    assert ages == [0, 0, 0]
    assert replay.monotonic_s() == 1


def test_genuine_pairs_cross_sessions_strangers_always() -> None:
    first, second = Recording("a1", "a", "1"), Recording("a2", "a", "2")
    again, other = Recording("a3", "a", "1"), Recording("b1", "b", "1")
    found = {(pair.a, pair.b): pair.same for pair in compared([first, second, again, other])}
    assert found == {
        ("a1", "a2"): True,
        ("a2", "a3"): True,
        ("a1", "b1"): False,
        ("a2", "b1"): False,
        ("a3", "b1"): False,
    }


def _list(root: Path, text: str) -> Path:
    for name in ("0001_01", "0001_02", "0002_01"):
        (root / name).mkdir()
        (root / name / "0000.jpg").write_bytes(encode_jpeg(np.zeros((8, 8, 3), np.uint8)))
    path = root / "sequences.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_session_is_column_or_trailing_number(tmp_path: Path) -> None:
    rows = "sequence,kind,subject\n0001_01,live,x\n0001_02,live,x\n0002_01,print,y\n"
    found = read_sequences(_list(tmp_path, rows), tmp_path, ["group"])
    assert found == (Recording("0001_01", "x", "01"), Recording("0001_02", "x", "02"))
    rows = "sequence,subject,session,group\n0001_01,x,morning,g\n"
    (tmp_path / "sequences.csv").write_text(rows, encoding="utf-8")
    found = read_sequences(tmp_path / "sequences.csv", tmp_path, ["group"])
    assert found == (Recording("0001_01", "x", "morning", "g"),)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("sequence,kind\n0001_01,live\n", "missing: ['subject']"),
        ("sequence,subject\n,x\n", "line 2"),
        ("sequence,subject\ngone,x\n", "no frames"),
        ("sequence,subject\n0001_01,x\n./0001_01,x\n", "line 3: 0001_01 is listed twice"),
        ("sequence,kind,subject\n0001_01,print,x\n", "no live sequence"),
    ],
)
def test_unusable_list_named_with_fault(tmp_path: Path, rows: str, says: str) -> None:
    with pytest.raises(BenchmarkError) as error:
        read_sequences(_list(tmp_path, rows), tmp_path, ["group"])
    assert says in str(error.value)


@pytest.mark.thorough
def test_the_command_compares_captures(tmp_path: Path, standing: tuple[ImageBGR, ...]) -> None:
    for name in ("one_1", "one_2", "empty_1"):
        (tmp_path / name).mkdir()
        for number, image in enumerate(standing):
            shown = image if name.startswith("one") else np.zeros_like(image)
            (tmp_path / name / f"{number:04}.jpg").write_bytes(encode_jpeg(shown))
    rows = "sequence,subject\none_1,one\none_2,one\nempty_1,two\n"
    (tmp_path / "list.csv").write_text(rows, encoding="utf-8")
    out = tmp_path / "out.json"
    arguments = ("--root", str(tmp_path), "--sequences", str(tmp_path / "list.csv"), "--json", str(out))
    done = run_here("accuracy", *arguments, "--frame-interval", str(INTERVAL_S), "--matcher", MATCHER)
    assert done.returncode == 0, done.stderr
    all_captures = {one.name[-1]: one.number for one in read(out).figures if one.name[:2] == (MATCHER, "all")}
    assert (all_captures["people"], all_captures["failures to acquire"]) == (2, 1)
    assert (all_captures["genuine"], all_captures["FNMR"]) == (1, 0)
    assert (all_captures["impostors"], all_captures["impostors missed"]) == (0, 2)


def test_either_pairs_or_sequences(tmp_path: Path) -> None:
    done = run_here("accuracy", "--root", str(tmp_path))
    assert done.returncode == 2
    assert "--sequences" in done.stderr
