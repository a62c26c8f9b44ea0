"""Results as files: read again, and believed in nothing beyond their form; written whole, never half."""

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import FORM, Result
from models.catalogue.weights import write_atomically

STDOUT = Path("-")
LARGEST_BYTES = 64 << 20
"""More than any result has; the largest that is committed has 0.2 MB."""
REPLACED = "\N{REPLACEMENT CHARACTER}"


def read(path: Path) -> Result:
    """BenchmarkError for a file that is missing, too large, or no result in this form."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise BenchmarkError(f"{path} is larger than any result: more than {LARGEST_BYTES >> 20} MB")
    return parse(content, str(path))


def parse(content: bytes | str, where: str) -> Result:
    """BenchmarkError where this is no result; `where` it stands is named."""
    try:
        found = json.dumps(_printable(json.loads(content, parse_constant=_no_number)))
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, NaN, nested without an end
        raise BenchmarkError(f"{where} is no result: no JSON that can be read ({error})") from error
    try:
        return Result.model_validate_json(found)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        why = f"{where} is no result in form {FORM}: {field}: {first['msg']}"
        raise BenchmarkError(f"{why}. Measure it again with this release") from error


def printable(text: str) -> str:
    """A foreign text without what a terminal obeys, or a page may not hold."""
    kept = (one if one.isprintable() or one == "\N{NO-BREAK SPACE}" else REPLACED for one in text)
    return "".join(kept)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(one) for one in value]
    if isinstance(value, dict):
        return {printable(key): _printable(one) for key, one in value.items()}
    return value


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def write(text: str, out: Path) -> None:
    """To the file, which appears at once and whole, or to standard output for `-`.

    BenchmarkError if it cannot be written.
    """
    if out == STDOUT:
        sys.stdout.write(text)
        return
    try:
        write_atomically(out, text.encode())
    except OSError as error:
        raise BenchmarkError(f"{out} cannot be written: {error.strerror}") from error


def must_be_writable(out: Path | None) -> Path | None:
    """Before minutes of measuring: BenchmarkError if no file can be put there."""
    if out is None or out == STDOUT:
        return out
    if out.is_dir():
        raise BenchmarkError(f"{out} cannot be written: it is a folder")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise BenchmarkError(f"{out} cannot be written: no folder {out.parent} to write into")
    return out
