"""The composition root: settings in, a station out; knows which adapter stands for which port."""

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial

from lane import __version__
from lane.capture.measuring import Measurer
from lane.decision.policy import SHIPPED, Policy, load
from lane.desk.port import LaneIdentity, Supervisors, providers
from lane.desk.status_reporter import StatusReporter
from lane.evaluation.cohort import Cohort
from lane.evaluation.evaluator import SWITCHED_OFF, EvaluationThread, Evaluator, Shadow
from lane.ledger.clock_check import Timekeeper
from lane.ledger.journal import SqliteJournal
from lane.platform.clock import Clock
from lane.platform.errors import PolicyError, SettingsError
from lane.recording.retention import Retention
from lane.service.settings import EvaluationSettings, Settings
from models.errors import CatalogueError, ModelError
from models.networks.build import Networks, build_networks
from models.runtime.onnx_runtime import RuntimeSettings
from models.values.identity import FP32
from models.values.measurement import NotAssessed

log = logging.getLogger(__name__)


def build_measurer(settings: Settings, policy: Policy) -> Measurer:
    """Networks that passed their golden check. Raises ModelError; PolicyError without their calibration.

    bfloat16 that is only preferred needs its own calibration, too: without it they run in fp32, loudly.
    """
    runtime, shadow = RuntimeSettings(**settings.engine.model_dump()), settings.evaluation.shadow_matcher
    networks = _with_shadow(runtime, shadow) or build_networks(runtime)
    try:
        _must_be_calibrated(networks, policy)
    except PolicyError as error:
        if runtime.bf16 != "prefer" or networks.embedder.arithmetic == FP32:
            raise
        log.warning("%s RUNS IN FP32, not in bf16: %s", networks.embedder.identity.name, error)
        full = replace(runtime, bf16="never")
        networks = _with_shadow(full, shadow) or build_networks(full)
        _must_be_calibrated(networks, policy)
    return Measurer(networks, second_face_ratio=policy.capture.second_face_ratio)


def build_measurer_on_cpu(settings: Settings, policy: Policy) -> Measurer:
    """For networks that fail where they run; without a second matcher, which only watches."""
    return build_measurer(_on_cpu(settings), policy)


def _must_be_calibrated(networks: Networks, policy: Policy) -> None:
    policy.check(networks.embedder.identity, networks.embedder.arithmetic)


def _with_shadow(runtime: RuntimeSettings, name: str | None) -> Networks | None:
    """None without a second matcher that is ready: a lane does without it.

    Raises CatalogueError for a name that no matcher has.
    """
    if name is None:
        return None
    try:
        return build_networks(runtime, matchers=[name])
    except CatalogueError:
        raise
    except ModelError as error:
        log.critical("with the second matcher %s the networks are not ready: %s", name, error)
        return None


def build_policy(settings: Settings) -> Policy:
    """The site's policy, or the shipped one. Raises PolicyError."""
    return load(settings.policy or SHIPPED, settings.calibrations)


def build_evaluation_thread(
    settings: Settings, policy: Policy, clock: Clock, networks: Networks
) -> EvaluationThread:
    """What watches the matcher in service; close it, so that what it holds of passengers is erased.

    Raises SettingsError where the matcher in the shadow is the one that decides.
    """
    wanted = settings.evaluation
    evaluator = Evaluator(
        policy,
        Cohort(wanted.cohort_size, wanted.cohort_lifetime_s, clock.monotonic_s),
        _shadow(wanted, policy, networks),
        wanted.cohort_groups,
    )
    return EvaluationThread(evaluator)


def _shadow(wanted: EvaluationSettings, policy: Policy, networks: Networks) -> Shadow | NotAssessed:
    """The second matcher, with the threshold of its calibration, or the site's where it has none."""
    name = wanted.shadow_matcher
    if name is None:
        return SWITCHED_OFF
    if name == networks.embedder.identity.name:
        raise SettingsError(f"shadow_matcher: {name} decides already; name another one of the catalogue")
    if name not in networks.others:
        return NotAssessed("switched off: not ready at the start")
    embedder, check_file = networks.others[name], partial(networks.check_other, name)
    band = policy.band(embedder.identity)
    return Shadow(embedder, band.admit if band else wanted.shadow_threshold, check_file)


def build_status_reporter(
    desk: Supervisors, clock: Clock, measurer: Measurer, policy: Policy
) -> StatusReporter:
    """Give it the lane's camera, as a `lane.desk.status_reporter.WatchedCamera`."""
    networks = measurer.networks
    where, matcher = providers(networks.identities), networks.embedder.identity.name
    return StatusReporter(desk, LaneIdentity(__version__, where, matcher, policy.version), clock)


def build_retention(
    settings: Settings, journal: SqliteJournal, clock: Clock, timekeeper: Timekeeper | None = None
) -> Retention:
    kept = settings.retention
    pictures, recordings = timedelta(seconds=kept.pictures_for_s), timedelta(days=kept.recordings_for_days)
    return Retention(journal, clock, pictures, recordings, timekeeper)


def _on_cpu(settings: Settings) -> Settings:
    engine = settings.engine.model_copy(update={"provider_policy": "cpu", "bf16": "never"})
    evaluation = settings.evaluation.model_copy(update={"shadow_matcher": None})
    return settings.model_copy(update={"engine": engine, "evaluation": evaluation})
