"""What the tests of `models` share: prepared files, sessions on one thread, photographs as pixels."""

from collections.abc import Callable
from pathlib import Path

import pytest

from models.catalogue import catalogue, weights
from models.catalogue.spec import Role
from models.image import read
from models.runtime.onnx_runtime import RuntimeSettings
from models.values.face import ImageBGR

ONE_THREAD = RuntimeSettings(threads=1)
PEOPLE = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg")


@pytest.fixture(scope="session")
def prepared_file() -> Callable[[Role], Path]:
    """The path of a role's prepared file, made now where it is missing."""
    specs, cache = catalogue.load(), weights.cache_dir()
    return lambda role: weights.prepare(specs.for_role(role), cache).path


@pytest.fixture(scope="session")
def people(photos: Path) -> dict[str, ImageBGR]:
    """The photographs of the fixture `photos`, decoded."""
    return {name: read(photos / name) for name in PEOPLE}


@pytest.fixture(params=PEOPLE)
def photograph(people: dict[str, ImageBGR], request: pytest.FixtureRequest) -> ImageBGR:
    """Each of them."""
    return people[request.param]
