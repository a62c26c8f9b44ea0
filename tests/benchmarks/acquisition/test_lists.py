"""Lists of pairs and of sequences: what is read and refused, who is in them; captures as at the gate."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.acquisition.acquire import CAPTURED, Failure, LaneEncoder, look_for
from benchmarks.acquisition.identities import corrections, identify, name_of
from benchmarks.acquisition.lists import ALL, Pair, Recording, compared, groups, read_pairs, read_sequences
from benchmarks.acquisition.recorded_camera import Replay
from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.result import read
from lane.capture.measuring import Measurer, Stopwatch
from lane.decision.policy import Policy
from models.embed.template import embed
from models.image import encode_jpeg
from models.values.face import ImageBGR
from tests.support.benchmarks.command_line import ROOT, run_here

MATCHER = "sface-2021dec"
INTERVAL_S = 0.08


def _list(folder: Path, text: str, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    path = folder / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _sequences(root: Path) -> None:
    for name in ("0001_01", "0001_02", "0002_01"):
        (root / name).mkdir()
        (root / name / "0000.jpg").write_bytes(encode_jpeg(np.zeros((8, 8, 3), np.uint8)))


ONE = Pair("x-1.jpg", "x-2.jpg", same=True)
NAMED = "a,b,same,sex,group\nx-1.jpg,x-2.jpg,1,F,g\n"


@pytest.mark.parametrize(
    ("text", "group_by", "read"),
    [
        (NAMED, ["group"], replace(ONE, group="g")),
        (NAMED, ["sex"], replace(ONE, group="F")),
        (NAMED, ["sex", "age", "group"], replace(ONE, group="F/g")),
        ("a,b,same\nx-1.jpg,x-2.jpg,1\n", ["group"], ONE),
        ("\ufeffa,b,same\nx-1.jpg,x-2.jpg,1\n", ["group"], ONE),
        ('a,b,same\r\n"x, y-1.jpg",x-2.jpg,1\r\n', ["group"], replace(ONE, a="x, y-1.jpg")),
    ],
    ids=["group", "another column", "several columns", "no group", "of a spreadsheet", "Windows and quotes"],
)
def test_reads_pairs_and_their_group(tmp_path: Path, text: str, group_by: list[str], read: Pair) -> None:
    path = _list(tmp_path, text, "x-1.jpg", "x-2.jpg", "x, y-1.jpg")
    assert read_pairs(path, tmp_path, group_by) == (read,)
    assert groups([read]) == (read.group,)
    assert ONE.group == ALL == "all"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\nx-1.jpg,x-1.jpg\n", "missing: ['same']"),
        ("a,b,same\nx-1.jpg,x-1.jpg,yes\n", "line 2"),
        ("a,b,same\nx-1.jpg\n", "line 2"),
        ("a,b,same\n", "no pairs"),
        ("a,b,same\nx-1.jpg,gone.jpg,0\n", "gone.jpg is missing"),
        (f"a,b,same\nx-1.jpg,{'y' * 300}.jpg,0\n", "y.jpg is missing"),
        ("a,b,same\nx-1.jpg,y\0.jpg,0\n", "missing"),
        ("a,b,same\nx-1.jpg,./x-1.jpg,1\n", "no pairs"),
        ("a,b,same\nx-1.jpg,../x-1.jpg,1\n", "line 2: ../x-1.jpg leaves its folder"),
        ("a;b;same\nx-1.jpg;x-1.jpg;1\n", "needs the columns"),
        ('a,b,same\n"x-1.jpg,x-1.jpg,1\n', "line 2"),
        ("", "needs the columns"),
        ("sequence,kind\n0001_01,live\n", "missing: ['subject']"),
        ("sequence,subject\n,x\n", "line 2"),
        ("sequence,subject\ngone,x\n", "no frames"),
        ("sequence,subject\n0001_01,x\n./0001_01,x\n", "line 3: 0001_01 is listed twice"),
        ("sequence,kind,subject\n0001_01,print,x\n", "no live sequence"),
    ],
)
def test_unusable_list_named_with_fault(tmp_path: Path, text: str, says: str) -> None:
    _sequences(tmp_path)
    path = _list(tmp_path, text, "x-1.jpg")
    read = read_sequences if text.startswith("sequence") else read_pairs
    with pytest.raises(BenchmarkError) as error:
        read(path, tmp_path, ["group"])
    assert says in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfea\0,\0b\0", b"a,b,same\nM\xfcller-1.jpg,x-1.jpg,0\n", b'a,b,same\n"' + b"x" * 200_000],
)
def test_non_utf8_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(BenchmarkError, match=r"pairs\.csv is not CSV"):
        read_pairs(tmp_path / "pairs.csv", tmp_path, ["group"])


def test_pair_counts_once_per_group_and_never_with_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "x-1.jpg,x-2.jpg,1,g\n./x-2.jpg,x-1.jpg,1,g\nx-1.jpg,x-2.jpg,1,h\n"
    alone = "x-1.jpg,./x-1.jpg,1,g\nx-2.jpg,x-2.jpg,0,i\n"
    path = _list(tmp_path, f"a,b,same,group\n{rows}{alone}", "x-1.jpg", "x-2.jpg")
    assert read_pairs(path, tmp_path, ["group"]) == (replace(ONE, group="g"), replace(ONE, group="h"))
    assert "2 pairs of a picture with itself are left out" in caplog.text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("lfw/Li_Na/Li_Na_0001.jpg", "lfw/Li_Na/Li_Na_0002.jpg", True),
        ("casia/003/003_1.png", "casia/004/004_1.png", False),
        ("chinese/hu-yi-tian-4.jpg", "chinese/Hu-Yitian-1.jpg", True),
        ("chinese/li-na-1.jpg", "chinese/li-nan-1.jpg", False),
        ("a/001.jpg", "a/002.jpg", True),
        ("a/001.jpg", "b/001.jpg", False),
    ],
)
def test_person_is_folder_and_unnumbered_name(one: str, other: str, same: bool) -> None:
    assert (name_of(one) == name_of(other)) is same
    assert name_of("chinese/li-na-1.jpg") == "chinese/lina"


_same, _other = partial(Pair, same=True), partial(Pair, same=False)


def test_genuine_pairs_join_names_transitively() -> None:
    listed = [_same("x-1.jpg", "x-2.jpg"), _same("x-3.jpg", "y-1.jpg"), _same("y-2.jpg", "z-1.jpg")]
    who = identify([*listed, _other("x-1.jpg", "w-1.jpg")])
    assert who.aliases == 2
    assert len({who.number[name] for name in ("x-1.jpg", "x-3.jpg", "y-2.jpg", "z-1.jpg")}) == 1
    assert len(who) == len(set(who.number.values())) == 2


@pytest.mark.parametrize("above", ["", "sets/"])
def test_published_wrong_names_are_corrected(above: str) -> None:
    singer, other = f"{above}korean/rm-1.jpg", f"{above}korean/rap-monster-2.jpg"
    twice = f"{above}lfw/Ricky_Ray/Ricky_Ray_0001.jpg", f"{above}lfw/Bart_Hendricks/Bart_Hendricks_0001.jpg"
    listed = [_other(singer, twice[0]), _other(other, twice[1]), _other(singer, f"{above}korean/iu-1.jpg")]
    who = identify(listed)
    assert who.number[singer] == who.number[other] != who.number[twice[0]] == who.number[twice[1]]
    assert (who.corrected, who.aliases, who.contradictions, len(who)) == (2, 0, 0, 3)


@pytest.mark.parametrize(
    ("listed", "corrected"),
    [
        ([_other("korean/rm-1.jpg", "korean/rap-monster-1.jpg")], 1),
        ([_other("japanese/rm-1.jpg", "korean/rap-monster-1.jpg"), _other("rm-1.jpg", "x-1.jpg")], 0),
    ],
    ids=["known to be one", "of similar names"],
)
def test_listed_strangers_are_corrected_not_contradicted(listed: list[Pair], corrected: int) -> None:
    who = identify(listed)
    assert (who.corrected, who.contradictions) == (corrected, 0)


def test_every_correction_is_unique_and_explained() -> None:
    rows = (ROOT / "benchmarks/acquisition/one_person.csv").read_text(encoding="utf-8").splitlines()
    assert all(len(row.split(",")) == 3 and row.split(",")[2] for row in rows)
    assert len({frozenset(names) for names in corrections()}) == len(corrections()) == len(rows) - 1


@pytest.mark.parametrize(
    ("columns", "rows", "alike", "other"),
    [
        ("identity_a,identity_b", "1.jpg,2.jpg,1,li,li\n1.jpg,3.jpg,0,li,wang", ("1.jpg", "2.jpg"), "3.jpg"),
        ("identity", "1.jpg,2.jpg,1,li\n3.jpg,1.jpg,0,wang", ("1.jpg", "2.jpg"), "3.jpg"),
        ("identity", "li-1.jpg,wu-1.jpg,0,Li\nwu-2.jpg,li-2.jpg,0,Wu", ("li-1.jpg", "li-2.jpg"), "wu-1.jpg"),
    ],
    ids=["of both", "of the first, and the second of a genuine pair", "of pictures of the same name"],
)
def test_columns_identify_where_file_names_cannot(
    tmp_path: Path, columns: str, rows: str, alike: tuple[str, str], other: str
) -> None:
    names = {name for row in rows.splitlines() for name in row.split(",")[:2]}
    path = _list(tmp_path, f"a,b,same,{columns}\n{rows}\n", *names)
    who = identify(read_pairs(path, tmp_path, ["group"]))
    assert who.number[alike[0]] == who.number[alike[1]] != who.number[other]
    assert (len(who), who.aliases, who.contradictions) == (2, 0, 0)


def test_person_folders_identify_where_names_cannot() -> None:
    listed = [_same(f"{who}/left.jpg", f"{who}/right.jpg") for who in "abcdef"]
    listed += [_other("a/left.jpg", "b/right.jpg"), _other("c/left.jpg", "d/left.jpg")]
    who = identify(listed, ["a/front.jpg", "g/front.jpg"])
    assert who.number["a/left.jpg"] == who.number["a/right.jpg"] == who.number["a/front.jpg"]
    assert (len(who), who.aliases, who.contradictions) == (7, 0, 0)


def test_contradicted_names_and_mixed_folders_identify_nobody() -> None:
    genuine = [_same(f"korean/{who}{who}.jpg", f"korean/{who}.jpg") for who in "abcdef"]
    numbered = [_same(f"{number}a.jpg", f"{number}b.jpg") for number in range(20)]
    for listed in (genuine, [*genuine, _other("korean/a.jpg", "korean/b.jpg")], numbered):
        with pytest.raises(BenchmarkError, match=r"neither names nor folders .*identity_a"):
            identify(listed)


def test_picture_of_two_people_is_refused() -> None:
    listed = [_other("1.jpg", "2.jpg", person_a="li"), _other("1.jpg", "3.jpg", person_a="wu")]
    with pytest.raises(BenchmarkError, match=r"1\.jpg is listed as li and as wu"):
        identify(listed)


def test_same_named_strangers_forbid_formed_pairs() -> None:
    who = identify([_same("x-1.jpg", "x-2.jpg"), _other("x-1.jpg", "x-2.jpg")])
    assert who.contradictions == 1
    with pytest.raises(BenchmarkError, match="who is who"):
        who.must_tell()


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
    frames = iter(standing)
    encoder.encode_capture(frames, INTERVAL_S)
    assert len(list(frames)) == len(standing) - (1 + CAPTURED)


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
    found = {f"{pair.a} {pair.b}": pair.same for pair in compared([first, second, again, other])}
    assert found == {"a1 a2": True, "a2 a3": True, "a1 b1": False, "a2 b1": False, "a3 b1": False}


def test_session_is_column_or_trailing_number(tmp_path: Path) -> None:
    _sequences(tmp_path)
    rows = "sequence,kind,subject\n0001_01,live,x\n0001_02,live,x\n0002_01,print,y\n"
    found = read_sequences(_list(tmp_path, rows), tmp_path, ["group"])
    assert found == (Recording("0001_01", "x", "01"), Recording("0001_02", "x", "02"))
    rows = "sequence,subject,session,group\n0001_01,x,morning,g\n"
    found = read_sequences(_list(tmp_path, rows), tmp_path, ["group"])
    assert found == (Recording("0001_01", "x", "morning", "g"),)


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
