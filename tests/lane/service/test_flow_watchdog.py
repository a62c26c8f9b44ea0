"""A lane whose flow stands still gives no sign of life; while it loads its networks it does."""

import os
import select
import signal
import threading
import time

import pytest

from lane.decision.referral import PassageId
from lane.gate.simulated import SimulatedGate
from lane.platform.errors import JournalError
from lane.service.flow_watchdog import FlowWatchdog, WatchedClock, WatchedGate
from lane.service.run import RunningLane, sending_beats


def test_every_flow_call_signals_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("lane.service.flow_watchdog.time.monotonic", lambda: now_s)
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


def test_other_threads_signal_no_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("lane.service.flow_watchdog.time.monotonic", lambda: now_s)
    flow_watchdog = FlowWatchdog()
    flow_watchdog.begin()
    now_s = 100.0
    thread = threading.Thread(target=WatchedClock(flow_watchdog, None).monotonic_s)
    thread.start()
    thread.join()
    assert flow_watchdog.silent_s() == 100


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
            for _ in range(600):
                if said:
                    break
                time.sleep(0.05)
    finally:
        os.close(beat)
        signal.signal(signal.SIGTERM, before)
    assert said == [signal.SIGTERM]
