"""The matchers under test: who they are, how their embeddings compare, from which score on they match."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import peers
from benchmarks.acquire import LaneLooker, Looker, look_for
from benchmarks.errors import BenchmarkError
from benchmarks.machine import measurer
from benchmarks.scores import Metric
from lane.policy import Policy
from models.identity import MatcherIdentity
from models.template import Embedder

STOCK = {"sface": 0.363, "mobilefacenet": 0.363, "dlib": 0.4, peers.FACE_RECOGNITION: 0.4}
"""By how a name begins, the similarity from which its users usually take two faces for one person: OpenCV's
sample for SFace, also used with MobileFaceNet; dlib's distance 0.6."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A matcher under test."""

    identity: MatcherIdentity
    metric: Metric
    threshold: float | None
    """At or above it two faces match."""
    threshold_from: str

    @property
    def name(self) -> str:
        """As in the catalogue."""
        return self.identity.name


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """The matchers, with lookers for each thread, and why some that were asked for are missing."""

    subjects: tuple[Subject, ...]
    workers: tuple[tuple[Looker, ...], ...]
    networks: Any
    skipped: dict[str, str] = field(default_factory=dict)


def bench(names: Sequence[str], rules: Policy, face: str, threads: int) -> Bench:
    """Networks for so many threads. Without names the lane's own matcher, and the peers where installed.

    BenchmarkError where none is left; CatalogueError for a name that nobody has.
    """
    wanted = dict.fromkeys(names)
    peer = peers.FaceRecognitionLooker.load(face) if not wanted or peers.FACE_RECOGNITION in wanted else None
    ours = [name for name in wanted if name != peers.FACE_RECOGNITION]
    skipped = {peers.FACE_RECOGNITION: peer} if isinstance(peer, str) else {}
    if wanted and not ours and skipped:
        raise BenchmarkError(f"{peers.FACE_RECOGNITION}: {peer}")
    built = [measurer(rules, threads=1, matchers=ours) for _ in range(threads)]
    networks = built[0].networks
    metrics = {spec.name: spec.metric for spec in networks.catalogue.networks}
    default = networks.embedder
    others = getattr(networks, "others", {})
    every = {default.identity.name: default, **others}
    chosen = [name for name in every if not wanted or name in ours]
    missing = set(ours) - set(chosen)
    if missing:
        raise BenchmarkError(f"no matcher {', '.join(sorted(missing))}; there are: {', '.join(metrics)}")
    subjects = [subject(every[name].identity, metrics[name], rules) for name in chosen]
    workers: list[tuple[Looker, ...]] = []
    for one in built:
        mine: dict[str, Embedder] = {default.identity.name: one.networks.embedder}
        mine |= getattr(one.networks, "others", {})
        lane = LaneLooker(one, {name: mine[name] for name in chosen}, look_for(face), rules)
        workers.append((lane,) if chosen else ())
    if isinstance(peer, peers.FaceRecognitionLooker):
        subjects.append(subject(peer.identity, "euclidean", rules))
        workers = [(*lookers, peer) for lookers in workers]
    return Bench(tuple(subjects), tuple(workers), networks, skipped)


def subject(identity: MatcherIdentity, metric: Metric, rules: Policy) -> Subject:
    """With the policy's threshold where it has one for this matcher, else the usual one, else none."""
    band = rules.band(identity)
    if band is not None:
        return Subject(identity, metric, band.admit, f"policy {rules.version}")
    for begin, threshold in STOCK.items():
        if identity.name.startswith(begin):
            return Subject(identity, metric, threshold, "usual, not calibrated here")
    return Subject(identity, metric, None, "none: not calibrated, and no usual one is known")
