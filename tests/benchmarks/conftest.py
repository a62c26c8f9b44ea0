"""What the tests of benchmarks share."""

from pathlib import Path

import pytest

from benchmarks.harness.drawn_frames import Walk, holder
from lane.capture.measuring import Measurer


@pytest.fixture(scope="session")
def walk(measurer: Measurer, photos: Path) -> Walk:
    """The demo's holder before the camera, drawn once."""
    return holder(measurer)
