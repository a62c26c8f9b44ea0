"""What a shift at a desk comes to, and when that is more than the desk carries."""

import asyncio
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.capacity.desk import _whole_loop, carried, draw, summed_up
from benchmarks.capacity.http_load import Load, Observed
from benchmarks.harness.plots import svg
from benchmarks.harness.result import read
from tests.support.benchmarks.command_line import must_stop_at_ctrl_c, run, run_here, running
from tests.support.benchmarks.made_up_results import of_step, result

LOAD = Load(per_hour=360, referred=0.5, seconds=10, officer_s=1)
MS = 1_000_000


def seen(**more: object) -> Observed:
    """Two referrals, both on the screen and decided."""
    whole = {
        "passages": 4,
        "late_ns": [1 * MS] * 4,
        "sent_at": {"p-1": 0, "p-2": 5 * MS},
        "on_screen_ns": {"p-1": 100 * MS, "p-2": 25 * MS},
        "decided_ns": {"p-1": 3000 * MS, "p-2": 2000 * MS},
    }
    return Observed(**(whole | more))  # type: ignore[arg-type]


def test_carried_load_has_figures() -> None:
    step = summed_up(LOAD, seen())
    found = of_step(step)
    assert step.broken == ()
    assert (step.load, found["referrals"].number) == (0.4, 2)
    assert (found["on screen"].number, found["on screen"].tails["p99"]) == (20, 100)
    assert found["decided"].tails["p95"] == 3000
    empty = summed_up(LOAD, Observed())
    assert (of_step(empty)["on screen"].number, empty.broken) == (None, ())


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"errors": Counter({"entries: HTTP 503 store_busy": 1})}, "requests failed"),
        ({"on_screen_ns": {"p-1": 1}}, "referrals never reached the screen"),
        ({"on_screen_ns": {"p-1": 501 * MS, "p-2": 600 * MS}}, "on screen later than 500 ms (p95)"),
        ({"decided_ns": {}}, "referrals were not decided: too few officers, or too slow a desk"),
        ({"late_ns": [2000 * MS]}, "lanes waited longer than 1000 ms (p95)"),
    ],
)
def test_what_breaks_is_named(more: dict[str, object], why: str) -> None:
    step = summed_up(LOAD, seen(**more))
    assert step.broken == (why,)
    found = {name: one.number for name, one in of_step(step).items()}
    assert (found["never on screen"] == 1) is ("never" in why)
    assert (found["undecided at the end"] == 2) is ("not decided" in why)


SMALL = ("--lanes", "2", "--officers", "2", "--per-hour", "3600", "--referred", "1", "--officer-s", "0")


@pytest.mark.thorough
def test_desk_measures_from_command_line(tmp_path: Path) -> None:
    out = tmp_path / "desk.json"
    done = run("desk", *SMALL, "--seconds", "2", "--no-search", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "starting a desk on sqlite, with 2 lanes and 2 officers" in done.stderr
    found = read(out)
    step, load = {one.name[-1]: one.number for one in found.under("steps")}, "3600 a lane and hour"
    assert list(found.under("errors")) == []
    assert (step["never on screen"], step["undecided at the end"]) == (0, 0)
    assert step["referrals"] == step["passages"] == found["on screen", load].n == found["decided", load].n
    assert (step["passages"] or 0) > 0
    assert "fastapi" in found.stamp.libraries
    (drawing,) = found.drawings
    assert "<svg" in (tmp_path / drawing).read_text()
    assert f"{step['referrals']} referred" in done.stderr


def test_help_tells_measures_and_break_criterion() -> None:
    help_text = " ".join(run_here("desk", "--help").stdout.split())
    for part in ("--lanes", "--database", "--search", "500 ms", "Broken is a step", "Example:"):
        assert part in help_text


@pytest.mark.thorough
def test_ctrl_c_ends_measurement_and_desk(tmp_path: Path) -> None:
    with running("desk", *SMALL, "--seconds", "60", TMPDIR=str(tmp_path)) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("passages an hour of each" in line for line in lines)
        must_stop_at_ctrl_c(process)
    assert list(tmp_path.iterdir()) == [], "the desk's folder is gone, and with it the desk"


def test_ctrl_c_waits_for_loop_creation(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_search_is_drawn_with_broken_step() -> None:
    broken = summed_up(replace(LOAD, per_hour=720), seen(errors=Counter({"entries": 1})))
    steps = [summed_up(LOAD, seen()), broken]
    made = result("desk", carried(steps), *(figure for step in steps for figure in step.figures))
    drawn = svg(draw(made, "desk"))
    assert drawn.count('id="ring"') == 3, "a ring on each line, at the second step"
    assert "passages a second" in drawn
