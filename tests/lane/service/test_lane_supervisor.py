"""A lane that ends is started again, one that hangs is killed first; one that was told to end has ended."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from lane.platform.process_supervisor import Backoff, Supervisor
from lane.service.lane_supervisor import PATIENCE, lane_supervisor

ENDS = "import sys; sys.exit(3)"
HANGS = "import os, sys, time; os.write(int(sys.argv[-1]), b'.'); time.sleep(600)"
LIVES = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
os.kill(os.getppid(), signal.SIGUSR1)
while True:
    os.write(int(sys.argv[-1]), b'.')
    time.sleep(0.05)
"""
DEAF = LIVES.replace("lambda *_: sys.exit(143)", "signal.SIG_IGN")


@dataclass
class Down:
    """Counts the pauses, and ends the supervisor after so many."""

    most: int
    fails: bool = False
    paused_s: list[float] = field(default_factory=list)

    @contextmanager
    def __call__(self, pause_s: float) -> Iterator[None]:
        self.paused_s.append(pause_s)
        if len(self.paused_s) == self.most:
            os.kill(os.getpid(), signal.SIGTERM)
        if self.fails:
            raise RuntimeError("nobody thought of this")
        yield


def supervisor(script: str, down: Down, **patience: float) -> Supervisor:
    return lane_supervisor(
        [sys.executable, "-c", script],
        down,
        replace(PATIENCE, **patience),
        Backoff(longest_s=0.03, shortest_s=0.01, shortened=0.0),
    )


def test_ended_lane_restarts_with_growing_pauses() -> None:
    down = Down(5)
    kept = supervisor(ENDS, down)
    assert kept.run_until_signal() == 143
    assert kept.starts == 5
    assert down.paused_s == [0.01, 0.02, 0.03, 0.03, 0.03]


def test_failure_while_down_still_restarts() -> None:
    kept = supervisor(ENDS, Down(3, fails=True))
    assert kept.run_until_signal() == 143
    assert kept.starts == 3


def test_silent_lane_is_killed_and_restarted(caplog: pytest.LogCaptureFixture) -> None:
    kept = supervisor(HANGS, Down(2), silent_s=0.3)
    assert kept.run_until_signal() == 143
    assert kept.starts == 2
    assert caplog.text.count("is killed") == 2


@contextmanager
def signalled_by_child(number: int) -> Iterator[None]:
    """The supervisor gets this signal as soon as its child lives."""
    before = signal.signal(signal.SIGUSR1, lambda *_: os.kill(os.getpid(), number))
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signalled_lane_ends_without_restart(number: int, code: int) -> None:
    kept = supervisor(LIVES, Down(99))
    with signalled_by_child(number):
        assert kept.run_until_signal() == code
    assert kept.starts == 1
    assert kept.last.status == 143, "it got the time to shut its gate"


def test_unending_lane_is_killed() -> None:
    kept = supervisor(DEAF, Down(99), ends_s=0.5)
    with signalled_by_child(signal.SIGTERM):
        assert kept.run_until_signal() == 143
    assert kept.last.status == -signal.SIGKILL
