"""The ways in which networks were seen to answer wrongly elsewhere; the start-up test notices each."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models.catalogue import catalogue
from models.catalogue.spec import NetworkSpec, Role
from models.catalogue.weights import prepared_path
from models.detect.detector import FaceDetector
from models.embed.embedder import FaceEmbedder
from models.errors import GoldenVectorError, InferenceError, WeightsChangedError, WeightsMissingError
from models.networks import known_face
from models.networks.build import Networks, build_networks
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.session import Session, Tensor
from tests.models.conftest import ONE_THREAD

DETECTOR = catalogue.load().for_role("detector")
MATCHER = catalogue.load().for_role("matcher")
MESH = catalogue.load().for_role("landmarks")
DRAWING_SHA256 = "2cd215f31901624f53971e444c8845f08faecdba429a089e31981ec48708ebd1"


Answers = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Changed:
    """A session whose input or output something has changed."""

    session: Session
    before: Callable[[Tensor], Tensor] = lambda tensor: tensor
    after: Answers = lambda outputs: outputs

    @property
    def provider(self) -> str:
        return self.session.provider

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        return self.after(self.session.run(self.before(tensor)))


@pytest.fixture(scope="module")
def detector_session(prepared_file: Callable[[Role], Path]) -> OrtSession:
    shapes = [(1, 3, height, width) for width, height in DETECTOR.input.shapes]
    return OrtSession(prepared_file("detector").read_bytes(), "detector", ONE_THREAD, shapes)


def check_matcher(session: Session, spec: NetworkSpec = MATCHER) -> None:
    known_face.check_embedder(FaceEmbedder(spec, session, "0" * 64), MATCHER.golden)


def check_detector(session: Session, spec: NetworkSpec = DETECTOR) -> None:
    known_face.check_detector(FaceDetector(spec, session), DETECTOR.golden)


def test_drawing_has_same_bytes_everywhere() -> None:
    pixels = known_face.draw_face(320, 256, scale=1.5, left=76, top=38)
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == DRAWING_SHA256


def test_networks_as_they_should_be_pass(detector_session: OrtSession, matcher_session: OrtSession) -> None:
    check_detector(detector_session)
    check_matcher(matcher_session)
    assert len(MATCHER.golden) == 128


def test_fp32_answer_never_passes_as_bf16(matcher_session: OrtSession) -> None:
    # to 8 bits of mantissa, as each number on its way through the network is
    lossy = of_each(lambda tensor: ((tensor.view(np.uint32) + 0x8000) & 0xFFFF0000).view(np.float32))
    in_fp32 = FaceEmbedder(MATCHER, matcher_session, "0" * 64)
    with pytest.raises(GoldenVectorError, match="does not run in bfloat16"):
        known_face.check_rounded(in_fp32, MATCHER.golden)
    known_face.check_rounded(
        FaceEmbedder(MATCHER, Changed(matcher_session, after=lossy), "0" * 64), MATCHER.golden
    )


def test_changed_colour_order_is_noticed(detector_session: OrtSession, matcher_session: OrtSession) -> None:
    with pytest.raises(GoldenVectorError):
        check_matcher(matcher_session, replace(MATCHER, input=replace(MATCHER.input, colour="bgr")))
    with pytest.raises(GoldenVectorError):
        check_detector(detector_session, replace(DETECTOR, input=replace(DETECTOR.input, colour="rgb")))


def quantised_badly(graph: bytes, levels: int) -> bytes:
    """Weights rounded to a few levels with one scale for a whole tensor, as the broken INT8 file's were."""
    model = onnx.load_from_string(graph)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim >= 2 and values.dtype == np.float32:
            step = np.abs(values).max() / levels
            rounded = (np.round(values / step) * step).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(rounded, tensor.name))
    rewritten: bytes = model.SerializeToString()
    return rewritten


@pytest.mark.parametrize("levels", [127, 15])
def test_quantisation_broken_matcher_is_noticed(prepared_file: Callable[[Role], Path], levels: int) -> None:
    broken = quantised_badly(prepared_file("matcher").read_bytes(), levels)
    session = OrtSession(broken, "broken", ONE_THREAD, [(1, 3, 112, 112)])
    with pytest.raises(GoldenVectorError, match="cosine"):
        check_matcher(session)


def of_each(change: Callable[[Tensor], Tensor], name: str = "") -> Answers:
    """Changes every output whose name has this in it."""
    return lambda outputs: {key: change(value) if name in key else value for key, value in outputs.items()}


def reordered(*order: int) -> Answers:
    points = list(order)
    return of_each(lambda kps: kps.reshape(1, -1, 5, 2)[:, :, points].reshape(kps.shape), "kps")


WRONG_MATCHERS: dict[str, dict[str, Any]] = {
    "blue for red": {"before": lambda tensor: np.ascontiguousarray(tensor[:, ::-1])},
    "normalised twice": {"before": lambda tensor: ((tensor - 127.5) / 128).astype(np.float32)},
    "0 to 1": {"before": lambda tensor: (tensor / 255).astype(np.float32)},
    "mirrored": {"before": lambda tensor: np.ascontiguousarray(tensor[..., ::-1])},
    "width and height swapped": {"before": lambda tensor: np.ascontiguousarray(tensor.transpose(0, 1, 3, 2))},
    "finds everybody alike": {"after": of_each(np.ones_like)},
}


@pytest.mark.parametrize("name", WRONG_MATCHERS)
def test_wrong_matcher_is_noticed(matcher_session: OrtSession, name: str) -> None:
    with pytest.raises(GoldenVectorError, match="cosine"):
        check_matcher(Changed(matcher_session, **WRONG_MATCHERS[name]))


def test_other_matcher_shows_by_size(matcher_session: OrtSession) -> None:
    longer = Changed(matcher_session, after=of_each(lambda value: np.hstack([value, value])))
    with pytest.raises(InferenceError, match=r"\(1, 256\).*expected \[\(1, 128\)\]"):
        check_matcher(longer)


@pytest.mark.parametrize(
    ("after", "match"),
    [
        (reordered(1, 0, 2, 4, 3), "moved by"),
        (reordered(0, 1, 2, 4, 3), "moved by"),
        (reordered(2, 0, 1, 3, 4), "moved by"),
        (of_each(np.zeros_like), "0 faces"),
    ],
    ids=["left first", "mouth", "nose first", "blind"],
)
def test_wrong_detector_is_noticed(detector_session: OrtSession, after: Answers, match: str) -> None:
    with pytest.raises(GoldenVectorError, match=match):
        check_detector(Changed(detector_session, after=after))


def test_a_running_lane_can_ask_again(networks: Networks) -> None:
    networks.self_test()
    networks.check_files()
    assert networks.embedder.identity.sha256 == MATCHER.sha256


def test_wrong_files_build_no_networks(tmp_path: Path, prepared_file: Callable[[Role], Path]) -> None:
    with pytest.raises(WeightsMissingError, match="models prepare"):
        build_networks(RuntimeSettings(threads=1), tmp_path)
    for spec in (DETECTOR, MESH, MATCHER):
        target = prepared_path(spec, tmp_path)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(prepared_file(spec.role).read_bytes())
    with prepared_path(MATCHER, tmp_path).open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\x00\x01\x02\x03")
    with pytest.raises(WeightsChangedError, match=MATCHER.sha256):
        build_networks(RuntimeSettings(threads=1), tmp_path)
