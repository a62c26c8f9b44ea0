"""What a user would pick instead, on single pictures: its own locations and encodings, our choice of face."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.acquire import Failure
from benchmarks.peers import FACE_RECOGNITION, FRAMES, INSTALL, FaceRecognitionLooker
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
def test_of_several_faces_the_same_rule_chooses_as_for_the_lane(
    weights: Path, face: str, place: Place
) -> None:
    looker = FaceRecognitionLooker(_Library(CORNER, CENTRE), weights, face)
    found = looker.look(PICTURE)[FACE_RECOGNITION]
    assert not isinstance(found, Failure)
    assert tuple(found) == place


def test_a_picture_without_a_face_is_a_failure_to_acquire(weights: Path) -> None:
    looker = FaceRecognitionLooker(_Library(CENTRE), weights, "prominent")
    assert looker.look(np.zeros_like(PICTURE))[FACE_RECOGNITION] == Failure("no_face")


def test_a_capture_is_the_mean_of_the_first_frames_with_a_face(weights: Path) -> None:
    looker = FaceRecognitionLooker(_Library(CENTRE), weights, "prominent")
    empty = np.zeros_like(PICTURE)
    found = looker.capture(iter([empty, *[PICTURE] * FRAMES]), 0.2)[FACE_RECOGNITION]
    assert not isinstance(found, Failure)
    assert tuple(found) == CENTRE
    few = looker.capture(iter([empty, *[PICTURE] * (FRAMES - 1)]), 0.2)[FACE_RECOGNITION]
    assert few == Failure("no_face")


def test_the_installed_library_knows_a_person_again_or_says_how_to_get_it(photos: Path) -> None:
    looker = FaceRecognitionLooker.load("prominent")
    if find_spec(FACE_RECOGNITION) is None:
        assert looker == INSTALL
        return
    assert not isinstance(looker, str)
    one, again, other = (
        looker.look(read(photos / f"{name}.jpg"))[FACE_RECOGNITION] for name in ("obama", "obama2", "biden")
    )
    assert not isinstance(one, Failure)
    assert not isinstance(again, Failure)
    assert not isinstance(other, Failure)
    assert np.linalg.norm(one - again) < 0.6 < np.linalg.norm(one - other)
