"""How a command line of the project runs and ends: an error is one clear line, never a traceback."""

import logging
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from models.command_line.broken_pipe import quiet_on_closed_pipe
from models.command_line.foreign_packages import refuse_foreign_packages

STOPPED = 130
"""The exit code after Ctrl-C, as a shell has it."""


def run_program(app: Callable[[], object], errors: tuple[type[Exception], ...]) -> None:
    """Exit 2 for these errors, 130 for Ctrl-C, 143 for SIGTERM; what is open is closed on the way out."""
    signal.signal(signal.SIGTERM, _end)
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


def _end(*_: object) -> NoReturn:
    """SIGTERM ends as Ctrl-C does."""
    raise SystemExit(143)


def _stopped() -> NoReturn:
    print("\nstopped", file=sys.stderr)  # noqa: T201
    raise SystemExit(STOPPED) from None
