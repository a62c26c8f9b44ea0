"""The lane's own measuring, on a chosen provider, as a lane would build it."""

from collections.abc import Sequence
from dataclasses import replace

from lane.capture.measuring import Measurer
from lane.decision.calibration import Band
from lane.decision.policy import Policy, load
from models.networks.build import build_networks
from models.runtime.onnx_runtime import RuntimeSettings
from models.runtime.providers import CPU


def shipped_policy() -> Policy:
    """The shipped rules: what a benchmark measures is what the product does."""
    return load()


def build_measurer(
    rules: Policy,
    *,
    provider: str = CPU,
    threads: int | None = None,
    matchers: Sequence[str] = (),
    bf16: bool = False,
) -> Measurer:
    """Networks on exactly this provider; ProviderError where it does not run them whole.

    `matchers` are names of the catalogue, beside the lane's own. With `bf16` that one computes in bfloat16,
    as a lane with `[engine] bf16 = "require"`; ProviderError where it cannot.
    """
    settings = replace(runtime_settings(provider, threads), bf16="require" if bf16 else "never")
    networks = build_networks(settings, matchers=matchers)
    return Measurer(networks, second_face_ratio=rules.capture.second_face_ratio)


def admission_band(rules: Policy, measurer: Measurer) -> Band:
    """Where the rules admit by these networks; PolicyError that says what no calibration is for.

    It says more than an admission that fails.
    """
    embedder = measurer.networks.embedder
    return rules.check(embedder.identity, embedder.arithmetic)


def runtime_settings(provider: str, threads: int | None) -> RuntimeSettings:
    """Exactly this provider, without a way back to the CPU."""
    return RuntimeSettings("cpu" if provider == CPU else "require", provider, threads)
