"""For processes that tests start."""

import signal
from pathlib import Path


def heeds_ctrl_c() -> None:
    """Run in the child before it starts: what runs behind a shell's & is born deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def children_of(pid: int, words: str = "") -> set[int]:
    """The processes that this one has started, of those whose command line has these words."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in told.split() if words in command_of(int(child))}


def command_of(pid: int) -> str:
    """Empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
