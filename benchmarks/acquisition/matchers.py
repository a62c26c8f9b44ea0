"""The matchers under test: who they are, how their embeddings compare, from which score on they match."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from benchmarks.acquisition.acquire import LaneEncoder, PictureEncoder, look_for
from benchmarks.acquisition.other_libraries import FACE_RECOGNITION, FaceRecognitionEncoder
from benchmarks.errors import BenchmarkError, LibraryMissingError
from benchmarks.harness.measurer import build_measurer
from lane.decision.policy import Policy
from models.catalogue import catalogue, weights
from models.catalogue.catalogue import Catalogue
from models.embed.template import FaceEmbedder
from models.networks.build import Networks, matcher_of
from models.runtime.onnx_runtime import RuntimeSettings
from models.runtime.threads import available_cores
from models.values.identity import FP32, MatcherIdentity, Metric

BF16 = "-bf16"
"""Behind a matcher's name: the same in bfloat16, beside it in one run."""
STOCK = {"sface": 0.363, "mobilefacenet": 0.363, "dlib": 0.4, FACE_RECOGNITION: 0.4}
"""By how a name begins, the similarity from which its users usually take two faces for one person: OpenCV's
sample for SFace, also used with MobileFaceNet; dlib's distance 0.6."""


@dataclass(frozen=True, slots=True)
class MatcherUnderTest:
    identity: MatcherIdentity
    metric: Metric
    threshold: float | None
    """At or above it two faces match."""
    threshold_from: str
    arithmetic: str = FP32
    """In which it runs (`models.runtime.bf16`)."""

    @property
    def name(self) -> str:
        """As in the catalogue, with `BF16` behind it where it does not run in fp32."""
        return self.identity.name + ("" if self.arithmetic == FP32 else BF16)

    @property
    def description(self) -> dict[str, JsonValue]:
        return {
            "sha256": self.identity.sha256,
            "preprocessing": self.identity.preprocessing,
            "metric": self.metric,
            "threshold": self.threshold,
            "threshold_from": self.threshold_from,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """The matchers, with encoders for each thread, and why some that were asked for are missing."""

    matchers: tuple[MatcherUnderTest, ...]
    workers: tuple[tuple[PictureEncoder, ...], ...]
    networks: Networks
    skipped: dict[str, str] = field(default_factory=dict)


def own() -> str:
    return catalogue.load().for_role("matcher").name


def bench(names: Sequence[str], rules: Policy, face: str, threads: int | None) -> Bench:
    """Networks for so many threads; for each core if None.

    Without names the lane's own matcher, and the peers where installed.
    BenchmarkError where none is left; CatalogueError for a name that nobody has; ProviderError for a matcher
    in bfloat16 on a machine that has none.
    """
    wanted = list(dict.fromkeys(names)) or [own(), FACE_RECOGNITION]
    chosen = [name for name in wanted if name != FACE_RECOGNITION]
    peers: list[FaceRecognitionEncoder] = []
    skipped: dict[str, str] = {}
    if FACE_RECOGNITION in wanted:
        try:
            peers = [FaceRecognitionEncoder.load(face)]
        except LibraryMissingError as error:
            if not chosen:
                raise BenchmarkError(f"{FACE_RECOGNITION}: {error}") from error
            skipped = {FACE_RECOGNITION: str(error)}
    full = [name.removesuffix(BF16) for name in chosen]
    built = [build_measurer(rules, threads=1, matchers=full) for _ in range(threads or available_cores())]
    every = [_embedders(one.networks, chosen) for one in built]
    workers: list[tuple[PictureEncoder, ...]] = []
    for one, embedders in zip(built, every, strict=True):
        encoders = (LaneEncoder(one, embedders, look_for(face), rules),) if embedders else ()
        workers.append((*encoders, *peers))
    networks = built[0].networks
    matchers = [
        matcher_under_test(
            one.identity, networks.catalogue.named(one.identity.name).metric, rules, one.arithmetic
        )
        for one in every[0].values()
    ]
    matchers += [matcher_under_test(one.identity, "euclidean", rules) for one in peers]
    return Bench(tuple(matchers), tuple(workers), networks, skipped)


def _embedders(networks: Networks, chosen: Sequence[str]) -> dict[str, FaceEmbedder]:
    full = {networks.embedder.identity.name: networks.embedder, **networks.others}
    return {name: full[name] if name in full else _in_bf16(networks.catalogue, name) for name in chosen}


def _in_bf16(specs: Catalogue, name: str) -> FaceEmbedder:
    settings = RuntimeSettings(threads=1, bf16="require")
    return matcher_of(specs, specs.named(name.removesuffix(BF16)), weights.cache_dir(), settings)


def matcher_under_test(
    identity: MatcherIdentity, metric: Metric, rules: Policy, arithmetic: str = FP32
) -> MatcherUnderTest:
    """With the policy's threshold where it has one for this matcher, else the usual one, else none."""
    band = rules.band(identity)
    if band is not None:
        return MatcherUnderTest(identity, metric, band.admit, f"policy {rules.version}", arithmetic)
    usual = next((at for begin, at in STOCK.items() if identity.name.startswith(begin)), None)
    kind = "none" if usual is None else "usual"
    why = "not calibrated here"
    if any(one.calibration.matcher.name == identity.name for one in rules.calibrated):
        why = (
            f"policy {rules.version} has it calibrated with other weights, other preprocessing or arithmetic"
        )
    return MatcherUnderTest(identity, metric, usual, f"{kind}: {why}", arithmetic)
