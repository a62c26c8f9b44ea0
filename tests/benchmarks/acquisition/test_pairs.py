"""Lists of pairs: what is read, what is refused, who is in them."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from benchmarks.acquisition.identities import corrections, identify, name_of
from benchmarks.acquisition.pairs import ALL, Pair, groups, read_pairs
from benchmarks.errors import BenchmarkError


def _list(folder: Path, text: str, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    path = folder / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    return path


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


def test_ungrouped_pairs_are_group_all() -> None:
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
    ],
)
def test_unusable_list_named_with_fault(tmp_path: Path, text: str, says: str) -> None:
    path = _list(tmp_path, text, "x-1.jpg")
    with pytest.raises(BenchmarkError) as error:
        read_pairs(path, tmp_path, ["group"])
    assert says in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfea\0,\0b\0", b"a,b,same\nM\xfcller-1.jpg,x-1.jpg,0\n", b'a,b,same\n"' + b"x" * 200_000],
)
def test_non_utf8_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(BenchmarkError, match=r"pairs\.csv is not CSV"):
        read_pairs(tmp_path / "pairs.csv", tmp_path, ["group"])


def test_duplicate_pair_counts_once_per_group(tmp_path: Path) -> None:
    rows = "x-1.jpg,x-2.jpg,1,g\n./x-2.jpg,x-1.jpg,1,g\nx-1.jpg,x-2.jpg,1,h\n"
    path = _list(tmp_path, f"a,b,same,group\n{rows}", "x-1.jpg", "x-2.jpg")
    assert [pair.group for pair in read_pairs(path, tmp_path, ["group"])] == ["g", "h"]


def test_self_pair_is_dropped_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = "x-1.jpg,./x-1.jpg,1\nx-1.jpg,x-2.jpg,1\nx-2.jpg,x-2.jpg,0\n"
    path = _list(tmp_path, f"a,b,same\n{rows}", "x-1.jpg", "x-2.jpg")
    assert read_pairs(path, tmp_path, ["group"]) == (Pair("x-1.jpg", "x-2.jpg", same=True),)
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


def _same(a: str, b: str) -> Pair:
    return Pair(a, b, same=True)


def _other(a: str, b: str) -> Pair:
    return Pair(a, b, same=False)


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


def test_known_same_strangers_contradict_nobody() -> None:
    who = identify([_other("korean/rm-1.jpg", "korean/rap-monster-1.jpg")])
    assert (who.corrected, who.contradictions) == (1, 0)


def test_similar_names_stay_two_people() -> None:
    who = identify([_other("japanese/rm-1.jpg", "korean/rap-monster-1.jpg"), _other("rm-1.jpg", "x-1.jpg")])
    assert who.corrected == 0


def test_every_correction_is_unique_and_explained() -> None:
    rows = (
        resources.files("benchmarks.acquisition")
        .joinpath("one_person.csv")
        .read_text(encoding="utf-8")
        .splitlines()
    )
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


def test_mixed_folder_identifies_nobody() -> None:
    genuine = [_same(f"korean/{who}{who}.jpg", f"korean/{who}.jpg") for who in "abcdef"]
    for strangers in ([], [_other("korean/a.jpg", "korean/b.jpg")]):
        with pytest.raises(BenchmarkError, match="neither names nor folders"):
            identify([*genuine, *strangers])


def test_picture_of_two_people_is_refused() -> None:
    listed = [
        Pair("1.jpg", "2.jpg", same=False, person_a="li"),
        Pair("1.jpg", "3.jpg", same=False, person_a="wu"),
    ]
    with pytest.raises(BenchmarkError, match=r"1\.jpg is listed as li and as wu"):
        identify(listed)


def test_same_named_strangers_forbid_formed_pairs() -> None:
    who = identify([_same("x-1.jpg", "x-2.jpg"), _other("x-1.jpg", "x-2.jpg")])
    assert who.contradictions == 1
    with pytest.raises(BenchmarkError, match="who is who"):
        who.must_tell()


def test_mostly_contradicted_names_are_rejected() -> None:
    listed = [_same(f"{number}a.jpg", f"{number}b.jpg") for number in range(20)]
    with pytest.raises(BenchmarkError, match="identity_a"):
        identify(listed)
