"""What all tests share: the photographs, the networks, one lane's wiring on simulated devices."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser

from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.demo import photos as store
from models.networks.build import Networks, build_networks
from models.runtime.onnx_runtime import RuntimeSettings
from tests.support.browser import CHROMIUM, NO_BROWSER, chromium
from tests.support.lane.calibration_files import policy_for
from tests.support.logs import kept_logs

# Machines differ in speed, and no test depends on it; on a build machine the examples are the same each time.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("build", settings.get_profile("steady"), derandomize=True)
settings.load_profile("build" if os.environ.get("CI") else "steady")
settings.register_profile("quick", settings(), max_examples=20)


def pytest_configure() -> None:
    """What runs behind a shell's & is born deaf to Ctrl-C, and so would be all that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """What a test sets up writes to its own standard error, which ends with it."""
    with kept_logs():
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; for one module, since its driver keeps an event loop in this thread."""
    if CHROMIUM is None:
        pytest.skip(NO_BROWSER)
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of the photographs, fetched once and checked by hash."""
    if not store.ready():
        store.fetch()
    return store.folder()


@pytest.fixture(scope="session")
def networks() -> Networks:
    """The real networks, on one thread."""
    return build_networks(RuntimeSettings("cpu", "CPUExecutionProvider", 1))


@pytest.fixture(scope="session")
def policy(networks: Networks) -> Policy:
    """The shipped rules, with a made-up calibration of the networks that run: its band never changes."""
    return policy_for(networks.embedder.identity)


@pytest.fixture(scope="session")
def measurer(networks: Networks, policy: Policy) -> Measurer:
    """The lane's measuring on the real networks."""
    return Measurer(networks, second_face_ratio=policy.capture.second_face_ratio)
