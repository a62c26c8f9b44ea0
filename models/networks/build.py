"""From the catalogue to ready networks: checked, loaded, warmed up, tested on a known face."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from models.catalogue import catalogue, weights
from models.catalogue.catalogue import Catalogue
from models.catalogue.onnx_graph import answering
from models.catalogue.spec import NetworkSpec
from models.detect.detector import CLOSE_UP, CLOSE_UP_ANSWERS, FaceDetector
from models.detect.face_mesh import FaceMesh
from models.embed.preprocessing import preprocessing
from models.embed.template import FaceEmbedder
from models.errors import CatalogueError, ModelError, ProviderError
from models.networks import known_face
from models.runtime.bf16 import in_bf16
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import IN_BF16, KNOWN, Provider
from models.values.face import Face, ImageBGR
from models.values.identity import NetworkIdentity

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Networks:
    """Everything that looks at a face, ready to answer."""

    detector: FaceDetector
    mesh: FaceMesh | None
    """None where the catalogue has no default landmarks."""
    embedder: FaceEmbedder
    """The default matcher, the one that decisions rest on."""
    others: Mapping[str, FaceEmbedder]
    """Further matchers that were asked for, by name."""
    identities: tuple[NetworkIdentity, ...]
    watched: tuple[weights.WatchedFile, ...]
    """The files that decisions rest on."""
    others_watched: Mapping[str, weights.WatchedFile]
    catalogue: Catalogue

    def refined(self, image_bgr: ImageBGR, face: Face) -> Face:
        """A face that was found, with its mesh where a network sees one. Raises ModelError."""
        return face if self.mesh is None else self.mesh.refine(image_bgr, face)

    def self_test(self) -> None:
        """A known face in, the known answer out; GoldenVectorError otherwise."""
        known_face.check_detector(self.detector, self.catalogue.for_role("detector").golden)
        if self.mesh is not None:
            known_face.check_mesh(self.mesh, self.catalogue.for_role("landmarks").golden)
        for embedder in (self.embedder, *self.others.values()):
            known_face.check_embedder(embedder, self.catalogue.named(embedder.identity.name).golden)

    def check_files(self) -> None:
        """ModelError if a file that decisions rest on is no longer the one that was loaded."""
        for file in self.watched:
            file.check()

    def check_other(self, name: str) -> None:
        """The same of a further matcher: no decision rests on it, so its file is no reason to stop."""
        self.others_watched[name].check()


def build_networks(
    settings: RuntimeSettings, cache: Path | None = None, matchers: Sequence[str] = ()
) -> Networks:
    """The default networks and these matchers, warmed up and self-tested.

    Any ModelError means: do not start. CatalogueError for a name that is not a matcher's.
    """
    cache = cache or weights.cache_dir()
    specs = catalogue.load()
    detector, matcher = specs.for_role("detector"), specs.for_role("matcher")
    mesh = specs.default("landmarks")
    before = _before(specs)
    others = tuple(_others(specs, matcher, matchers))
    sessions = {spec.name: session_of(spec, cache, settings) for spec in before}
    deciding = matcher_of(specs, matcher, cache, settings)
    further = {spec.name: matcher_of(specs, spec, cache, replace(settings, bf16="never")) for spec in others}
    running: dict[str, OrtSession | FaceEmbedder] = {**sessions, matcher.name: deciding, **further}
    whole = sessions[detector.name]
    networks = Networks(
        detector=FaceDetector(detector, whole, closer_of(detector, whole, cache, settings)),
        mesh=FaceMesh(mesh, sessions[mesh.name]) if mesh is not None else None,
        embedder=deciding,
        others=MappingProxyType(further),
        identities=tuple(
            NetworkIdentity(spec.role, spec.name, spec.sha256, running[spec.name].provider)
            for spec in (*before, matcher, *others)
        ),
        watched=tuple(weights.WatchedFile(spec, cache) for spec in (*before, matcher)),
        others_watched=MappingProxyType({spec.name: weights.WatchedFile(spec, cache) for spec in others}),
        catalogue=specs,
    )
    networks.self_test()
    return networks


def _before(specs: Catalogue) -> list[NetworkSpec]:
    """What looks at a picture before a matcher does."""
    return [spec for spec in (specs.for_role("detector"), specs.default("landmarks")) if spec is not None]


def matcher_of(specs: Catalogue, spec: NetworkSpec, cache: Path, settings: RuntimeSettings) -> FaceEmbedder:
    """A matcher behind the default networks, in bfloat16 where the settings ask for it and it is proved.

    ProviderError where they require it and it is not, ModelError for what else keeps it from running.
    """
    before = _before(specs)
    if settings.bf16 != "never":
        try:
            return _matcher_in_bf16(spec, before, cache, settings)
        except ModelError as error:
            if settings.bf16 == "require":
                raise ProviderError(f"{spec.name}: {error}; the settings require bf16") from error
            log.warning("%s RUNS IN FP32, not in bf16: %s", spec.name, error)
    session = session_of(spec, cache, settings)
    return FaceEmbedder(spec, session, preprocessing(spec, before))


def _matcher_in_bf16(
    spec: NetworkSpec, before: Sequence[NetworkSpec], cache: Path, settings: RuntimeSettings
) -> FaceEmbedder:
    """Proved by the known face: it is known, and its answer is rounded as fp32 rounds none."""
    (provider,) = IN_BF16.values()
    arithmetic = in_bf16(provider)
    there = replace(settings, provider_policy="require", provider=provider.name)
    session = session_on(weights.load(spec, cache), spec, there, IN_BF16)
    embedder = FaceEmbedder(spec, session, preprocessing(spec, before, arithmetic), arithmetic)
    known_face.check_embedder(embedder, spec.golden)
    known_face.check_rounded(embedder, spec.golden)
    return embedder


def _others(specs: Catalogue, matcher: NetworkSpec, names: Sequence[str]) -> Iterator[NetworkSpec]:
    """The asked-for matchers, each once and without the default one."""
    for name in dict.fromkeys(names):
        spec = specs.named(name)
        if spec.role != "matcher":
            raise CatalogueError(f"{name} is no matcher but has the role {spec.role}")
        if name != matcher.name:
            yield spec


def session_of(spec: NetworkSpec, cache: Path, settings: RuntimeSettings) -> OrtSession:
    """One network, loaded from its prepared file and warmed up. Raises ModelError."""
    return session_on(weights.load(spec, cache), spec, settings)


def closer_of(
    detector: NetworkSpec, whole: OrtSession, cache: Path, settings: RuntimeSettings
) -> OrtSession | None:
    """What looks closely, where all of the detector runs; None where it would run elsewhere."""
    shapes = [(1, 3, CLOSE_UP.size, CLOSE_UP.size)]
    session = OrtSession(closer_graph(detector, cache), detector.name, settings, shapes)
    return session if session.provider == whole.provider else None


def closer_graph(detector: NetworkSpec, cache: Path) -> bytes:
    """The part of the detector's checked graph that a close-up needs. Raises ModelError."""
    return answering(weights.load(detector, cache), CLOSE_UP_ANSWERS)


def session_on(
    graph: bytes, spec: NetworkSpec, settings: RuntimeSettings, known: Mapping[str, Provider] = KNOWN
) -> OrtSession:
    """A graph that is fed as `spec` says, warmed up. Raises ModelError."""
    shapes = [(1, 3, height, width) for width, height in spec.input.shapes]
    return OrtSession(graph, spec.name, settings, shapes, known)
