"""The ways in which networks were seen to answer wrongly elsewhere; the start-up test notices each."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models.catalogue import catalogue
from models.catalogue.spec import NetworkSpec
from models.catalogue.weights import prepared_path
from models.detect.detector import FaceDetector
from models.detect.face_mesh import FaceMesh
from models.embed.template import FaceEmbedder
from models.errors import GoldenVectorError, InferenceError, WeightsChangedError, WeightsMissingError
from models.networks import known_face
from models.networks.build import Networks, build_networks, session_on
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.session import Session, Tensor
from tests.models.conftest import ONE_THREAD, prepared

CATALOGUE = catalogue.load()
DETECTOR, MATCHER = CATALOGUE.for_role("detector"), CATALOGUE.for_role("matcher")
MESH, DLIB = CATALOGUE.for_role("landmarks"), CATALOGUE.named("dlib-resnet-29")
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


@cache
def session_of(spec: NetworkSpec) -> OrtSession:
    return session_on(prepared(spec).read_bytes(), spec, ONE_THREAD)


def check(spec: NetworkSpec, session: Session) -> None:
    """As a lane's start does."""
    if spec.role == "detector":
        known_face.check_detector(FaceDetector(spec, session), spec.golden)
    elif spec.role == "landmarks":
        known_face.check_mesh(FaceMesh(spec, session), spec.golden)
    else:
        known_face.check_embedder(FaceEmbedder(spec, session, "0" * 64), spec.golden)


def test_drawing_has_same_bytes_everywhere() -> None:
    pixels = known_face.draw_face(320, 256, scale=1.5, left=76, top=38)
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == DRAWING_SHA256


@pytest.mark.parametrize("spec", [DETECTOR, MESH, MATCHER, DLIB], ids=lambda spec: spec.name)
def test_networks_as_they_should_be_pass(spec: NetworkSpec) -> None:
    check(spec, session_of(spec))


def test_fp32_answer_never_passes_as_bf16() -> None:
    # to 8 bits of mantissa, as each number on its way through the network is
    lossy = of_each(lambda tensor: ((tensor.view(np.uint32) + 0x8000) & 0xFFFF0000).view(np.float32))
    in_fp32 = session_of(MATCHER)
    with pytest.raises(GoldenVectorError, match="does not run in bfloat16"):
        known_face.check_rounded(FaceEmbedder(MATCHER, in_fp32, ""), MATCHER.golden)
    known_face.check_rounded(FaceEmbedder(MATCHER, Changed(in_fp32, after=lossy), ""), MATCHER.golden)


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
def test_quantisation_broken_matcher_is_noticed(levels: int) -> None:
    broken = quantised_badly(prepared(MATCHER).read_bytes(), levels)
    session = OrtSession(broken, "broken", ONE_THREAD, [(1, 3, 112, 112)])
    with pytest.raises(GoldenVectorError, match="cosine"):
        check(MATCHER, session)


def of_each(change: Callable[[Tensor], Tensor], name: str = "") -> Answers:
    """Changes every output whose name has this in it."""
    return lambda outputs: {key: change(value) if name in key else value for key, value in outputs.items()}


def reordered(*order: int) -> Answers:
    points = list(order)
    return of_each(lambda kps: kps.reshape(1, -1, 5, 2)[:, :, points].reshape(kps.shape), "kps")


def scaled(factor: float, summand: float = 0) -> Callable[[Tensor], Tensor]:
    return lambda tensor: (tensor * factor + summand).astype(np.float32)


def blue_for_red(tensor: Tensor) -> Tensor:
    return np.ascontiguousarray(tensor[:, ::-1])


def mirrored(tensor: Tensor) -> Tensor:
    return np.ascontiguousarray(tensor[..., ::-1])


def turned(tensor: Tensor) -> Tensor:
    """Width and height swapped."""
    return np.ascontiguousarray(tensor.transpose(0, 1, 3, 2))


WRONG: dict[str, tuple[NetworkSpec, dict[str, Any], str]] = {
    **{
        f"{spec.name}, {change.__name__}": (spec, {"before": change}, match)
        for spec, match in ((MATCHER, "cosine"), (DLIB, "distance"), (MESH, "moved by"))
        for change in (blue_for_red, mirrored, turned)
    },
    "detector, blue for red": (DETECTOR, {"before": blue_for_red}, "moved by"),
    "matcher, normalised twice": (MATCHER, {"before": scaled(1 / 128, -127.5 / 128)}, "cosine"),
    "matcher, 0 to 1": (MATCHER, {"before": scaled(1 / 255)}, "cosine"),
    "dlib, normalised twice": (DLIB, {"before": scaled(1 / 256)}, "distance"),
    "dlib, without a mean": (DLIB, {"before": scaled(1, 0.44)}, "distance"),
    "mesh, 0 to 255": (MESH, {"before": scaled(255)}, "moved by"),
    "mesh, -1 to 1": (MESH, {"before": scaled(2, -1)}, "moved by"),
    "matcher, everybody alike": (MATCHER, {"after": of_each(np.ones_like)}, "cosine"),
    "dlib, at unit length": (DLIB, {"after": of_each(lambda one: one / np.linalg.norm(one))}, "distance"),
    "detector, left first": (DETECTOR, {"after": reordered(1, 0, 2, 4, 3)}, "moved by"),
    "detector, mouth": (DETECTOR, {"after": reordered(0, 1, 2, 4, 3)}, "moved by"),
    "detector, nose first": (DETECTOR, {"after": reordered(2, 0, 1, 3, 4)}, "moved by"),
    "detector, blind": (DETECTOR, {"after": of_each(np.zeros_like)}, "0 faces"),
    "mesh, last first": (MESH, {"after": of_each(lambda one: one[:, ::-1], "landmarks")}, "moved by"),
}


@pytest.mark.parametrize(("spec", "wrong", "match"), WRONG.values(), ids=WRONG)
def test_wrong_network_is_noticed(spec: NetworkSpec, wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(GoldenVectorError, match=match):
        check(spec, Changed(session_of(spec), **wrong))


def test_other_matcher_shows_by_size() -> None:
    longer = Changed(session_of(MATCHER), after=of_each(lambda value: np.hstack([value, value])))
    with pytest.raises(InferenceError, match=r"\(1, 256\).*expected \[\(1, 128\)\]"):
        check(MATCHER, longer)


def test_a_running_lane_can_ask_again(networks: Networks) -> None:
    networks.self_test()
    networks.check_files()
    assert networks.embedder.identity.sha256 == MATCHER.sha256
    assert {identity.role for identity in networks.identities} == {"detector", "landmarks", "matcher"}
    assert all(identity.provider == "CPUExecutionProvider" for identity in networks.identities)


def test_wrong_files_build_no_networks(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="models prepare"):
        build_networks(RuntimeSettings(threads=1), tmp_path)
    for spec in (DETECTOR, MESH, MATCHER):
        target = prepared_path(spec, tmp_path)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(prepared(spec).read_bytes())
    with prepared_path(MATCHER, tmp_path).open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\x00\x01\x02\x03")
    with pytest.raises(WeightsChangedError, match=MATCHER.sha256):
        build_networks(RuntimeSettings(threads=1), tmp_path)
