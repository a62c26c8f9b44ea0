"""From the catalogue to ready networks: checked, loaded, warmed up, tested on a known face."""

from dataclasses import dataclass
from pathlib import Path

from models import catalogue, golden, weights
from models.catalogue import Catalogue, NetworkSpec
from models.detect import FaceDetector
from models.embed import FaceEmbedder
from models.face import NetworkIdentity
from models.ort import OrtSession, RuntimeSettings
from models.recipe import preprocessing


@dataclass(frozen=True, slots=True)
class Networks:
    """Everything that looks at a face, ready to answer."""

    detector: FaceDetector
    embedder: FaceEmbedder
    identities: tuple[NetworkIdentity, ...]
    watched: tuple[weights.WatchedFile, ...]
    catalogue: Catalogue

    def self_test(self) -> None:
        """A known face in, the known answer out; GoldenVectorError otherwise."""
        golden.check_detector(self.detector, self.catalogue.for_role("detector").golden)
        golden.check_embedder(self.embedder, self.catalogue.for_role("matcher").golden)

    def check_files(self) -> None:
        """WeightsChangedError or WeightsMissingError if a file is no longer the one that was loaded."""
        for file in self.watched:
            file.check()


def build_networks(settings: RuntimeSettings, cache: Path | None = None) -> Networks:
    """All networks of the catalogue, warmed up and self-tested; any ModelError means: do not start."""
    cache = cache or weights.cache_dir()
    specs = catalogue.load()
    detector_spec, matcher_spec = specs.for_role("detector"), specs.for_role("matcher")
    sessions = {spec.role: _session(spec, cache, settings) for spec in (detector_spec, matcher_spec)}
    networks = Networks(
        FaceDetector(detector_spec, sessions["detector"]),
        FaceEmbedder(matcher_spec, sessions["matcher"], preprocessing(matcher_spec, [detector_spec])),
        tuple(
            NetworkIdentity(spec.role, spec.name, spec.sha256, sessions[spec.role].provider)
            for spec in specs.networks
        ),
        tuple(
            weights.WatchedFile(weights.prepared_path(spec, cache), spec.sha256) for spec in specs.networks
        ),
        specs,
    )
    networks.self_test()
    return networks


def _session(spec: NetworkSpec, cache: Path, settings: RuntimeSettings) -> OrtSession:
    shapes = [(1, 3, height, width) for width, height in spec.input.shapes]
    return OrtSession(weights.load(spec, cache), spec.name, settings, shapes)
