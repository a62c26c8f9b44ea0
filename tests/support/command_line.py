"""A command line of the project, run in this process: to start one for each test takes most of the time."""

import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess

import pytest


def in_process(main: Callable[[], None], *arguments: str | Path) -> CompletedProcess[str]:
    """What `main` does with these arguments, and with nobody at standard input."""
    typed, out, err, status = [main.__module__, *map(str, arguments)], StringIO(), StringIO(), 0
    heeded = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.setattr(sys, "argv", typed)
        patched.setattr(sys, "stdin", StringIO())
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        finally:
            signal.signal(signal.SIGTERM, heeded)
    return CompletedProcess(typed, status, out.getvalue(), err.getvalue())
