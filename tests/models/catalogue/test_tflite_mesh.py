"""The converted landmark network beside OpenCV's own reader of the published file, and step by step."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.catalogue import catalogue, tflite_mesh, weights
from models.catalogue.tflite_mesh import Converter, Step, Table, Value
from models.errors import CatalogueError
from models.networks.build import session_on
from models.runtime.onnx_runtime import OrtSession
from tests.models.conftest import ONE_THREAD
from tests.support import tiers

SPEC = catalogue.load().for_role("landmarks")
Numbers = NDArray[np.float32]


@pytest.fixture(scope="module")
def published() -> bytes:
    return weights.source(SPEC, weights.cache_dir())


def options(**fields: int) -> Table:
    """A FlatBuffer table of 32-bit numbers, `f2=…` being field 2."""
    numbers = {int(name[1:]): value for name, value in fields.items()}
    count = max(numbers, default=0) + 1
    body, entries = b"", []
    for field in range(count):
        entries.append(4 + len(body) if field in numbers else 0)
        body += struct.pack("<i", numbers[field]) if field in numbers else b""
    vtable = struct.pack(f"<HH{count}H", 4 + 2 * count, 4 + len(body), *entries)
    return Table(vtable + struct.pack("<i", len(vtable)) + body, len(vtable))


def run(code: int, chosen: Table | None, picture: Numbers, *constants: NDArray[np.generic]) -> Numbers:
    """What the converted step makes of a picture in TFLite's order, N×H×W×C, in the same order."""
    converter = Converter("one-step")
    converter.convert(Step(code, chosen, values(picture, *constants), Value("out", (), None)))
    _, height, width, channels = picture.shape
    graph = converter.graph.finished(("in", ["N", channels, height, width]), [("out", ["N", "C", "H", "W"])])
    session = OrtSession(graph, "one step", ONE_THREAD, [(1, channels, height, width)])
    planes = np.ascontiguousarray(picture.transpose(0, 3, 1, 2))
    return session.run(planes)["out"].transpose(0, 2, 3, 1)


def values(picture: Numbers, *constants: NDArray[np.generic]) -> tuple[Value, ...]:
    named = [Value(f"c{number}", array.shape, array) for number, array in enumerate(constants)]
    return (Value("in", picture.shape, None), *named)


def picture(height: int, width: int, channels: int) -> Numbers:
    rng = np.random.default_rng(height * 100 + width)
    return rng.normal(size=(1, height, width, channels)).astype(np.float32)


def windows(image: Numbers, size: int, stride: int, fill: float) -> NDArray[np.float64]:
    """Every window that TFLite's SAME padding gives: out_h, out_w, size, size, channels."""
    _, height, width, _ = image.shape
    rows, columns = -(-height // stride), -(-width // stride)
    down = max((rows - 1) * stride + size - height, 0)
    across = max((columns - 1) * stride + size - width, 0)
    padded = np.pad(
        image[0].astype(np.float64),
        [(down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0)],
        constant_values=fill,
    )
    views = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (0, 1))
    return views[::stride, ::stride][:rows, :columns].transpose(0, 1, 3, 4, 2)


SHAPES = (st.integers(3, 9), st.integers(3, 9), st.sampled_from([1, 2, 3]), st.sampled_from([1, 2]))


@settings(max_examples=tiers.examples(30))
@given(*SHAPES)
def test_windows_pad_as_tflite_does(height: int, width: int, size: int, stride: int) -> None:
    """A convolution over all channels, one that keeps them apart, and a pooling without padding."""
    image, steps = picture(height, width, 3), {"f0": tflite_mesh.SAME, "f1": stride, "f2": stride}
    rng, bias = np.random.default_rng(1), np.array([0.5, -1, 2], np.float32)
    kernel, apart = (rng.normal(size=(n, size, size, 3)).astype(np.float32) for n in (3, 1))
    padded = windows(image, size, stride, 0)
    found = run(3, options(**steps), image, kernel, bias)
    assert np.allclose(found[0], np.einsum("hwabc,oabc->hwo", padded, kernel) + bias, atol=1e-4)
    found = run(4, options(**steps, f3=1), image, apart, np.zeros(3, np.float32))
    assert np.allclose(found[0], np.einsum("hwabc,abc->hwc", padded, apart[0]), atol=1e-4)
    found = run(17, options(**steps, f3=size, f4=size), image)
    assert np.allclose(found[0], windows(image, size, stride, -np.inf).max((2, 3)))


def test_prelu_bends_each_channel_separately() -> None:
    image = picture(4, 5, 3)
    slopes = np.array([-0.8, 0.25, 1.1], np.float32).reshape(1, 1, 3)
    found = run(54, None, image, slopes)
    assert np.allclose(found, np.where(image > 0, image, slopes * image), atol=1e-6)


def test_padding_reaches_its_axis() -> None:
    image = picture(4, 5, 2)
    amounts = np.array([[0, 0], [1, 2], [3, 0], [0, 4]], np.int32)
    found = run(34, None, image, amounts)
    assert np.array_equal(found, np.pad(image, amounts.tolist()))


@pytest.mark.parametrize(
    ("code", "chosen", "match"),
    [
        (3, options(f0=0, f1=1, f2=1, f3=1), "activation"),
        (3, options(f0=0, f1=1, f2=1, f4=2, f5=2), "dilation"),
        (4, options(f0=0, f1=1, f2=1, f4=1), "activation"),
        (17, options(f0=0, f1=1, f2=1, f3=2, f4=2, f5=3), "activation"),
        (9, options(), "operator 9 is not supported"),
    ],
)
def test_unknown_operator_is_refused(code: int, chosen: Table, match: str) -> None:
    with pytest.raises(CatalogueError, match=match):
        run(code, chosen, picture(4, 4, 1), np.ones((1, 1, 1, 1), np.float32), np.zeros(1))


def test_picture_dependent_kernel_is_refused() -> None:
    image = Value("in", (1, 4, 4, 1), None)
    step = Step(3, options(f0=0, f1=1, f2=1), (image, image, image), Value("out", (), None))
    with pytest.raises(CatalogueError, match="expected a constant"):
        Converter("refused").convert(step)


def test_network_matches_opencv(published: bytes, tmp_path: Path) -> None:
    file = tmp_path / "face_landmark.tflite"
    file.write_bytes(published)
    theirs = cv2.dnn.readNetFromTFLite(str(file))
    ours = session_on(tflite_mesh.mesh_to_onnx(published, "mesh"), SPEC, ONE_THREAD)
    for seed in range(3):
        tensor = np.random.default_rng(seed).random((1, 3, 192, 192), np.float32)
        theirs.setInput(tensor)
        found = ours.run(tensor)
        expected = theirs.forward("conv2d_21").reshape(468, 3)
        assert np.abs(found["landmarks"][0] - expected).max() < 1e-3  # px, of 192
