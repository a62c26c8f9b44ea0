"""The only door to ONNX Runtime: provider policy, threads, placement proof, warm-up. Nothing is implicit.

Learnt from others' bug reports: threads sized from the host instead of the container (50 s in place of
0.27 s), a GPU lane that silently ran on the CPU, a spike on each new shape, NaN taken for an answer.
"""

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

import numpy as np

from models.errors import InferenceError, ProviderError
from models.session import Tensor
from models.threads import available_cores as available_cores
from models.threads import limits, plan

log = logging.getLogger(__name__)

CPU = "CPUExecutionProvider"
ProviderPolicy = Literal["cpu", "prefer", "require"]
Shape = tuple[int, ...]

PROVIDER_OPTIONS: dict[str, dict[str, str]] = {
    # An exhaustive search costs 0.3 to 1.3 s for each new shape.
    "CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC"},
}


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """Where networks run. `cpu` ignores `provider`; `prefer` may fall back, loudly; `require` may not."""

    provider_policy: ProviderPolicy = "cpu"
    provider: str = CPU
    threads: int | None = None
    """Intra-op threads of each network; None: as `models.threads` plans."""

    def __post_init__(self) -> None:
        if self.provider_policy not in ("cpu", "prefer", "require"):
            raise ProviderError(
                f"provider policy must be cpu, prefer or require, is {self.provider_policy!r}"
            )
        if self.threads is not None and self.threads < 1:
            raise ProviderError(f"threads must be at least 1, is {self.threads}")


class OrtSession:
    """One loaded graph with one float32 NCHW input, warmed up on a closed list of input shapes.

    Safe to call from several threads. Raises ProviderError where the policy cannot be kept.
    """

    def __init__(self, graph: bytes, name: str, settings: RuntimeSettings, shapes: Iterable[Shape]) -> None:
        self.name = name
        self._shapes = frozenset(shapes)
        self._session, self.provider = _open(graph, name, settings)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]
        for shape in sorted(self._shapes):
            self.run(np.zeros(shape, np.float32))

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """Outputs by name; InferenceError for an unknown shape, a failed run, NaN or infinity."""
        if tensor.shape not in self._shapes or tensor.dtype != np.float32:
            raise InferenceError(f"{self.name}: was not warmed up for {tensor.dtype} {tensor.shape}")
        _must_be_finite(self.name, "input", tensor)
        try:
            values = self._session.run(self._outputs, {self._input: tensor})
        except Exception as error:  # fail closed: the runtime's errors have no common base
            raise InferenceError(f"{self.name}: did not run: {error}") from error
        outputs = dict(zip(self._outputs, values, strict=True))
        for output, value in outputs.items():
            _must_be_finite(self.name, output, value)
        return outputs


def _must_be_finite(name: str, what: str, tensor: Tensor) -> None:
    if not np.isfinite(tensor).all():
        raise InferenceError(f"{name}: {what} is not finite")


def _open(graph: bytes, name: str, settings: RuntimeSettings) -> tuple[Any, str]:
    """The session and the provider that the whole graph was proven to run on."""
    threads = plan(limits(), settings.threads).threads
    if settings.provider_policy == "cpu" or settings.provider == CPU:
        return _session_on(CPU, graph, threads), CPU
    try:
        session = _session_on(settings.provider, graph, threads)
    except ProviderError as error:
        if settings.provider_policy == "require":
            raise ProviderError(f"{name}: {error}; the policy requires {settings.provider}") from error
        log.warning("%s RUNS ON THE CPU, not on %s: %s", name, settings.provider, error)
        return _session_on(CPU, graph, threads), CPU
    return session, settings.provider


def _session_on(provider: str, graph: bytes, threads: int) -> Any:  # onnxruntime has no types
    """A session whose every node runs on `provider`; ProviderError says what does not."""
    ort = _onnxruntime()
    if provider not in ort.get_available_providers():
        raise ProviderError(f"{provider} is not available here, only {ort.get_available_providers()}")
    with_options = (provider, PROVIDER_OPTIONS.get(provider, {}))
    try:
        # Flushing denormals also changes the arithmetic of the thread that loads, for good: not the caller's.
        with ThreadPoolExecutor(max_workers=1) as apart:
            loading = apart.submit(
                ort.InferenceSession, graph, _options(threads), [with_options], enable_fallback=0
            )
            session = loading.result()
    except Exception as error:  # fail closed: the runtime's errors have no common base
        raise ProviderError(f"{provider} does not load the graph: {error}") from error
    elsewhere = sorted(
        f"{part.ep_name} runs {node.op_type} {node.name}"
        for part in session.get_provider_graph_assignment_info()
        if part.ep_name != provider
        for node in part.get_nodes()
    )
    if elsewhere:
        raise ProviderError(f"{provider} does not run {len(elsewhere)} nodes: {elsewhere[0]}, …")
    return session


def _options(threads: int) -> Any:  # onnxruntime has no types
    options = _onnxruntime().SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads that spin steal the cores from the camera, and doubled the detector's time when
    # two processes shared two cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def _onnxruntime() -> Any:  # onnxruntime has no types
    """The library, imported on first use, so that the command line answers without it."""
    refuse_two_runtimes(metadata.packages_distributions().get("onnxruntime", []))
    import onnxruntime  # noqa: PLC0415

    onnxruntime.set_default_logger_severity(3)
    return onnxruntime


def refuse_two_runtimes(distributions: Iterable[str]) -> None:
    """The CPU and the GPU package overwrite each other's files: which one runs would be chance."""
    found = sorted(set(distributions))
    if not found:
        raise ProviderError(
            "onnxruntime is not installed: install passenger-lane[cpu] or passenger-lane[gpu]"
        )
    if len(found) > 1:
        raise ProviderError(f"{' and '.join(found)} exclude each other: uninstall both, then install one")
