"""How every command line runs and ends: an error is one clear line, never a traceback.

`lane`, `models`, `api` are plain names: they refuse to start beside a distribution that ships one of them.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from typing import NoReturn

OURS = "passenger-lane"
NAMES = ("api", "lane", "models")
PIPE_CLOSED = 141
"""128 + SIGPIPE: what a shell says of any command that its reader left."""


STOPPED = 130
"""The exit code after Ctrl-C, as a shell has it."""


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


def run_program(app: Callable[[], object], errors: tuple[type[Exception], ...]) -> None:
    """Exit 2 for these errors, 130 for Ctrl-C, 143 for SIGTERM; what is open is closed on the way out."""
    signal.signal(signal.SIGTERM, _end_on_signal)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        refuse_foreign_packages()
        with quiet_on_closed_pipe():
            app()
    except errors as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Ctrl-C while a compiled library is loaded
            _stopped()
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        _stopped()
    except SystemExit as ended:
        if ended.code == STOPPED:  # typer makes this of Ctrl-C, and says nothing
            _stopped()
        raise


def _end_on_signal(*_: object) -> NoReturn:
    """SIGTERM ends as Ctrl-C does."""
    raise SystemExit(143)


def _stopped() -> NoReturn:
    print("\nstopped", file=sys.stderr)  # noqa: T201
    raise SystemExit(STOPPED) from None
