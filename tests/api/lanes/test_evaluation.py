"""The evaluation in service: each fact counted once and told as rates; no alarm comes by mere chance."""

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from api.audit.verify.ledger import verify_ledger
from api.lanes.evaluation.alarms import FALSE_ALARM, FEWEST_ERRORS, Trials, of_strangers
from api.lanes.evaluation.series import FEWEST_OF_A_GROUP, MOST_SERIES, counts_of
from api.ledger.facts import EvaluatedFact
from api.platform.database.tables import CountsRow, SeriesRow
from lane.decision.evidence import to_plain
from lane.evaluation.cohort import Tally
from lane.evaluation.evaluator import Limits
from lane.evaluation.intervals import rate
from tests.support.api.evaluated_lane import (
    MATCHER,
    OFF,
    SHADOW,
    alarms,
    body,
    cohort,
    evaluation,
    fnmr_alarm,
    kinds,
    refer,
    series,
    tell,
    tell_many,
)
from tests.support.api.running_desk import Lane, Officer, RunningDesk, refusal

pytestmark = pytest.mark.usefixtures("early_in_an_hour")


def test_stranger_counts_have_bounds_and_intervals(lane: Lane, supervisor: Officer) -> None:
    """Both bounds, with exact intervals."""
    tell(lane, cohort=cohort(Tally(100, 0, 0, 0)))
    tell(lane, cohort=cohort(Tally(99, 1, 1, 1)))
    for where in ("lane-1", None):
        found = series(supervisor, where)["strangers"]
        assert (found["passengers"], found["passengers_matched"], found["expected"]) == (2, 1, 1e-3)
        assert found["low"] == rate(1, 199).plain()
        assert found["high"] == rate(2, 200).plain()


def test_holders_are_those_officer_admitted(lane: Lane, officer: Officer, supervisor: Officer) -> None:
    tell_many(lane, 7)
    refer(lane, officer, "admit", "same_person")
    refer(lane, officer, "admit", "checked_by_hand")
    refer(lane, officer, "second_line", "different_person")
    refer(lane, officer, "second_line", "cannot_tell")
    refer(lane, officer, None)
    matched = lane.refer_to(officer, images=[], reasons=[{"code": "D11"}])
    officer.decide(matched, "second_line", "different_person")
    tell(lane, passage=matched)
    found = series(supervisor)["holders"]
    assert found["low"] == rate(2, 9).plain()
    assert found["high"] == rate(4, 11).plain()
    assert (found["undecided"], found["strangers_stopped"], found["strangers_matched"]) == (2, 1, 1)


def test_repeated_delivery_counts_once(lane: Lane, supervisor: Officer) -> None:
    entry = lane.write("passage.evaluated", body("p-1"))
    for _ in range(3):
        assert lane.deliver(entry).status_code == 200
    tell(lane, passage="p-1")
    assert series(supervisor)["strangers"]["passengers"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"matcher": {"name": "x"}},
        {"matcher": MATCHER | {"sha256": "not a hash"}},
        {"group": "not a code"},
        {"own_match": "perhaps"},
        {"cohort": {"others": {"compared": -1, "matched": 0}}},
        {"cohort": {"others": {"compared": 10**12, "matched": 0}}},
        {"cohort": {"others": {"compared": True, "matched": 0}}},
        {"cohort": {"others": {"compared": 1.5, "matched": 0}}},
        {"cohort": {"others": {"compared": "7", "matched": 0}}},
        {"cohort": {"others": {"compared": 1, "matched": 2}}},
        {"own_match": "yes"},
        {"own_match": 1},
        {"matcher": MATCHER | {"name": "x" * 129}},
        {"limits": {"fmr": 2}},
        {"limits": {"fmr": -1e-9}},
        {"limits": {"fmr": "0.1"}},
        {"passage": "../.."},
    ],
)
def test_nonsense_fact_kept_without_blocking(
    wrong: dict[str, Any], desk: RunningDesk, lane: Lane, supervisor: Officer
) -> None:
    entries = [
        lane.write("passage.evaluated", body("p-1") | wrong),
        lane.write("passage.started", {"passage": "p-2"}),
    ]
    assert lane.deliver(*entries).json()["applied_through"] == 2
    assert evaluation(supervisor)["series"] == []
    assert verify_ledger(desk.desk.database).head.seq > 2


def test_statistics_fault_blocks_no_delivery(
    desk: RunningDesk, lane: Lane, supervisor: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("api.lanes.evaluation.alarms.update", fails)
    tell(lane)
    assert evaluation(supervisor)["series"] == [], "nothing half counted"
    monkeypatch.undo()
    tell(lane)
    assert series(supervisor)["strangers"]["passengers"] == 1
    assert verify_ledger(desk.desk.database).head.seq > 2


def test_what_was_not_assessed_counts_nothing(lane: Lane, supervisor: Officer) -> None:
    tell(lane, matcher=None)
    assert evaluation(supervisor)["series"] == []
    tell(lane, own_match=False, cohort=cohort(Tally(100, 3, 0, 0)))
    tell(lane, own_match=None, cohort=OFF, limits=to_plain(Limits()))
    found = series(supervisor)
    assert found["strangers"]["low"] == rate(0, 0).plain(), "nor do strangers, of who did not match"
    assert found["holders"]["low"]["rate"] is None
    assert found["strangers"]["expected"] is None


def test_other_file_or_preprocessing_other_matcher(lane: Lane, supervisor: Officer) -> None:
    tell(lane)
    tell(lane, matcher=MATCHER | {"sha256": "e" * 64})
    tell(lane, matcher=MATCHER | {"preprocessing": "e" * 64})
    mine = [one for one in evaluation(supervisor)["series"] if one["lane"] == "lane-1"]
    assert [one["strangers"]["passengers"] for one in mine] == [1, 1, 1]


def test_lanes_are_counted_apart_and_together(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    with desk.lane("lane-2") as other:
        tell_many(lane, 2)
        tell_many(other, 3)
    counts = [series(supervisor, where)["strangers"]["passengers"] for where in ("lane-1", "lane-2", None)]
    assert counts == [2, 3, 5]


def test_no_lane_sets_expectation_for_others(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    with desk.lane("lane-2") as other:
        tell_many(lane, 9)
        tell(other, limits=to_plain(Limits(fmr=1.0, fnmr=None)))
        desk.clock.pass_time(hours=1)
        tell(other, limits=to_plain(Limits(fmr=1.0, fnmr=None)))
    site = series(supervisor, lane=None)
    assert site["strangers"]["expected"] == pytest.approx((9 * 1e-3 + 2 * 1.0) / 11)
    assert site["holders"]["expected"] == pytest.approx(0.05)
    assert series(supervisor)["strangers"]["expected"] == 1e-3


def test_small_group_is_not_told(lane: Lane, supervisor: Officer) -> None:
    within = {"group": "UTO", "cohort": cohort(Tally(100, 1, 0, 0), Tally(40, 1, 0, 0))}
    tell_many(lane, FEWEST_OF_A_GROUP - 1, **within)
    assert {one["group"] for one in evaluation(supervisor)["series"]} == {None}
    assert "UTO" not in supervisor.ask("GET", "/metrics").text
    tell(lane, **within)
    found = series(supervisor, group="UTO")
    assert found["strangers"]["low"] == rate(FEWEST_OF_A_GROUP, 40 * FEWEST_OF_A_GROUP).plain()
    assert series(supervisor)["strangers"]["low"]["n"] == 100 * FEWEST_OF_A_GROUP
    assert 'group="UTO"' in supervisor.ask("GET", "/metrics").text


def test_the_second_matchers_agreement_is_told(lane: Lane, supervisor: Officer) -> None:
    for agreement in ("both_match", "both_match", "disagree", "both_not"):
        tell(lane, shadow={"matcher": SHADOW, "similarity": {"value": 0.5}, "agreement": agreement})
    tell(lane, shadow={"matcher": SHADOW, "similarity": {"value": 0.5}, "agreement": None})
    (shadow,) = series(supervisor)["shadows"]
    assert shadow["matcher"] == "dlib-resnet-29"
    assert shadow["agreed"] == rate(1, 4).plain()
    assert (shadow["both_match"], shadow["both_not"]) == (2, 1)


@pytest.mark.thorough
def test_no_lane_fills_disk_with_matchers(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    """Nor takes the place of others."""
    names = [f"invented-{number}" for number in range(MOST_SERIES + 20)]
    with desk.lane("lane-2") as inventive:
        facts = [body(str(uuid4()), matcher=MATCHER | {"name": name}) for name in names]
        inventive.deliver(*(inventive.write("passage.evaluated", fact) for fact in facts))
    with desk.desk.database.read() as session:
        kept = session.scalar(select(func.count()).where(SeriesRow.lane == "lane-2"))
    assert kept == MOST_SERIES
    tell(lane)
    told = [one["lane"] for one in evaluation(supervisor)["series"] if one["matcher"] == MATCHER]
    assert told == [None, "lane-1"]
    assert supervisor.http.get(f"{desk.address}/evaluation").status_code == 200


def test_facts_older_than_window_are_gone(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    tell(lane)
    desk.clock.pass_time(days=29)
    tell(lane)
    assert series(supervisor)["strangers"]["passengers"] == 2
    desk.clock.pass_time(days=2)
    assert series(supervisor)["strangers"]["passengers"] == 1
    tell(lane, matcher=MATCHER | {"name": "another"})
    desk.clock.pass_time(days=40)
    tell(lane)
    with desk.desk.database.read() as session:
        assert session.scalar(select(func.count()).select_from(SeriesRow)) == 2
        assert session.scalar(select(func.count()).select_from(CountsRow)) == 2


# --- alarms


def test_passing_strangers_raise_alarm(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    tell_many(lane, 70, cohort=cohort(Tally(10, 0, 0, 0)))
    tell_many(lane, 10, cohort=cohort(Tally(10, 1, 0, 0)))
    assert series(supervisor)["alarms"] == [], "a window is looked at when its hour is full"
    desk.clock.pass_time(hours=1)
    tell(lane)
    (alarm,) = alarms(supervisor)
    assert (alarm["rate"], alarm["errors"], alarm["passengers"]) == ("fmr", 10, 80)
    assert alarm["expected"] == pytest.approx(0.01)


@pytest.mark.thorough
def test_one_lookalike_passenger_raises_no_alarm(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    tell_many(lane, 99)
    tell(lane, cohort=cohort(Tally(100, 60, 0, 0)))
    desk.clock.pass_time(hours=1)
    tell(lane)
    assert alarms(supervisor) == []


def test_few_errors_raise_no_alarm(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    for _ in range(12):
        refer(lane, officer, "admit", "same_person")
    desk.clock.pass_time(hours=1)
    tell(lane)
    assert alarms(supervisor) == []


@pytest.mark.thorough
def test_alarm_raised_acknowledged_once_and_cleared(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    """It stays, and stays acknowledged, until the window is clean."""
    fnmr_alarm(desk, lane, officer)
    for where in ("lane-1", None):
        (alarm,) = alarms(supervisor, where)
        assert (alarm["rate"], alarm["errors"], alarm["passengers"]) == ("fnmr", 25, 100)
        assert alarm["chance"] <= FALSE_ALARM
        assert alarm["acknowledged_by"] is None
    assert kinds(desk).count("alarm.raised") == 2
    (alarm,) = alarms(supervisor)
    path = f"/evaluation/alarms/{alarm['id']}/acknowledgement"
    assert refusal(officer.ask("POST", path)) == (403, "not_allowed")
    for _ in range(2):
        assert supervisor.ask("POST", path).status_code == 204
    assert kinds(desk).count("alarm.acknowledged") == 1
    unknown = supervisor.ask("POST", "/evaluation/alarms/999/acknowledgement")
    assert refusal(unknown) == (404, "alarm_unknown")
    for more in (1, 300):
        tell_many(lane, more)
        desk.clock.pass_time(hours=1)
        tell(lane)
        (later,) = alarms(supervisor)
        assert later["acknowledged_by"] == supervisor.pseudonym, "still more than is expected, and no second"
    tell_many(lane, 200)
    desk.clock.pass_time(hours=1)
    tell(lane)
    assert alarms(supervisor) == []
    assert kinds(desk).count("alarm.cleared") == 2
    assert verify_ledger(desk.desk.database).head.seq == len(kinds(desk))


@pytest.mark.thorough
def test_retired_matcher_alarm_ends_with_counts(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    """With the last count of a matcher that is gone."""
    fnmr_alarm(desk, lane, officer)
    desk.clock.pass_time(days=32)
    tell(lane, matcher=MATCHER | {"name": "another"})
    assert [one["matcher"]["name"] for one in evaluation(supervisor)["series"]] == ["another"] * 2
    assert verify_ledger(desk.desk.database).head.seq == len(kinds(desk))


@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(1e-5, 0.5),
)
def test_alarm_only_for_errors_beyond_chance(counts: tuple[int, int], limit: float) -> None:
    """What raises an alarm is never clean at once."""
    trials = Trials(*counts, limit)
    assert not (trials.alarming and trials.clean)
    if trials.alarming:
        assert trials.chance <= FALSE_ALARM
        assert trials.errors >= FEWEST_ERRORS
        assert trials.errors / trials.passengers > limit


def test_yearlong_expected_rate_hardly_alarms() -> None:
    assert 24 * 366 * FALSE_ALARM < 0.009
    least = next(k for k in range(1000) if Trials(k, 1000, 0.05).alarming)
    below, reached = (Trials(errors, 1000, 0.05).chance for errors in (least - 1, least))
    assert below > FALSE_ALARM >= reached


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60), st.floats(1e-4, 5e-3))
def test_bound_holds_for_any_stranger_count(strangers: list[int], limit: float) -> None:
    tail = at_least([limit * number for number in strangers])
    for errors in range(1, len(strangers) + 1):
        trials = of_strangers(errors, len(strangers), sum(strangers), limit)
        if errors >= trials.expected_errors + 1:
            assert tail[errors] <= trials.chance + 1e-12


def test_lookalike_documents_raise_no_alarm() -> None:
    """Documents that look like more people than others do."""
    luck, size, passengers, limit, threefold = np.random.default_rng(1), 100, 500, 1e-3, 3.0
    shape = 1 / threefold**2
    for _ in range(20):
        matched = np.zeros(passengers + 2 * size, bool)
        for document, rate_of_it in enumerate(luck.gamma(shape, limit / shape, passengers + size)):
            matched[document : document + size] |= luck.random(size) < min(1.0, rate_of_it)
        errors = int(matched[size : size + passengers].sum())
        assert not of_strangers(errors, passengers, passengers * size, limit).alarming


def at_least(chances: list[float]) -> list[float]:
    """How often so many or more of independent events come, exactly: for 0, 1, 2 … of them."""
    exactly = [1.0]
    for chance in chances:
        missed, came = (
            [one * (1 - chance) for one in exactly] + [0.0],
            [0.0] + [one * chance for one in exactly],
        )
        exactly = [a + b for a, b in zip(missed, came, strict=True)]
    return [sum(exactly[number:]) for number in range(len(exactly))]


def test_passenger_counts_in_one_way() -> None:
    for own_match in (True, False, None):
        told = EvaluatedFact.model_validate(body("p-1", own_match=own_match))
        counts = counts_of(told, None, in_group=False)
        ways = (counts.recognised, counts.unrecognised, counts.undecided, counts.strangers_stopped)
        assert sum(ways) == (own_match is not None)
