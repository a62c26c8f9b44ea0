"""For processes and threads that tests start."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

GENEROUS_S = 30.0
T = TypeVar("T")


def heeds_ctrl_c() -> None:
    """Run in the child before it starts: what runs behind a shell's & is born deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ends_with_its_parent() -> None:
    """Run in the child before it starts: nobody else ends it where the tests themselves are killed."""
    parent_death_signal = 1  # prctl(2)
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGQUIT)


def forked(run: Callable[[], object]) -> int:
    """The pid of a process that runs this alone; it need not import everything again."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run()
            status = 0
        finally:
            os._exit(status)
    return child


@contextmanager
def running(code: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A Python process in a session of its own, killed at the end; its output is a pipe."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=ends_with_its_parent,  # noqa: PLW1509
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: "subprocess.Popen[str]") -> str:
    """The next line of its output."""
    assert process.stdout is not None
    return process.stdout.readline()


def children_of(pid: int, words: str = "") -> set[int]:
    """The processes that this one has started, of those whose command line has these words."""
    said = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return {int(child) for child in " ".join(said).split() if words in command_of(int(child))}


def command_of(pid: int) -> str:
    """Empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@contextmanager
def meanwhile(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Work goes on in a thread beside the block, and is told when that has ended."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def until(look: Callable[[], T], within_s: float = GENEROUS_S) -> T:
    """What is found, once something is: for what another process or thread does in its own time."""
    give_up_s = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < give_up_s, "waited for nothing"
        time.sleep(0.01)
    return found
