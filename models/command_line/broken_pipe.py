"""How a command ends whose reader has gone, such as `head`: quietly, as if the pipe had ended it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PIPE_CLOSED = 141
"""128 + SIGPIPE: what a shell says of any command that its reader left."""


@contextmanager
def quiet_on_closed_pipe() -> Iterator[None]:
    """Around a whole command line: exit 141, without a word, where standard output is no longer read."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _leave()
    except SystemExit as ended:
        # typer and rich make exit 1 of it.
        if ended.code == 1 and isinstance(ended.__context__, BrokenPipeError):
            _leave()
        _end(ended)


def _end(ended: SystemExit) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _leave()
    raise ended


def _leave() -> None:
    # Python flushes once more at its end, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(PIPE_CLOSED) from None
