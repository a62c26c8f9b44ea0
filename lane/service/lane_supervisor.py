"""Keeps one lane's process running; it decides nothing and opens nothing itself.

While no lane runs the gate is shut, the traveller's screen says so, and the desk is told that this lane is at
fault.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from lane.platform.process_supervisor import Backoff, Patience, Supervisor, start_beating

PATIENCE = Patience(first_s=60.0, silent_s=5.0, steady_s=300.0, ends_s=15.0)
"""A lane gives two signs of life in a second; the time to end is for it to shut its gate."""
LONGEST_PAUSE_S, SHORTEST_PAUSE_S = 60.0, 0.5


def lane_supervisor(
    command: Sequence[str],
    down: Callable[[float], AbstractContextManager[object]],
    patience: Patience = PATIENCE,
    backoff: Backoff | None = None,
) -> Supervisor:
    """`down` is entered while no lane runs, with the length of the pause in seconds."""
    return Supervisor(
        "the lane",
        lambda: start_beating(command),
        patience,
        backoff or Backoff(LONGEST_PAUSE_S, SHORTEST_PAUSE_S),
        down=down,
        log_level=logging.CRITICAL,
    )
