"""A lane whose flow stands still gives no sign of life; one that ends or hangs is started again."""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from lane.decision.referral import PassageId
from lane.gate.simulated import SimulatedGate
from lane.platform.errors import JournalError
from lane.platform.process_supervisor import Backoff, Supervisor
from lane.service.run import RunningLane, sending_beats
from lane.service.watchdog import PATIENCE, FlowWatchdog, WatchedClock, WatchedGate, lane_supervisor
from tests.support.processes import until


def test_every_flow_call_signals_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("lane.service.watchdog.time.monotonic", lambda: now_s)
    flow_watchdog = FlowWatchdog()
    clock, gate = WatchedClock(flow_watchdog, None), WatchedGate(SimulatedGate(), flow_watchdog)
    now_s = 1000.0
    assert flow_watchdog.silent_s() == 0, "until it begins it may load networks for long"
    flow_watchdog.begin()
    asks = [
        clock.now,
        clock.monotonic_s,
        gate.events,
        gate.trouble,
        lambda: gate.open(PassageId("p-1")),
        lambda: gate.wait_passed(0.1),
        gate.close,
    ]
    for ask in asks:
        now_s += 100
        assert flow_watchdog.silent_s() == 100
        ask()
        assert flow_watchdog.silent_s() == 0
    now_s += 100
    thread = threading.Thread(target=clock.monotonic_s)
    thread.start()
    thread.join()
    assert flow_watchdog.silent_s() == 100, "another thread is not the flow"


def test_stalled_flow_stops_signalling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lane.service.run.BEAT_S", 0.01)
    beats, beat = os.pipe()
    try:
        flow_watchdog = FlowWatchdog()
        flow_watchdog.begin()
        with sending_beats(flow_watchdog, beat):
            assert select.select([beats], [], [], 10)[0], "it lives"
            monkeypatch.setattr("lane.service.run.HUNG_S", -1.0)
            while select.select([beats], [], [], 0.5)[0]:
                os.read(beats, 4096)
    finally:
        os.close(beats)
        os.close(beat)


def test_self_closed_lane_is_not_restarted(monkeypatch: pytest.MonkeyPatch) -> None:

    class Closed:
        closed = True

        def start(self) -> None:
            """Nothing is left from before."""

        def serve(self) -> None:
            """It serves nobody."""

    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise SystemExit(143)  # as SIGTERM does

    monkeypatch.setattr("lane.service.run.time.sleep", sleep)

    def fails() -> None:
        raise JournalError("the disk is full")

    lane = RunningLane(Closed(), FlowWatchdog(), fails, lambda _: None)  # type: ignore[arg-type]  # a station in name only
    with pytest.raises(SystemExit):
        list(lane.reports())
    assert len(looks) == 3


def test_orphaned_lane_ends() -> None:
    said: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: said.append(number))
    beats, beat = os.pipe()
    os.close(beats)
    try:
        with sending_beats(FlowWatchdog(), beat):
            until(lambda: said)
    finally:
        os.close(beat)
        signal.signal(signal.SIGTERM, before)
    assert said == [signal.SIGTERM]


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
