"""How a command tells: progress beside the result, the result as a table, as JSON, or both."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.harness import result_file


def tell(
    result: dict[str, Any], json_out: Path | None, show: Callable[[Console, dict[str, Any]], None]
) -> None:
    """To the file or standard output that was asked for; and by `show`, unless standard output has it.

    ValueError for a result that does not say which benchmark it is, or what it depends on.
    """
    if unsaid := {"benchmark", "stamp"} - result.keys():
        raise ValueError(f"a result without {sorted(unsaid)} cannot be compared with another")
    tell_unstamped(result, json_out, show)


def tell_unstamped(
    result: dict[str, Any], json_out: Path | None, show: Callable[[Console, dict[str, Any]], None]
) -> None:
    """As `tell`, for what is read from results or has a form of its own."""
    if json_out is not None:
        result_file.write(result, json_out)
    if json_out != result_file.STDOUT:
        show(console(), result)


def console() -> Console:
    """Standard output, wide enough for a table."""
    made = Console(soft_wrap=True, highlight=False)
    if not made.is_terminal:
        made.width = 140  # a file has no width, and a table that is cut says less
    return made


def say(text: str) -> None:
    """Progress, beside the result."""
    print(text, file=sys.stderr, flush=True)
