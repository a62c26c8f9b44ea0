"""What a shift at a desk comes to, and when that is more than the desk carries."""

import asyncio
import json
import signal
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.accuracy.score_plots import draw_steps
from benchmarks.desk.http_load import Load, Seen
from benchmarks.desk.measure import _whole_loop, told
from tests.support.benchmarks.command_line import run, running

LOAD = Load(per_hour=360, referred=0.5, seconds=10, officer_s=1)
MS = 1_000_000


def seen(**more: object) -> Seen:
    """Two referrals, both on the screen and decided."""
    whole = {
        "passages": 4,
        "late_ns": [1 * MS] * 4,
        "sent_at": {"p-1": 0, "p-2": 5 * MS},
        "on_screen_ns": {"p-1": 100 * MS, "p-2": 25 * MS},
        "decided_ns": {"p-1": 3000 * MS, "p-2": 2000 * MS},
    }
    return Seen(**(whole | more))  # type: ignore[arg-type]


def test_a_load_that_is_carried_is_told_in_figures() -> None:
    found = told(LOAD, seen(), lanes=2)
    assert found["broken"] == []
    assert (found["passages_per_second"], found["referrals"]) == (0.4, 2)
    assert (found["on_screen"]["p50_ms"], found["on_screen"]["p99_ms"]) == (20, 100)
    assert found["decided"]["p95_ms"] == 3000


def test_what_breaks_is_named() -> None:
    assert told(LOAD, seen(errors=Counter({"entries: HTTP 503 store_busy": 1})), 2)["broken"] == [
        "requests failed"
    ]
    lost = told(LOAD, seen(on_screen_ns={"p-1": 1}), 2)
    assert (lost["never_on_screen"], lost["broken"]) == (1, ["referrals never reached the screen"])
    slow = told(LOAD, seen(on_screen_ns={"p-1": 501 * MS, "p-2": 600 * MS}), 2)["broken"]
    assert slow == ["on screen later than 500 ms (p95)"]
    undecided = told(LOAD, seen(decided_ns={}), 2)
    assert (undecided["undecided_at_the_end"], len(undecided["broken"])) == (2, 1)
    assert told(LOAD, seen(late_ns=[2000 * MS]), 2)["broken"] == ["lanes waited longer than 1000 ms (p95)"]


def test_a_shift_without_passengers_has_no_figures_and_breaks_nothing() -> None:
    found = told(LOAD, Seen(), 2)
    assert (found["on_screen"], found["broken"]) == (None, [])


SMALL = ("--lanes", "2", "--officers", "2", "--per-hour", "3600", "--referred", "1", "--officer-s", "0")


@pytest.mark.thorough
def test_a_desk_is_measured_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "desk.json"
    done = run("desk", *SMALL, "--seconds", "2", "--no-search", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "starting a desk on sqlite, with 2 lanes and 2 officers" in done.stderr
    found = json.loads(out.read_text())
    (step,) = found["steps"]
    assert (step["errors"], step["never_on_screen"], step["undecided_at_the_end"]) == ({}, 0, 0)
    assert step["referrals"] == step["passages"] == step["on_screen"]["n"] == step["decided"]["n"] > 0
    assert {"date_utc", "commit", "cpu", "libraries"} <= found["stamp"].keys()
    assert (tmp_path / found["drawing"]).read_text().startswith("<svg")
    assert f"{step['referrals']} referred" in done.stdout


def test_the_help_says_what_is_measured_and_when_a_step_is_broken() -> None:
    told = " ".join(run("desk", "--help").stdout.split())
    for part in ("--lanes", "--database", "--search", "500 ms", "Broken is a step", "Example:"):
        assert part in told


@pytest.mark.thorough
def test_ctrl_c_ends_a_measurement_and_its_desk(tmp_path: Path) -> None:
    with running("desk", *SMALL, "--seconds", "60", TMPDIR=str(tmp_path)) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("passages an hour of each" in line for line in lines)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, "stopped" in told, "Traceback" in told) == (130, True, False)
    assert list(tmp_path.iterdir()) == [], "the desk's folder is gone, and with it the desk"


def test_ctrl_c_while_a_loop_is_made_waits_until_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made, new, before = [], asyncio.events.new_event_loop, signal.getsignal(signal.SIGINT)

    def interrupted() -> asyncio.AbstractEventLoop:
        signal.raise_signal(signal.SIGINT)
        made.append(new())
        return made[0]

    monkeypatch.setattr(asyncio.events, "new_event_loop", interrupted)
    with pytest.raises(KeyboardInterrupt), _whole_loop():
        pytest.fail("a step began after Ctrl-C")
    assert made[0].is_closed()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_search_is_drawn_with_the_step_that_broke(tmp_path: Path) -> None:
    steps = [told(LOAD, seen(), 2), told(LOAD, seen(errors=Counter({"entries": 1})), 2)]
    name = draw_steps(tmp_path / "desk.json", steps, "desk")
    drawn = (tmp_path / name).read_text()
    assert drawn.count('r="6"') == 3, "a ring on each line, at the second step"
    assert "passages a second" in drawn
