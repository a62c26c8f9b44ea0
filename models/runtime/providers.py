"""Which execution providers may run a network, with which options, and which runtime is installed.

A table, no code of a runtime. Full fp32 is asked for everywhere: TF32, half precision and bfloat16 change
scores, and a threshold holds for the scores it was measured on; `IN_BF16` is for a matcher that has a
calibration of its own. The rows of CUDA and TensorRT follow the
runtime's documentation and have not run on a GPU yet; OpenVINO's has run, on processors of Intel and AMD.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from models.errors import ProviderError
from models.runtime.machine import vendor

Shape = tuple[int, ...]
Options = Mapping[str, str]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"

RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
"""Distributions that ship the package `onnxruntime`, known by name; any other by the files it owns."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a provider is to be set up for."""

    threads: int
    cache: Path
    """For what the provider compiles: a folder of this graph and this runtime alone."""
    input_name: str
    """Empty for a provider that compiles nothing."""
    shapes: tuple[Shape, ...]
    """The closed list of input shapes."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One row of the table."""

    name: str
    """As the runtime says it, such as `CUDAExecutionProvider`."""
    short: str
    """As an operator may say it."""
    extra: str
    """The optional dependency of this project that brings it."""
    options: Callable[[Load], Options] = field(default=lambda _: {})
    memory: str = ""
    """The device in whose memory tensors are bound, such as `cuda`; empty where that is the host's own."""
    environment: tuple[tuple[str, str], ...] = ()
    """What has no option, set before the provider starts; with another value set, it does not."""
    compiles: bool = False
    """Whether it builds an engine of its own from each graph, which takes minutes and is kept."""
    plugin: str = ""
    """A package that adds this provider to an installed runtime; empty where it is built into one."""
    serves: str = ""
    """Whose processors alone the plugin serves, as `models.runtime.machine.vendor` says it; empty:
    anybody's."""
    built_into: str = ""
    """A distribution of the runtime that has this provider without a plugin, for the other processors."""

    @property
    def extras(self) -> tuple[str, ...]:
        """Each optional dependency that brings it: by the plugin first, then built in."""
        return (self.extra, f"{self.extra}-built-in") if self.built_into else (self.extra,)

    @property
    def extra_here(self) -> str:
        """The one that serves this machine's processor."""
        return self.extras[0 if vendor() in (self.serves, "") else -1]


def _cuda(load: Load) -> Options:
    del load
    return {
        "device_id": "0",
        # An exhaustive search costs 0.3 to 1.3 s for each new shape.
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": "0",
        # Flat memory: an arena that doubles takes what another network needs.
        "arena_extend_strategy": "kSameAsRequested",
        "do_copy_in_default_stream": "1",
    }


def _tensorrt(load: Load) -> Options:
    least = [min(axis) for axis in zip(*load.shapes, strict=True)]
    most = [max(axis) for axis in zip(*load.shapes, strict=True)]
    return {
        "device_id": "0",
        "trt_fp16_enable": "0",
        "trt_int8_enable": "0",
        # Building an engine takes minutes; the folder carries graph and runtime, which an engine is bound to.
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(load.cache),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(load.cache),
        # One engine for the whole closed list: without a profile each new shape builds another.
        "trt_profile_min_shapes": _profile(load.input_name, least),
        "trt_profile_max_shapes": _profile(load.input_name, most),
        "trt_profile_opt_shapes": _profile(load.input_name, most),
    }


def _profile(name: str, shape: Iterable[int]) -> str:
    return f"{name}:{'x'.join(map(str, shape))}"


def _openvino(load: Load, precision: str = "f32") -> Options:
    # `precision` and `num_of_threads` are deprecated since 1.23. Without f32 a processor with AMX takes bf16.
    properties = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": str(load.threads),
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
    }
    return {"device_type": "CPU", "load_config": json.dumps({"CPU": properties})}


KNOWN: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(CPU, "cpu", "cpu"),
        Provider(CUDA, "cuda", "gpu", _cuda, memory="cuda"),
        Provider(
            TENSORRT,
            "tensorrt",
            "gpu",
            _tensorrt,
            memory="cuda",
            compiles=True,
            # TensorRT takes TF32 by itself, and the runtime has no option against it.
            environment=(("NVIDIA_TF32_OVERRIDE", "0"),),
        ),
        Provider(
            OPENVINO,
            "openvino",
            "openvino",
            _openvino,
            plugin="onnxruntime_ep_openvino",
            serves="GenuineIntel",
            built_into="onnxruntime-openvino",
        ),
    )
}

IN_BF16: Mapping[str, Provider] = {
    OPENVINO: replace(KNOWN[OPENVINO], options=lambda load: _openvino(load, "bf16"))
}
"""Providers that compute in bfloat16 if asked to; `models.runtime.bf16` says where a processor can."""


def named(name: str, known: Mapping[str, Provider] = KNOWN) -> Provider:
    """The provider of this name, long or short; ProviderError that lists them all."""
    for provider in known.values():
        if name.lower() in (provider.name.lower(), provider.short):
            return provider
    wanted = ", ".join(f"{provider.short} ({provider.name})" for provider in known.values())
    raise ProviderError(f"{name!r} is no provider that is known here: {wanted}")


def installed_runtimes() -> dict[str, str]:
    """Name and version of each installed distribution that ships the package `onnxruntime`."""
    owners = set(metadata.packages_distributions().get("onnxruntime", []))
    named_so = {one.name for one in metadata.distributions() if one.name and _normal(one.name) in RUNTIMES}
    return {_normal(name): metadata.version(name) for name in sorted(owners | named_so)}


def refuse_two_runtimes(distributions: Iterable[str]) -> None:
    """ProviderError unless exactly one is there: they overwrite each other's files."""
    found = sorted(set(distributions))
    if not found:
        raise ProviderError(
            "onnxruntime is not installed: install passenger-lane with exactly one of the extras "
            + ", ".join(dict.fromkeys(extra for provider in KNOWN.values() for extra in provider.extras))
        )
    if len(found) > 1:
        raise ProviderError(
            f"{' and '.join(found)} exclude each other: uninstall {'both' if len(found) == 2 else 'all'}, "
            "then install one"
        )


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")
