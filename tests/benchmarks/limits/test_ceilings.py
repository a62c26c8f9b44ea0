"""Ceilings answer rightly and end with what they started; never how fast they are."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError, CeilingError
from benchmarks.limits import ceilings
from benchmarks.limits import numpy_product as product
from benchmarks.limits.ceilings import Ceiling
from models.catalogue.onnx_graph import GraphBuilder
from models.errors import ProviderError
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import CPU
from models.runtime.session import Tensor
from tests.support.processes import children_of

ON_CPU = RuntimeSettings("cpu", CPU, 1)


def test_ceilings_take_time_or_say_why() -> None:
    with ceilings.ceilings(ON_CPU, 2) as highest:
        assert [one.name for one in highest.products] == ["onnxruntime", "numpy"]
        assert {one.name for one in highest.reduced} | highest.missing.keys() == {"int8", "bf16"}
        for one in highest.every:
            assert one.time_ns() > 0
        assert all("not available here" in why for why in highest.missing.values())


class WithoutVnni(OrtSession):
    """Answers the product in int8 as a processor with AVX2 and without VNNI does, on every processor."""

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        answer = super().run(tensor)
        if self.name != "the matrix product in int8":
            return answer
        return dict.fromkeys(answer, np.full((1, 1), -249591.625, np.float32))


def test_saturating_product_missing_others_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "OrtSession", WithoutVnni)
    with ceilings.ceilings(ON_CPU, 1) as highest:
        assert "int8" not in {one.name for one in highest.every}
        assert highest.missing["int8"].startswith(
            "not available here: the matrix product in int8 is -249591.62, not -262762.19"
        )
        assert "without VNNI" in highest.missing["int8"]
        assert [one.name for one in highest.products] == ["onnxruntime", "numpy"]
        assert all(one.time_ns() > 0 for one in highest.every)


def test_bfloat16_is_not_imitated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")  # no processor has it then
    with pytest.raises(ProviderError, match="may take bfloat16 from the runtime"):
        ceilings.of_bf16(1)


def test_product_beyond_numpy_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "PRODUCT", ("-c", "raise SystemExit(3)"))
    with ceilings.ceilings(ON_CPU, 1) as highest:
        assert [one.name for one in highest.products] == ["onnxruntime"]
        assert highest.missing["numpy"].startswith("not available here: numpy's matrix product ended with 3")


def test_numpy_explains_wrong_product(monkeypatch: pytest.MonkeyPatch) -> None:
    one = np.ones((2, 2), np.float32)
    assert isinstance(product.timed(one, one, 8.0), int)
    wrong = product.timed(one, one, 9.0)
    assert wrong == "numpy's matrix product sums to 8, not 9: timing it is worth nothing"
    monkeypatch.setattr(ceilings, "PRODUCT", ("-c", f"input(); print({wrong!r})"))
    with pytest.raises(CeilingError, match="sums to 8, not 9"), ceilings.by_numpy(1):
        pass


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for children")
def test_no_process_stays() -> None:
    before = children_of(os.getpid())
    with ceilings.by_numpy(1) as product:
        assert product.amount == 2 * 1024**3
        assert children_of(os.getpid()) > before
    assert children_of(os.getpid()) <= before


def test_copy_is_whole_and_of_a_device_as_large_as_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(3) as pool:
        copy = ceilings.copied(pool, 3)
        assert copy.amount == 2 * ceilings.COPIED_BYTES
        assert copy.time_ns() > 0
    monkeypatch.setattr(ceilings, "SIDE_ON_DEVICE", 64)
    copy, product = ceilings.copied_on_device(ON_CPU), ceilings.on_runtime(ON_CPU, on_device=True)
    assert copy.amount == 19 * 64 * 64 * 4
    assert product.amount == 2 * ceilings.CHAINED_ON_DEVICE * 64**3
    assert copy.time_ns() > 0
    assert product.time_ns() > 0


def test_a_wrong_product_is_not_timed() -> None:
    builder = GraphBuilder("wrong")
    mean = builder.add("Mul", ["x", builder.weight("two", np.full((1, 1), 2, np.float32))], "mean")
    session = OrtSession(builder.finished(("x", (1, 1)), [(mean, (1, 1))]), "two", ON_CPU, [(1, 1)])
    assert Ceiling("two", 1, ceilings._checked(session, 2.0, 1e-3)).time_ns() > 0
    with pytest.raises(BenchmarkError, match="worth nothing"):
        ceilings._checked(session, 3.0, 1e-3)
