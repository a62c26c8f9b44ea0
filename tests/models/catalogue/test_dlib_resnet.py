"""dlib's file, read by our own reader: number by number, and beside dlib itself where it is installed."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.catalogue import catalogue, dlib_resnet, weights
from models.catalogue.dlib_resnet import Converter, Picture, Reader
from models.detect.align import align, layout_of
from models.errors import CatalogueError
from models.networks import known_face
from models.networks.build import Networks, session_on
from models.runtime.onnx_runtime import OrtSession
from models.runtime.session import to_tensor
from models.values.face import ImageBGR
from tests.models.conftest import ONE_THREAD, prepared

SPEC = catalogue.load().named("dlib-resnet-29")


@pytest.fixture(scope="module")
def published() -> bytes:
    return weights.source(SPEC, weights.cache_dir())


def whole(value: int) -> bytes:
    """A number as dlib writes it."""
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (128 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def text(value: str) -> bytes:
    return whole(len(value)) + value.encode()


def tensor(values: NDArray[np.float32]) -> bytes:
    sizes = values.shape + (1,) * (4 - values.ndim) if values.size else (0, 0, 0, 0)
    return b"".join(map(whole, (2, *sizes))) + values.astype("<f4").tobytes()


EMPTY = tensor(np.zeros(0, np.float32))
LEFT_BY_TRAINING = b"111" + EMPTY * 3


@given(
    st.integers(-(2**63), 2**63),
    st.integers(-(2**53), 2**53),
    st.integers(-300, 300),
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=40),
)
def test_numbers_come_back(value: int, mantissa: int, exponent: int, values: list[float]) -> None:
    numbers = np.array(values, np.float32)
    reader = Reader(whole(value) + whole(mantissa) + whole(exponent) + tensor(numbers))
    assert reader.whole() == value
    assert reader.real() == mantissa * 2.0**exponent
    assert np.array_equal(reader.tensor().ravel(), numbers)
    assert reader.at_end


@given(st.binary(max_size=60))
def test_any_bytes_end_or_err(data: bytes) -> None:
    for read in (Reader.whole, Reader.real, Reader.text, Reader.tensor, Reader.alias):
        try:
            found = read(Reader(data))
        except CatalogueError:
            continue
        longer = Reader(data + b"more")
        assert repr(read(longer)) == repr(found), "what follows is not read"
        assert not longer.at_end


def outcome(x: Picture, converter: Converter, **inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    ((name, values),) = inputs.items()
    graph = converter.graph.finished((name, ["N", *values.shape[1:]]), [(x.name, ["N", "C", "H", "W"])])
    return OrtSession(graph, "part", ONE_THREAD, [values.shape]).run(values)[x.name]


def test_sum_pads_either_side_with_zeros() -> None:
    converter = Converter(Reader(text("add_prev_") + LEFT_BY_TRAINING), "sum")
    values = np.random.default_rng(0).normal(size=(1, 2, 4, 3)).astype(np.float32)
    weight = converter.graph.weight
    axes = [weight(name, np.array([at], np.int64)) for name, at in (("from", 0), ("to", 1), ("of", 1))]
    small = converter.graph.add("Slice", ["in", *axes], "small")
    more = weight("more", np.array([0, 0, 0, 0, 0, 0, 0, 2], np.int64))
    wide = converter.graph.add("Pad", [small, more], "wide")
    out = converter.addition(Picture("in", 2, (4, 3)), Picture(wide, 1, (4, 5)))
    assert (out.channels, out.sides) == (2, (4, 5))
    expected = np.zeros((1, 2, 4, 5), np.float32)
    expected[:, :, :, :3] += values
    expected[:, :1, :, :3] += values[:, :1]
    assert np.allclose(outcome(out, converter, **{"in": values}), expected)


def test_layer_other_than_relu_is_refused() -> None:
    converter = Converter(Reader(text("sig_") + LEFT_BY_TRAINING), "another")
    with pytest.raises(CatalogueError, match="expected relu_, found 'sig_'"):
        converter.relu(Picture("in", 2, (4, 3)))


def test_sizeless_pooling_averages_whole_picture() -> None:
    data = text("avg_pool_2") + b"".join(map(whole, (0, 0, 1, 1, 0, 0))) + LEFT_BY_TRAINING
    converter = Converter(Reader(data), "mean")
    values = np.random.default_rng(0).normal(size=(1, 3, 4, 5)).astype(np.float32)
    out = converter.pooling(Picture("in", 3, (4, 5)), "avg_pool_2", "AveragePool")
    found = outcome(out, converter, **{"in": values})
    assert np.allclose(found[0, :, 0, 0], values[0].mean((1, 2)), atol=1e-6)


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda data: b"", "ends too early"),
    "a head": (lambda data: data[: len(data) // 10_000], "ends too early"),
    "a third": (lambda data: data[: len(data) // 3], "ends too early"),
    "all but the end": (lambda data: data[: int(0.999999 * len(data))], "ends too early"),
    "more": (lambda data: data + b"\x00", "goes on"),
    "another loss": (lambda data: data.replace(b"loss_metric_2", b"loss_other__2"), "loss_other__2"),
    "another layer": (lambda data: data.replace(b"add_prev_", b"mul_prev_"), "mul_prev_"),
}


@pytest.mark.parametrize(("damage", "match"), DAMAGE.values(), ids=DAMAGE)
def test_another_file_is_refused(published: bytes, damage: Callable[[bytes], bytes], match: str) -> None:
    with pytest.raises(CatalogueError, match=match):
        dlib_resnet.resnet_to_onnx(damage(published), "other")


@pytest.mark.skipif(importlib.util.find_spec("dlib") is None, reason="dlib-bin is not installed: no parity")
def test_dlib_itself_gives_the_same_descriptor(
    networks: Networks, people: dict[str, ImageBGR], published: bytes, tmp_path: Path
) -> None:
    import dlib as theirs  # noqa: PLC0415  # an extra of the benchmarks

    session = session_on(prepared(SPEC).read_bytes(), SPEC, ONE_THREAD)
    file = tmp_path / "resnet.dat"
    file.write_bytes(published)
    network = theirs.face_recognition_model_v1(str(file))
    noise = np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)
    chips = [known_face.draw_face(150, 150, scale=1.4, left=-3, top=-8), noise, np.zeros_like(noise)]
    layout = layout_of(SPEC)
    sides = [side for image in people.values() for side in (image, np.ascontiguousarray(image[:, ::-1]))]
    for side in sides:
        chips += [align(side, face.landmarks, layout).image_bgr for face in networks.detector.detect(side)]
    worst = 0.0
    for chip in chips:
        expected = np.array(network.compute_face_descriptor(np.ascontiguousarray(chip[:, :, ::-1])))
        found = session.run(to_tensor(chip, SPEC.input))["embedding"][0]
        worst = max(worst, float(np.abs(found - expected).max()))
    print(f"{len(chips)} chips, largest difference {worst:.2e}")
    assert worst <= 1e-5
