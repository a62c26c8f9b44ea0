"""Lists of pairs: what is read, what is refused, who is in them."""

from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.pairs import Pair, every_impostor, names_tell, people, person, read_pairs


def _list(folder: Path, text: str, *pictures: str) -> Path:
    for name in pictures:
        (folder / name).touch()
    path = folder / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_pairs_and_their_group(tmp_path: Path) -> None:
    path = _list(tmp_path, "a,b,same,sex,group\nx-1.jpg,x-2.jpg,1,F,g\n", "x-1.jpg", "x-2.jpg")
    assert read_pairs(path, tmp_path, "group") == (Pair("x-1.jpg", "x-2.jpg", same=True, group="g"),)
    assert read_pairs(path, tmp_path, "sex")[0].group == "F"
    assert not read_pairs(path, tmp_path, "age")[0].group


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\nx-1.jpg,x-1.jpg\n", "missing: ['same']"),
        ("a,b,same\nx-1.jpg,x-1.jpg,yes\n", "line 2"),
        ("a,b,same\nx-1.jpg\n", "line 2"),
        ("a,b,same\n", "no pairs"),
        ("a,b,same\nx-1.jpg,gone.jpg,0\n", "gone.jpg is missing"),
        ("", "needs the columns"),
    ],
)
def test_a_list_that_cannot_be_used_is_named_with_its_fault(tmp_path: Path, text: str, says: str) -> None:
    path = _list(tmp_path, text, "x-1.jpg")
    with pytest.raises(BenchmarkError) as error:
        read_pairs(path, tmp_path, "group")
    assert says in str(error.value)


def test_a_person_is_folder_and_name_without_the_number() -> None:
    assert person("lfw/Li_Na/Li_Na_0001.jpg") == person("lfw/Li_Na/Li_Na_0002.jpg")
    assert person("chinese/li-na-1.jpg") == "chinese/li-na"
    assert person("casia/003/003_1.png") != person("casia/004/004_1.png")


def test_names_that_contradict_the_list_tell_nothing() -> None:
    same = Pair("x-1.jpg", "x-2.jpg", same=True, group="")
    assert names_tell([same])
    assert not names_tell([same, Pair("x-1.jpg", "x-2.jpg", same=False, group="")])
    assert people([same, Pair("x-1.jpg", "y-2.jpg", same=False, group="")]) == 2


def test_every_impostor_stays_within_a_group_and_comes_once() -> None:
    listed = [
        Pair("x-1.jpg", "x-2.jpg", same=True, group="g"),
        Pair("x-1.jpg", "y-1.jpg", same=False, group="g"),
        Pair("z-1.jpg", "z-2.jpg", same=True, group="h"),
    ]
    found = {(pair.a, pair.b) for pair in every_impostor(listed)}
    assert found == {("x-1.jpg", "y-1.jpg"), ("x-2.jpg", "y-1.jpg")}
