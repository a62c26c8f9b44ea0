"""A result as JSON: on standard output or as a whole file, never half a one."""

import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError

STDOUT = Path("-")


def write(result: dict[str, Any], out: Path) -> None:
    """To the file, which appears at once and complete, or to standard output for `-`. NaN is refused."""
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    if out == STDOUT:
        sys.stdout.write(text)
    else:
        write_text(text, out)


def write_text(text: str, out: Path) -> None:
    """To the file, which appears at once and complete. BenchmarkError if it cannot be written."""
    try:
        _replace(out, text)
    except OSError as error:
        raise BenchmarkError(f"{out} cannot be written: {error.strerror}") from error


def must_be_writable(out: Path | None) -> None:
    """Before minutes of measuring: BenchmarkError if no file can be put there."""
    if out is None or out == STDOUT:
        return
    if out.is_dir():
        raise BenchmarkError(f"{out} cannot be written: it is a folder")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise BenchmarkError(f"{out} cannot be written: no folder {out.parent} to write into")


def finite(number: float, digits: int = 4) -> float | None:
    """Rounded; null where it is not a number."""
    return round(number, digits) if math.isfinite(number) else None


def _replace(out: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # as a redirect would have made it; mkstemp hides it from others
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
