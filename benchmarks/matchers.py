"""The matchers under test: who they are, how their embeddings compare, from which score on they match."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks import peers
from benchmarks.acquire import LaneLooker, Looker
from benchmarks.errors import BenchmarkError
from benchmarks.machine import measurer
from benchmarks.meant import look_for
from benchmarks.scores import Metric
from lane.measure import Measurer
from lane.policy import Policy
from models import catalogue
from models.build import Networks
from models.embed import FaceEmbedder
from models.identity import MatcherIdentity

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
    networks: Networks
    skipped: dict[str, str] = field(default_factory=dict)


def own() -> str:
    """The lane's own matcher."""
    return catalogue.load().for_role("matcher").name


def bench(names: Sequence[str], rules: Policy, face: str, threads: int) -> Bench:
    """Networks for so many threads. Without names the lane's own matcher, and the peers where installed.

    BenchmarkError where none is left; CatalogueError for a name that nobody has.
    """
    wanted = list(dict.fromkeys(names)) or [own(), peers.FACE_RECOGNITION]
    peer = peers.FaceRecognitionLooker.load(face) if peers.FACE_RECOGNITION in wanted else None
    skipped = {peers.FACE_RECOGNITION: peer} if isinstance(peer, str) else {}
    chosen = [name for name in wanted if name != peers.FACE_RECOGNITION]
    if not chosen and skipped:
        raise BenchmarkError(f"{peers.FACE_RECOGNITION}: {peer}")
    built = [measurer(rules, threads=1, matchers=chosen) for _ in range(threads)]
    workers = [_lookers(one, chosen, rules, face) for one in built]
    networks = built[0].networks
    every = _embedders(networks)
    subjects = [
        subject(every[name].identity, networks.catalogue.named(name).metric, rules) for name in chosen
    ]
    if isinstance(peer, peers.FaceRecognitionLooker):
        subjects.append(subject(peer.identity, "euclidean", rules))
        workers = [(*lookers, peer) for lookers in workers]
    return Bench(tuple(subjects), tuple(workers), networks, skipped)


def _lookers(built: Measurer, chosen: Sequence[str], rules: Policy, face: str) -> tuple[Looker, ...]:
    every = _embedders(built.networks)
    return (
        (LaneLooker(built, {name: every[name] for name in chosen}, look_for(face), rules),) if chosen else ()
    )


def _embedders(networks: Networks) -> dict[str, FaceEmbedder]:
    return {networks.embedder.identity.name: networks.embedder, **networks.others}


def subject(identity: MatcherIdentity, metric: Metric, rules: Policy) -> Subject:
    """With the policy's threshold where it has one for this matcher, else the usual one, else none."""
    band = rules.band(identity)
    if band is not None:
        return Subject(identity, metric, band.admit, f"policy {rules.version}")
    usual = next((at for begin, at in STOCK.items() if identity.name.startswith(begin)), None)
    kind = "none" if usual is None else "usual"
    return Subject(identity, metric, usual, f"{kind}: {_why_not_calibrated(identity, rules)}")


def _why_not_calibrated(identity: MatcherIdentity, rules: Policy) -> str:
    if any(one.calibration.matcher.name == identity.name for one in rules.calibrated):
        return f"policy {rules.version} has it calibrated with other weights or other preprocessing"
    return "not calibrated here"
