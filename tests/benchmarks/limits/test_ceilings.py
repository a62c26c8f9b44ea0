"""Ceilings answer rightly and end with what they started; never how fast they are."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.limits import ceilings
from benchmarks.limits.ceilings import Ceiling
from models.convert.onnx_graph import GraphBuilder
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import CPU
from tests.support.processes import children_of

ON_CPU = RuntimeSettings("cpu", CPU, 1)


def test_every_ceiling_takes_time_and_what_is_not_there_says_why() -> None:
    with ceilings.ceilings(ON_CPU, 2) as highest:
        assert [one.name for one in highest.products] == ["onnxruntime", "numpy"]
        assert {one.name for one in highest.reduced} | highest.missing.keys() == {"int8", "bf16"}
        for one in highest.every:
            assert one.time_ns() > 0
        assert all("not available here" in why for why in highest.missing.values())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for children")
def test_no_process_stays() -> None:
    before = children_of(os.getpid())
    with ceilings.by_numpy(1) as product:
        assert product.amount == 2 * 1024**3
        assert children_of(os.getpid()) > before
    assert children_of(os.getpid()) <= before


def test_a_copy_is_whole_whoever_does_which_part() -> None:
    with ThreadPoolExecutor(3) as pool:
        copy = ceilings.copied(pool, 3)
        assert copy.amount == 2 * ceilings.COPIED_BYTES
        assert copy.time_ns() > 0


def test_a_device_copies_in_a_graph_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "SIDE_ON_DEVICE", 64)
    copy = ceilings.copied_on_device(ON_CPU)
    assert copy.amount == 19 * 64 * 64 * 4
    assert copy.time_ns() > 0


def test_products_of_a_device_are_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "SIDE_ON_DEVICE", 64)
    product = ceilings.on_runtime(ON_CPU, on_device=True)
    assert product.amount == 2 * ceilings.CHAINED_ON_DEVICE * 64**3
    assert product.time_ns() > 0


def test_a_wrong_product_is_not_timed() -> None:
    builder = GraphBuilder("wrong")
    mean = builder.add("Mul", ["x", builder.weight("two", np.full((1, 1), 2, np.float32))], "mean")
    session = OrtSession(builder.finished(("x", (1, 1)), [(mean, (1, 1))]), "two", ON_CPU, [(1, 1)])
    assert Ceiling("two", 1, ceilings._checked(session, 2.0, 1e-3)).time_ns() > 0
    with pytest.raises(BenchmarkError, match="worth nothing"):
        ceilings._checked(session, 3.0, 1e-3)
