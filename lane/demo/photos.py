"""The photographs of demo and tests: fetched once from a package, by hash, never in the repository.

They are portraits of public office holders, works of the United States government, from the source
distribution of face_recognition 1.3.0 (MIT).
"""

import hashlib
from pathlib import Path

from lane.platform.errors import PhotosError
from models.catalogue import fetch as archives
from models.catalogue.weights import cache_dir, write_atomically
from models.errors import FetchError

_ARCHIVE = archives.Archive(
    "face_recognition==1.3.0",
    "face_recognition-1.3.0.tar.gz",
    "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
)
_INSIDE = "face_recognition-1.3.0/tests/test_images/"
SHA256 = {
    "biden.jpg": "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
    "obama.jpg": "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
    "obama2.jpg": "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
    "obama3.jpg": "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
}


def folder() -> Path:
    return cache_dir() / "photos"


def load(name: str) -> bytes:
    """One photograph as it was published. Raises PhotosError where it is missing or was changed."""
    path = folder() / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PhotosError(f"{path} is missing: run `python -m lane photos` once") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise PhotosError(f"{path}: expected sha256 {SHA256[name]}, found {found}")
    return content


def ready() -> bool:
    """True where every photograph is there, unchanged."""
    try:
        for name in SHA256:
            load(name)
    except PhotosError:
        return False
    return True


def fetch() -> Path:
    """Download the package, check its hash, keep the photographs. Raises PhotosError."""
    wanted = {_INSIDE + name: sha256 for name, sha256 in SHA256.items()}
    try:
        found = archives.take(_ARCHIVE, wanted, folder())
    except FetchError as error:
        raise PhotosError(f"the photographs could not be fetched: {error}") from error
    for name in SHA256:
        write_atomically(folder() / name, found[_INSIDE + name])
    return folder()
