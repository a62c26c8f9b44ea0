"""The command line as a person starts it."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from benchmarks.__main__ import main
from tests.support.processes import heeds_ctrl_c

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def run_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, where all libraries are loaded already."""
    printed, complained = io.StringIO(), io.StringIO()
    on_sigterm, code = signal.getsignal(signal.SIGTERM), 0
    try:
        with (
            patch.object(sys, "argv", ["benchmarks", *arguments]),
            redirect_stdout(printed),
            redirect_stderr(complained),
        ):
            main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)
    return subprocess.CompletedProcess(arguments, code, printed.getvalue(), complained.getvalue())


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """One that somebody may stop by Ctrl-C, and that is gone afterwards in any case."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        preexec_fn=heeds_ctrl_c,  # noqa: PLW1509  no thread runs between fork and exec that it could disturb
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def must_stop_at_ctrl_c(process: "subprocess.Popen[str]") -> None:
    """It ends with 130, prints nothing, and says so without a traceback."""
    process.send_signal(signal.SIGINT)
    printed, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not printed
    assert "stopped" in complained
    assert "Traceback" not in complained
