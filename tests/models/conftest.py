"""What the tests of `models` share: prepared files, sessions on one thread, photographs as pixels."""

from functools import cache
from pathlib import Path

import pytest

from models.catalogue import weights
from models.catalogue.spec import NetworkSpec
from models.image import read
from models.runtime.onnx_runtime import RuntimeSettings
from models.values.face import ImageBGR

ONE_THREAD = RuntimeSettings(threads=1)
PEOPLE = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg")


@cache
def prepared(spec: NetworkSpec) -> Path:
    """Its prepared file, made now where it is missing."""
    return weights.prepare(spec, weights.cache_dir()).path


@pytest.fixture(scope="session")
def people(photos: Path) -> dict[str, ImageBGR]:
    """The photographs of the fixture `photos`, decoded."""
    return {name: read(photos / name) for name in PEOPLE}


@pytest.fixture(params=PEOPLE)
def photograph(people: dict[str, ImageBGR], request: pytest.FixtureRequest) -> ImageBGR:
    """Each of them."""
    return people[request.param]
