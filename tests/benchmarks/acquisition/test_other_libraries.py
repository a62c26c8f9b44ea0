"""What a user would pick instead: used as it comes, skipped where it is not there, never fetched."""

import re
import socket
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.acquisition.acquire import Failure
from benchmarks.acquisition.other_libraries import (
    FACE_RECOGNITION,
    FRAMES,
    INSTALL,
    LIBRARIES,
    DeepFace,
    FaceRecognitionEncoder,
    InsightFace,
    OpenCV,
    load,
    offline,
)
from benchmarks.errors import BenchmarkError, LibraryMissingError
from models.image import read

Place = tuple[int, int, int, int]


class _Library:
    """Finds what its test says, and encodes a place by its numbers."""

    def __init__(self, *places: Place) -> None:
        self._places = list(places)

    def face_locations(self, rgb: NDArray[np.uint8]) -> list[Place]:
        return [] if rgb.max() == 0 else self._places

    def face_encodings(self, rgb: NDArray[np.uint8], places: list[Place]) -> list[NDArray[np.float64]]:
        return [np.array(place, np.float64) for place in places]


CORNER, CENTRE = (0, 60, 60, 0), (90, 140, 140, 90)
PICTURE = np.full((230, 230, 3), 9, np.uint8)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.dat"
    path.write_bytes(b"weights")
    return path


@pytest.mark.parametrize(("face", "place"), [("prominent", CENTRE), ("largest", CORNER), ("central", CENTRE)])
def test_face_choice_rule_matches_lane(weights: Path, face: str, place: Place) -> None:
    encoder = FaceRecognitionEncoder(_Library(CORNER, CENTRE), weights, face)
    found = encoder.encode(PICTURE)[FACE_RECOGNITION]
    assert not isinstance(found, Failure)
    assert tuple(found) == place


def test_capture_averages_first_face_frames(weights: Path) -> None:
    """Too few of them, or none on a picture, are a failure to acquire."""
    encoder = FaceRecognitionEncoder(_Library(CENTRE), weights, "prominent")
    empty = np.zeros_like(PICTURE)
    assert encoder.encode(empty)[FACE_RECOGNITION] == Failure("no_face")
    found = encoder.encode_capture(iter([empty, *[PICTURE] * FRAMES]), 0.2)[FACE_RECOGNITION]
    assert not isinstance(found, Failure)
    assert tuple(found) == CENTRE
    few = encoder.encode_capture(iter([empty, *[PICTURE] * (FRAMES - 1)]), 0.2)[FACE_RECOGNITION]
    assert few == Failure("no_face")


def test_library_recognises_or_tells_installation(photos: Path) -> None:
    if find_spec(FACE_RECOGNITION) is None:
        with pytest.raises(LibraryMissingError, match=re.escape(INSTALL)):
            FaceRecognitionEncoder.load("prominent")
        return
    encoder = FaceRecognitionEncoder.load("prominent")
    pictures = (read(photos / f"{name}.jpg") for name in ("obama", "obama2", "biden"))
    one, again, other = (np.asarray(encoder.encode(picture)[FACE_RECOGNITION]) for picture in pictures)
    assert np.linalg.norm(one - again) < 0.6 < np.linalg.norm(one - other)


def test_opencv_recognises_person_only(photos: Path) -> None:
    peer = load("opencv", read(photos / "obama.jpg"))
    assert isinstance(peer, OpenCV)
    assert peer.recognises(read(photos / "obama2.jpg"))
    assert not peer.recognises(read(photos / "biden.jpg"))
    assert not peer.recognises(np.zeros((480, 640, 3), np.uint8))


@pytest.mark.parametrize(
    ("name", "folder", "files"),
    [
        ("insightface", ".insightface/models/buffalo_l", InsightFace.WEIGHTS),
        ("deepface", ".deepface/weights", DeepFace.WEIGHTS),
    ],
)
def test_library_without_weights_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: str, files: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DEEPFACE_HOME", raising=False)
    if find_spec(name) is None:
        with pytest.raises(LibraryMissingError, match="not installed"):
            load(name, PICTURE)
    installed = tmp_path / "site" / name
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("raise RuntimeError('imported')")
    (installed / "app.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(LibraryMissingError, match="never fetched") as missing:
        load(name, PICTURE)
    assert files[0] in str(missing.value)
    assert str(tmp_path) not in str(missing.value)  # a result names no home folder
    (tmp_path / folder).mkdir(parents=True)
    for file in files:
        (tmp_path / folder / file).write_bytes(b"weights")
    with pytest.raises(BenchmarkError, match="imported"):
        load(name, PICTURE)


def test_network_access_is_stopped() -> None:
    with offline(), socket.socket() as one:
        with pytest.raises(BenchmarkError, match="never fetched"):
            socket.create_connection(("localhost", 9))
        with pytest.raises(BenchmarkError, match="never fetched"):
            one.connect(("127.0.0.1", 9))
    with socket.socket() as one, pytest.raises(OSError, match="refused"):
        one.connect(("127.0.0.1", 9))


@pytest.mark.parametrize(
    ("shape", "says"), [((480, 640, 3), "no face on the document"), ((2,), "opencv does not work here")]
)
def test_a_library_that_fails_is_named(shape: tuple[int, ...], says: str) -> None:
    assert set(LIBRARIES) == {"face_recognition", "opencv", "insightface", "deepface"}
    with pytest.raises(BenchmarkError, match=says):
        load("opencv", np.zeros(shape, np.uint8))
