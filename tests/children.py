"""For processes that tests start."""

import signal


def heeds_ctrl_c() -> None:
    """Run in the child before it starts: what runs behind a shell's & is born deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
