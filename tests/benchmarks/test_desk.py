"""What a shift at a desk comes to, and when that is more than the desk carries."""

from collections import Counter

from benchmarks.desk import told
from benchmarks.shift import Load, Seen

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
    slow = told(LOAD, seen(on_screen_ns={"p-1": 1001 * MS, "p-2": 1100 * MS}), 2)["broken"]
    assert slow == ["on screen later than 1000 ms (p95)"]
    undecided = told(LOAD, seen(decided_ns={}), 2)
    assert (undecided["undecided_at_the_end"], len(undecided["broken"])) == (2, 1)
    assert told(LOAD, seen(late_ns=[2000 * MS]), 2)["broken"] == ["lanes waited longer than 1000 ms (p95)"]


def test_a_shift_without_passengers_has_no_figures_and_breaks_nothing() -> None:
    found = told(LOAD, Seen(), 2)
    assert (found["on_screen"], found["broken"]) == (None, [])
