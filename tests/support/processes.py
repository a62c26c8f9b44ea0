"""For processes that tests start."""

import ctypes
import signal
from pathlib import Path


def heeds_ctrl_c() -> None:
    """Run in the child before it starts: what runs behind a shell's & is born deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ends_with_its_parent() -> None:
    """Run in the child before it starts: nobody else ends it where the tests themselves are killed."""
    parent_death_signal = 1  # prctl(2)
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGQUIT)


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
