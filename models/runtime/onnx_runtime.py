"""The only door to ONNX Runtime: provider policy, placement proof, closed shapes, warm-up; all explicit.

Learnt from others' bug reports: threads sized from the host instead of the container (50 s in place of
0.27 s), a GPU lane that silently ran on the CPU, a spike on each new shape, NaN taken for an answer.
"""

import hashlib
import importlib
import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np

from models.catalogue.weights import cache_dir
from models.errors import InferenceError, ProviderError
from models.runtime.denormals import SUPPORTED, flushed
from models.runtime.machine import vendor
from models.runtime.providers import (
    CPU,
    KNOWN,
    Load,
    Options,
    Provider,
    Shape,
    installed_runtimes,
    named,
    refuse_two_runtimes,
)
from models.runtime.session import Tensor
from models.runtime.threads import limits, plan

log = logging.getLogger(__name__)

ProviderPolicy = Literal["cpu", "prefer", "require"]
Bf16 = Literal["never", "prefer", "require"]
Known = Mapping[str, Provider]


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """Where networks run. `cpu` ignores `provider`; `prefer` may fall back, loudly; `require` may not."""

    provider_policy: ProviderPolicy = "cpu"
    provider: str = CPU
    """A provider's long or short name (`models.runtime.providers`), such as `cuda`."""
    threads: int | None = None
    """Intra-op threads of each network; None: as `models.runtime.threads` plans."""
    bf16: Bf16 = "never"
    """Whether the matcher, and it alone, computes in bfloat16, on a provider of
    `models.runtime.providers.IN_BF16` wherever the others run. `prefer` may fall back to fp32, loudly."""

    def __post_init__(self) -> None:
        if self.provider_policy not in ("cpu", "prefer", "require"):
            raise ProviderError(
                f"provider policy must be cpu, prefer or require, is {self.provider_policy!r}"
            )
        if self.bf16 not in ("never", "prefer", "require"):
            raise ProviderError(f"bf16 must be never, prefer or require, is {self.bf16!r}")
        if self.threads is not None and self.threads < 1:
            raise ProviderError(f"threads must be at least 1, is {self.threads}")


class BoundShape:
    """One input shape of one loaded network, whose tensors stay in the memory of the device that runs it.

    Without binding the runtime allocates and copies anew in each run. Safe to call from several threads: they
    take turns, since they share the tensors.
    """

    def __init__(self, session: Any, memory: str, first: Tensor) -> None:
        """`memory` is the runtime's word for a device, such as `cuda` or `cpu`."""
        (entry,) = session.get_inputs()
        self._session = session
        self._names = [output.name for output in session.get_outputs()]
        self._turn = Lock()
        self._input = _onnxruntime().OrtValue.ortvalue_from_numpy(np.ascontiguousarray(first), memory, 0)
        self._bound = session.io_binding()
        self._bound.bind_ortvalue_input(entry.name, self._input)
        self._outputs = self._allocated(memory)

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """Outputs by name, copied to the host; the runtime's own errors pass."""
        with self._turn:
            self._input.update_inplace(np.ascontiguousarray(tensor))
            self._bound.synchronize_inputs()
            self._session.run_with_iobinding(self._bound)
            self._bound.synchronize_outputs()
            # A copy: in host memory `numpy()` is a view, which the next run would write over.
            return {
                name: np.array(value.numpy()) for name, value in zip(self._names, self._outputs, strict=True)
            }

    def _allocated(self, memory: str) -> list[Any]:
        """Outputs where the runtime, which knows their sizes, puts them in a first run; there for good."""
        for name in self._names:
            self._bound.bind_output(name, memory, 0)
        self._session.run_with_iobinding(self._bound)
        self._bound.synchronize_outputs()
        outputs = list(self._bound.get_outputs())
        self._bound.clear_binding_outputs()
        for name, value in zip(self._names, outputs, strict=True):
            self._bound.bind_ortvalue_output(name, value)
        return outputs


class OrtSession:
    """One loaded graph with one float32 input, warmed up on a closed list of input shapes.

    Safe to call from several threads. Raises ProviderError where the policy cannot be kept. `known` is the
    table of providers.
    """

    def __init__(
        self,
        graph: bytes,
        name: str,
        settings: RuntimeSettings,
        shapes: Iterable[Shape],
        known: Known = KNOWN,
    ) -> None:
        self.name = name
        self._shapes = frozenset(shapes)
        self._session, provider, self.nodes = _open(graph, name, settings, tuple(sorted(self._shapes)), known)
        """`nodes`: how many the graph has; all run on `provider`."""
        self.provider = provider.name
        inputs = [entry.name for entry in self._session.get_inputs()]
        if len(inputs) != 1:
            raise InferenceError(f"{name}: expected a graph with one input, found {inputs}")
        self._input = inputs[0]
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._bound = self._in_memory_of(provider)
        for shape in sorted(self._shapes):
            self.run(np.zeros(shape, np.float32))

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """Outputs by name; InferenceError for an unknown shape or type, a failed run, NaN or infinity."""
        if tensor.shape not in self._shapes or tensor.dtype != np.float32:
            raise InferenceError(f"{self.name}: was not warmed up for {tensor.dtype} {tensor.shape}")
        _must_be_finite(self.name, "input", tensor)
        try:
            outputs = self.bare(tensor)
        except Exception as error:  # fail closed: the runtime's errors have no common base
            raise InferenceError(f"{self.name}: did not run: {error}") from error
        _must_all_be_finite(self.name, outputs)
        return outputs

    def bare(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """The runtime's own run, unchecked: `run` checks it. Alone only to measure what the checks cost."""
        with flushed():
            if self._bound:
                return self._bound[tensor.shape].run(tensor)
            answers = self._session.run(self._outputs, {self._input: tensor})
            return dict(zip(self._outputs, answers, strict=True))

    def _in_memory_of(self, provider: Provider) -> Mapping[Shape, BoundShape]:
        """Each shape's tensors on the provider's device; none where that is the host's memory."""
        if not provider.memory:
            return {}
        try:
            return {
                shape: BoundShape(self._session, provider.memory, np.zeros(shape, np.float32))
                for shape in sorted(self._shapes)
            }
        except Exception as error:  # fail closed: the runtime's errors have no common base
            raise ProviderError(f"{self.name}: {provider.name} binds no tensors: {error}") from error


def _must_be_finite(name: str, what: str, tensor: Any) -> None:  # a runtime answers with lists, too
    kind = tensor.dtype if isinstance(tensor, np.ndarray) else type(tensor)
    if kind != np.float32:
        raise InferenceError(f"{name}: {what} is no float32 tensor but {kind}")
    if not np.isfinite(tensor).all():
        raise InferenceError(f"{name}: {what} is not finite")


def _must_all_be_finite(name: str, outputs: Mapping[str, Any]) -> None:
    """As `_must_be_finite`, by one look at all of them where nothing is wrong."""
    values = outputs.values()
    if len(values) > 1 and all(type(value) is np.ndarray and value.dtype == np.float32 for value in values):
        together = np.concatenate([value.ravel() for value in values])
        if np.isfinite(together).all():
            return
    for output, value in outputs.items():
        _must_be_finite(name, output, value)


def _open(
    graph: bytes, name: str, settings: RuntimeSettings, shapes: tuple[Shape, ...], known: Known
) -> tuple[Any, Provider, int]:
    """A session, the provider that the whole graph was proven to run on, and how many nodes it has."""
    threads = plan(limits(), settings.threads).threads
    wanted = named(CPU if settings.provider_policy == "cpu" else settings.provider, known)
    try:
        return _opened_on(wanted, graph, threads, shapes)
    except ProviderError as error:
        if wanted.name == CPU:
            raise
        if settings.provider_policy == "require":
            raise ProviderError(f"{name}: {error}; the policy requires {wanted.name}") from error
        log.warning("%s RUNS ON THE CPU, not on %s: %s", name, wanted.name, error)
        return _opened_on(named(CPU, known), graph, threads, shapes)


def _opened_on(
    provider: Provider, graph: bytes, threads: int, shapes: tuple[Shape, ...]
) -> tuple[Any, Provider, int]:
    """A session whose every node runs on `provider`; ProviderError says what does not."""
    runtime = _with(provider)
    for name, value in provider.environment:
        if (found := os.environ.setdefault(name, value)) != value:
            raise ProviderError(
                f"{provider.name}: {name} is {found!r} and must be {value!r}, or scores differ"
            )
    options = _options(threads)
    try:
        with flushed():  # loading leaves the thread flushed for good otherwise; this puts it back
            own_options = provider.options(Load(threads, *_kept(runtime, provider, graph), shapes))
            ready = _for_kernels_of(runtime, provider, graph, options, shapes)
            session = _load(runtime, ready, options, provider, own_options)
    except Exception as error:  # fail closed: the runtime's errors have no common base
        raise ProviderError(f"{provider.name} does not load the graph: {error}") from error
    return session, provider, _nodes_all_on(provider, session)


def _for_kernels_of(
    runtime: Any, provider: Provider, graph: bytes, options: Any, shapes: tuple[Shape, ...]
) -> bytes:
    """The same network as this provider's kernels run it fastest.

    On the CPU with PReLU in fewer steps. The others join that by themselves, and are told the input's shape
    where there is but one: OpenVINO then takes 0.85 of the time, the CPU as long as before.
    """
    from models.catalogue import onnx_graph  # noqa: PLC0415  onnx, for who loads a graph alone
    from models.runtime.fewer_steps import in_fewer_steps  # noqa: PLC0415

    if provider.name == CPU:
        major, minor, *_ = runtime.__version__.split(".")
        return in_fewer_steps(graph, vendor(), (int(major), int(minor)))
    if len(shapes) == 1:
        for name, size in onnx_graph.free_sides(graph, shapes[0]).items():
            options.add_free_dimension_override_by_name(name, size)
    return graph


def _load(runtime: Any, graph: bytes, options: Any, provider: Provider, own_options: Options) -> Any:
    """A session with `provider` as its first choice.

    What a plugin adds is chosen by device: asked for by name, the runtime takes the CPU without a word.
    """
    devices = _plugin_devices(runtime, provider)
    if devices:
        options.add_provider_for_devices(devices, dict(own_options))
        return runtime.InferenceSession(graph, options)
    return runtime.InferenceSession(graph, options, [(provider.name, dict(own_options))], enable_fallback=0)


def _nodes_all_on(provider: Provider, session: Any) -> int:
    """How many nodes there are; ProviderError if one runs elsewhere, or if the runtime does not say."""
    places = Counter[str]()
    examples: dict[str, str] = {}
    for part in session.get_provider_graph_assignment_info():
        for node in part.get_nodes():
            places[part.ep_name] += 1
            examples.setdefault(part.ep_name, f"{part.ep_name} runs {node.op_type} {node.name}")
    elsewhere = places.total() - places[provider.name]
    if elsewhere:
        example = next(text for place, text in sorted(examples.items()) if place != provider.name)
        raise ProviderError(f"{provider.name} does not run {elsewhere} of {places.total()} nodes: {example}")
    if not places:
        raise ProviderError(f"{provider.name}: the runtime does not say where the graph runs")
    return places.total()


def _options(threads: int) -> Any:  # onnxruntime has no types
    options = _onnxruntime().SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads that spin steal the cores from the camera, and doubled the detector's time when
    # two processes shared two cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # In the threads of the runtime's pool; `models.runtime.denormals` does it in the one that asks. Where it
    # cannot, loading must not change that thread's arithmetic.
    options.add_session_config_entry("session.set_denormal_as_zero", str(int(SUPPORTED)))
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def _kept(runtime: Any, provider: Provider, graph: bytes) -> tuple[Path, str]:
    """Where a provider keeps what it compiles from this graph, its owner's alone, and the name of its input.

    An engine is bound to graph and runtime: both are in the path, so that none outlives what it was made of.
    """
    folder = cache_dir() / provider.short / f"onnxruntime-{runtime.__version__}"
    folder /= hashlib.sha256(graph).hexdigest()[:12]
    if not provider.compiles:
        return folder, ""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder, runtime.InferenceSession(graph, _options(1), [CPU]).get_inputs()[0].name


def _with(provider: Provider) -> Any:  # onnxruntime has no types
    """The runtime with this provider; ProviderError where it has none of that name."""
    runtime = _onnxruntime()
    available = runtime.get_available_providers()
    if provider.name not in available and provider.plugin and find_spec(provider.plugin):
        _register(provider.name, provider.plugin)
        available = runtime.get_available_providers()
    if provider.name not in available:
        extra = provider.extra_here
        unserved = f" (its plugin serves {provider.serves} alone)" if extra != provider.extra else ""
        raise ProviderError(
            f"{provider.name} is not available here{unserved}, only {', '.join(available)}; "
            f"it comes with the extra {extra}"
        )
    return runtime


@cache
def _register(name: str, plugin: str) -> None:
    """Once in a process, for all rows of a table: a second time is an error of the runtime's."""
    try:
        library = importlib.import_module(plugin).get_library_path()
        _onnxruntime().register_execution_provider_library(name, library)
    except Exception as error:  # fail closed: a plugin may raise anything
        raise ProviderError(f"{name}: its plugin does not load: {error}") from error


def _plugin_devices(runtime: Any, provider: Provider) -> list[Any]:
    """The processors that a plugin offers for this provider; none where the provider is built in."""
    if not provider.plugin:
        return []
    kind = runtime.OrtHardwareDeviceType.CPU
    offered = runtime.get_ep_devices()
    return [one for one in offered if one.ep_name == provider.name and one.device.type == kind][:1]


def available_providers() -> tuple[str, ...]:
    """Every provider that is in the table and that the runtime or an installed plugin has."""
    return tuple(name for name, provider in KNOWN.items() if not why_unavailable(provider))


def why_unavailable(provider: Provider) -> str:
    """What keeps this provider from being used at all; empty where nothing does."""
    try:
        _with(provider)
    except ProviderError as error:
        return str(error)
    return ""


@cache
def _onnxruntime() -> Any:  # onnxruntime has no types
    """The library, imported on first use, so that the command line answers without it."""
    refuse_two_runtimes(installed_runtimes())
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise
        raise ProviderError(f"onnxruntime is installed but does not load: {error}") from error
    onnxruntime.set_default_logger_severity(3)
    return onnxruntime
