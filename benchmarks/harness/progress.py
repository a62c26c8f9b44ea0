"""A bar on standard error while a command works.

Without typer: `cold_start` imports this while its own start is timed.
"""

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")
DRAWN_EVERY_S = 0.2


def follow(items: Sequence[T], what: str) -> Iterator[T]:
    """The items, with a bar on standard error, where a terminal watches.

    It is drawn between items, never from a thread beside them: that would take time from what is timed.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    disable = not console.is_terminal
    with Progress(*columns, console=console, transient=True, auto_refresh=False, disable=disable) as bar:
        task = bar.add_task(what, total=len(items))
        drawn = 0.0
        for item in items:
            if (now := time.monotonic()) - drawn > DRAWN_EVERY_S:
                drawn = now
                bar.refresh()
            yield item
            bar.advance(task)
