"""Arithmetic without denormals, for as long as a network runs in this thread.

Numbers below 1e-38 cost an x86 core a hundred times as much as others, and say nothing about a face. The
runtime flushes them in the threads of its own pool alone: not in the thread that asks, which does its share
of the work, and with a plan of one thread all of it. So it is done here, and undone after the run: a
program's own arithmetic stays as it was.
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np


class _Register(NamedTuple):
    """Where a floating-point environment (C's fenv_t) keeps the processor's control word, and which bits."""

    word: int
    """Index among the environment's 32-bit words."""
    bits: int


# x86: MXCSR, flush to zero (bit 15) and denormals are zero (bit 6); Arm: FPCR, FZ (bit 24)
_REGISTERS = {"x86_64": _Register(7, 0x8040), "aarch64": _Register(0, 1 << 24)}
_Environment = ctypes.c_uint32 * 16  # larger than any of these systems' fenv_t


def _c_library() -> Any:  # ctypes has no types for what a library holds
    library = ctypes.CDLL(None)
    return library if hasattr(library, "fegetenv") and hasattr(library, "fesetenv") else None


@contextmanager
def flushed() -> Iterator[None]:
    """Denormals count as zero in this thread inside the block, where `SUPPORTED`, and nowhere else."""
    if not SUPPORTED:
        yield
        return
    before, during = _Environment(), _Environment()
    _C.fegetenv(before)
    ctypes.memmove(during, before, ctypes.sizeof(before))
    during[_REGISTER.word] |= _REGISTER.bits
    _C.fesetenv(during)
    try:
        yield
    finally:
        _C.fesetenv(before)


def _works() -> bool:
    """Tried, not believed: the layout of fenv_t is the C library's own affair."""
    with flushed():
        kept = np.full(4, 1e-40, np.float32) * np.float32(1)
    return not kept.any()


_C: Any = _c_library() if platform.system() == "Linux" else None
_REGISTER = _REGISTERS.get(platform.machine(), _Register(0, 0))
SUPPORTED = _C is not None and bool(_REGISTER.bits)
SUPPORTED = SUPPORTED and _works()
