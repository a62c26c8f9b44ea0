"""The composition root: settings in, a station out; knows which adapter stands for which port."""

from lane.adapters.desk_http import HttpDesk
from lane.adapters.journal import SqliteJournal
from lane.cohort import Cohort
from lane.config import Settings
from lane.courier import Courier
from lane.errors import SettingsError
from lane.evaluation import Evaluator, Shadow, expected
from lane.judge import Judge
from lane.measure import Measurer
from lane.observer import Observer
from lane.policy import Policy, load
from lane.ports import Clock, DocumentReader, FrameSource, Gate, Screen
from lane.station import Station
from models.build import Networks, build_networks
from models.ort import RuntimeSettings


def build_measurer(settings: Settings, policy: Policy) -> Measurer:
    """Networks that passed their golden check. Raises ModelError; PolicyError without their calibration."""
    networks = build_networks(
        RuntimeSettings(
            provider_policy=settings.provider_policy, provider=settings.provider, threads=settings.threads
        ),
        matchers=[settings.shadow_matcher] if settings.shadow_matcher else [],
    )
    policy.check(networks.embedder.identity)
    return Measurer(networks, second_face_ratio=policy.capture.second_face_ratio)


def build_policy(settings: Settings) -> Policy:
    """The site's policy, or the shipped one. Raises PolicyError."""
    return load(settings.policy) if settings.policy else load()


def build_observer(settings: Settings, policy: Policy, clock: Clock, networks: Networks) -> Observer:
    """What watches the matcher in service; close it, so that what it holds of passengers is erased.

    Raises SettingsError where the matcher in the shadow is the one that decides.
    """
    evaluator = Evaluator(
        policy,
        Cohort(settings.cohort_size, settings.cohort_lifetime_s, clock.monotonic_s),
        _shadow(settings, policy, networks),
        expected(policy, networks.embedder.identity),
        settings.cohort_groups,
    )
    return Observer(evaluator)


def _shadow(settings: Settings, policy: Policy, networks: Networks) -> Shadow | None:
    """The second matcher, with the threshold of its calibration, or the site's where it has none."""
    name = settings.shadow_matcher
    if name is None:
        return None
    if name not in networks.others:
        raise SettingsError(f"shadow_matcher: {name} decides already; name another one of the catalogue")
    embedder = networks.others[name]
    band = policy.band(embedder.identity)
    return Shadow(embedder, band.admit if band else settings.shadow_threshold)


def build_station(
    settings: Settings,
    *,
    camera: FrameSource,
    reader: DocumentReader,
    gate: Gate,
    clock: Clock,
    screen: Screen,
    measurer: Measurer,
    policy: Policy,
    journal: SqliteJournal,
    desk: HttpDesk,
    observer: Observer | None = None,
) -> Station:
    """A station on real networks, a journal on disk and the desk over HTTP."""
    return Station(
        settings.lane,
        judge=Judge(camera, measurer, policy, clock),
        reader=reader,
        gate=gate,
        journal=journal,
        courier=Courier(journal, desk),
        clock=clock,
        screen=screen,
        observer=observer,
    )
