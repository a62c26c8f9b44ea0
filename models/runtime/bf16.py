"""In how many bits a matcher computes, and by which instructions: part of who it is, since scores differ.

In fp32 every provider answers alike. In bfloat16 the answer depends on what multiplies: of one face AMX and
AVX-512 answer differently, and so may two releases of a provider. How a graph is handed over
(`models.runtime.onnx_runtime`) moves it, too, within an arithmetic of one name: who changes that calibrates
anew. Where the processor has no such instructions a runtime computes in fp32, or imitates bfloat16 ten times
slower, and says neither.
"""

import ctypes
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from models.errors import ProviderError
from models.runtime.machine import CPUINFO, features, versions
from models.runtime.providers import Provider, installed_runtimes

LIMITING = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Environment variables that take instructions from the runtime, which says nothing of it."""

_ARCH_PRCTL, _REQUEST_PERMISSION, _TILES = 158, 0x1023, 18
"""Linux on x86-64: a process asks before it may use AMX's tiles; a sandbox may refuse."""


def in_bf16(provider: Provider) -> str:
    """What a calibration is bound to, such as `bf16 by amx, onnxruntime-ep-openvino 1.8.1`.

    ProviderError where this processor has no bfloat16 of its own, or nothing installed has the provider.
    """
    instructions, plugin = native_bf16(), provider.plugin.replace("_", "-")
    installed = installed_runtimes() | versions((plugin,))
    for package in (provider.built_into, plugin):  # a runtime that has it built in asks no plugin
        if package in installed:
            return f"bf16 by {instructions}, {package} {installed[package]}"
    raise ProviderError(f"{provider.name} is not here: it comes with the extra {provider.extra_here}")


def native_bf16(cpuinfo: Path = CPUINFO, environment: Mapping[str, str] = os.environ) -> str:
    """By what this processor computes in bfloat16: `amx` or `avx512`; ProviderError says why by nothing."""
    if found := [name for name in LIMITING if name in environment]:
        raise ProviderError(f"{found[0]} is set, which may take bfloat16 from the runtime: unset it")
    found_here = features(cpuinfo)
    if {"amx_tile", "amx_bf16"} <= set(found_here) and _tiles_permitted():
        return "amx"
    if "avx512_bf16" in found_here:
        return "avx512"
    raise ProviderError("this processor has no bfloat16 of its own (amx_bf16 or avx512_bf16)")


def _tiles_permitted() -> bool:
    """Whether this process may use AMX; asking twice is no error."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return False
    return bool(ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILES) == 0)
