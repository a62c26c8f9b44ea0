"""Results that were written before, read again: files from other machines, which are believed in nothing.

Whatever they hold is looked up by path, and what is not there, or not of the kind that is wanted, is absent.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.errors import BenchmarkError

LARGEST_BYTES = 64 << 20
"""More than any result has; the largest that is committed has 0.2 MB."""
REPLACED = "\N{REPLACEMENT CHARACTER}"
AGAIN = "measure it again"

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """A result with the name of its file, without its ending."""

    name: str
    benchmark: str
    values: Values

    @property
    def stamp(self) -> Values:
        """What it depends on."""
        stamp: Values = self.values["stamp"]
        return stamp


def read(path: Path) -> Stored:
    """BenchmarkError for a file that is missing, too large, no JSON, or no result with name and stamp."""
    values = _parsed(path, _bytes(path))
    if not isinstance(values, dict) or not isinstance(values.get("stamp"), dict):
        raise BenchmarkError(f"{path} is no result: it has no stamp of what it depends on")
    benchmark = values.get("benchmark")
    if not isinstance(benchmark, str) or not benchmark:
        raise BenchmarkError(f"{path} is no result: it does not say which benchmark it is of; {AGAIN}")
    return Stored(path.stem, benchmark, values)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error.strerror}") from error
    if len(found) > LARGEST_BYTES:
        raise BenchmarkError(f"{path} is larger than any result: more than {LARGEST_BYTES >> 20} MB")
    return found


def _parsed(path: Path, found: bytes) -> Any:
    try:
        return json.loads(found, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, NaN, nested without an end
        raise BenchmarkError(f"{path} is no result: no JSON that can be read ({error})") from error


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def at(values: Any, *path: str) -> Any:
    """What lies at this path; None where nothing does."""
    for key in path:
        if not isinstance(values, Mapping):
            return None
        values = values.get(key)
    return values


def number(values: Any, *path: str) -> float | None:
    """The finite number at this path; None where there is none."""
    found = at(values, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        told = float(found)
    except OverflowError:  # JSON's integers have no end
        return None
    return told if math.isfinite(told) else None


def text(values: Any, *path: str) -> str | None:
    """The text at this path; None where there is none."""
    found = at(values, *path)
    return found if isinstance(found, str) and found else None


def plain(told: str) -> str:
    """A foreign text as letters alone: nothing that a terminal obeys, or that a page may not hold."""
    borne = (one if one.isprintable() or one == "\N{NO-BREAK SPACE}" else REPLACED for one in told)
    return "".join(borne)


def entries(values: Any, *path: str) -> tuple[tuple[str, Any], ...]:
    """Keys and values of the object at this path; of a list, its places; none where there is neither."""
    found = at(values, *path)
    if isinstance(found, Mapping):
        return tuple(found.items())
    return tuple((str(place), one) for place, one in enumerate(found)) if isinstance(found, list) else ()
