"""bfloat16 beside fp32: who does not run here is named, and who answers otherwise ends the run."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import read
from benchmarks.limits.rounding import FULL, Contender, _must_agree, cosine_of, drawings
from models.runtime.onnx_runtime import OrtSession
from models.runtime.session import Tensor
from tests.support.benchmarks.command_line import run_here


@pytest.mark.thorough
def test_batches_timed_failures_named(tmp_path: Path) -> None:
    out = tmp_path / "rounding.json"
    done = run_here("rounding", "--threads", "1", "--turns", "4", "--json", str(out))
    assert done.returncode == 0, done.stderr
    result = read(out)
    for batch in ("1 crop", "2 crops"):
        assert result[batch, FULL, "times as fast"].number == 1
        assert result[batch, FULL].n == 4
    measured, missing = {one.name[1] for one in result.under("1 crop")}, result.not_available.keys()
    assert measured | missing == {FULL, "fp32 on OpenVINO", "bf16 on OpenVINO"}
    assert not measured & missing
    assert isinstance(arithmetic := result.settings["arithmetic"], dict)
    assert arithmetic.keys() == measured


class Answering:
    """A matcher that says the same of every crop."""

    def __init__(self, *numbers: float) -> None:
        self._answer = np.array([numbers], np.float32)

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        return {"answer": self._answer}


def contender(name: str, *numbers: float) -> Contender:
    session: OrtSession = Answering(*numbers)  # type: ignore[assignment]
    return Contender(name, session, "fp32")


def test_deviating_answer_ends_run() -> None:
    batch = [np.zeros((1, 3, 2, 2), np.float32)]
    _must_agree([contender("one", 1, 2), contender("near", 1, 2.01)], batch)
    with pytest.raises(BenchmarkError, match="far answers otherwise than one"):
        _must_agree([contender("one", 1, 2), contender("far", 1, 2.2)], batch)


def test_other_names_or_shapes_differ() -> None:
    ones = np.ones((1, 4), np.float32)
    assert cosine_of({"y": ones}, {"y": ones}) == pytest.approx(1)
    for other in ({"z": ones}, {"y": ones[:, :3]}, {"y": 0 * ones}, {"y": np.nan * ones}):
        assert cosine_of({"y": ones}, other) == -1


def test_drawings_differ_and_are_reproducible() -> None:
    drawn, again = (list(drawings(112, 112)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))
    assert len({image.tobytes() for image in drawn}) == len(drawn) == 28
    assert {image.shape for image in drawn} == {(112, 112, 3)}
