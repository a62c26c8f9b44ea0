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


def test_a_lane_that_ends_is_started_again_after_longer_and_longer_pauses() -> None:
    down = Down(5)
    kept = supervisor(ENDS, down)
    assert kept.run_until_signal() == 143
    assert kept.starts == 5
    assert down.paused_s == [0.01, 0.02, 0.03, 0.03, 0.03]


def test_what_fails_while_no_lane_runs_starts_it_again_all_the_same() -> None:
    kept = supervisor(ENDS, Down(3, fails=True))
    assert kept.run_until_signal() == 143
    assert kept.starts == 3


def test_a_lane_that_gives_no_sign_of_life_is_killed_and_started_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept = supervisor(HANGS, Down(2), silent_s=0.3)
    assert kept.run_until_signal() == 143
    assert kept.starts == 2
    assert caplog.text.count("is killed") == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_lane_that_is_told_to_end_ends_and_is_not_started_again(number: int, code: int) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: os.kill(os.getpid(), number))
    try:
        kept = supervisor(LIVES, Down(99))
        assert kept.run_until_signal() == code
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert kept.starts == 1
    assert kept.last.status == 143, "it got the time to shut its gate"


def test_a_lane_that_does_not_end_when_told_is_killed() -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        kept = supervisor(DEAF, Down(99), ends_s=0.5)
        assert kept.run_until_signal() == 143
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert kept.last.status == -signal.SIGKILL
