"""What every command line does first and last: refuse foreign packages, end quietly on a closed pipe.

`lane`, `models`, `api` are plain names: they refuse to start beside a distribution that ships one of them.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions

OURS = "passenger-lane"
NAMES = ("api", "lane", "models")
PIPE_CLOSED = 141
"""128 + SIGPIPE: what a shell says of any command that its reader left."""


class ForeignPackageError(ImportError):
    """Another distribution ships a package of one of our names, and Python might run its code instead."""


def refuse_foreign_packages() -> None:
    """Raises ForeignPackageError that names the package and the distribution."""
    owners = packages_distributions()
    for name in NAMES:
        others = [owner for owner in owners.get(name, []) if owner.lower().replace("_", "-") != OURS]
        if others:
            raise ForeignPackageError(
                f"the package name {name!r} is also shipped by {', '.join(others)}: "
                "install Passenger Lane in an environment of its own"
            )


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
