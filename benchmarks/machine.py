"""The lane's own measuring, on a chosen provider, as a lane would build it."""

from collections.abc import Sequence

from lane.measure import Measurer
from lane.policy import Policy, load
from models.build import build_networks
from models.ort import CPU, RuntimeSettings


def policy() -> Policy:
    """The shipped rules: what a benchmark measures is what the product does."""
    return load()


def measurer(
    rules: Policy, *, provider: str = CPU, threads: int | None = None, matchers: Sequence[str] = ()
) -> Measurer:
    """Networks on exactly this provider; ProviderError where it does not run them whole.

    `matchers` are names of the catalogue, beside the lane's own.
    """
    networks = build_networks(runtime(provider, threads), matchers=matchers)
    return Measurer(networks, second_face_ratio=rules.capture.second_face_ratio)


def runtime(provider: str, threads: int | None) -> RuntimeSettings:
    """Exactly this provider, without a way back to the CPU."""
    return RuntimeSettings("cpu" if provider == CPU else "require", provider, threads)
