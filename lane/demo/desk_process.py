"""Starts the desk as a process of its own, as in the field; the lane does not import it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lane.platform.errors import SettingsError
from lane.platform.process_supervisor import Child, start_talking

_READY = b"desk listening at "
_START_S = 60
_ENDS_WITHIN_S = 10


def ask(arguments: Sequence[str]) -> Any:
    """Run one command of the desk and read its JSON. Raises SettingsError with what it said."""
    command = _command(arguments)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_START_S)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise SettingsError(f"the desk's command did not end within {_START_S} s") from error
    if done.returncode not in (0, 1):
        raise SettingsError(f"the desk's command failed: {done.stderr.strip()[-2000:]}")
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise SettingsError(f"the desk's command failed: {done.stderr.strip()[-2000:]}") from error


@contextmanager
def desk_process(database: Path, log: Path, port: int = 0) -> Iterator[str]:
    """The address of a desk that runs until the block ends. Raises SettingsError where it does not start."""
    arguments = ["serve", "--database", str(database), "--host", "127.0.0.1", "--port", str(port)]
    with open(log, "wb", opener=_for_its_owner) as errors:
        child = start_talking(_command([*arguments, "--exit-with-parent"]), errors=errors)
        try:
            yield listening_at(child, log)
        finally:
            child.process.terminate()
            child.end(_ENDS_WITHIN_S)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def listening_at(child: Child, log: Path) -> str:
    """The address of a desk that is starting. Raises SettingsError where it does not start."""
    too_late = threading.Timer(_START_S, child.process.kill)
    too_late.start()
    try:
        for line in child.output:
            if line.startswith(_READY):
                return line.removeprefix(_READY).decode().strip()
    finally:
        too_late.cancel()
    raise SettingsError(f"the desk did not start: {log.read_text(errors='replace')[-2000:]}")


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "api", *arguments]
