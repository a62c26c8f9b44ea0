"""What the desk makes of the evaluation in service: each fact counted once, in one way, and told as rates."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from api.audit.verify.ledger import verify_ledger
from api.lanes.evaluation import alarms
from api.lanes.evaluation.series import FEWEST_OF_A_GROUP, MOST_SERIES
from api.platform.database.tables import CountsRow, SeriesRow
from lane.decision.evidence import to_plain
from lane.evaluation.cohort import Tally
from lane.evaluation.evaluator import Limits
from lane.evaluation.intervals import rate
from tests.support.api.evaluated_lane import (
    MATCHER,
    OFF,
    SHADOW,
    body,
    cohort,
    evaluation,
    refer,
    series,
    tell,
    tell_many,
)
from tests.support.api.running_desk import Lane, Officer, RunningDesk

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


def test_nonmatching_passenger_counts_no_stranger(lane: Lane, supervisor: Officer) -> None:
    """One who did not match the own document."""
    tell(lane, own_match=False, cohort=cohort(Tally(100, 3, 0, 0)))
    assert series(supervisor)["strangers"]["low"] == rate(0, 0).plain()


def test_holders_are_those_officer_admitted(lane: Lane, officer: Officer, supervisor: Officer) -> None:
    tell_many(lane, 7)
    refer(lane, officer, "admit", "same_person")
    refer(lane, officer, "admit", "checked_by_hand")
    refer(lane, officer, "second_line", "different_person")
    refer(lane, officer, "second_line", "cannot_tell")
    refer(lane, officer, None)
    found = series(supervisor)["holders"]
    assert found["low"] == rate(2, 9).plain()
    assert found["high"] == rate(4, 11).plain()
    assert (found["undecided"], found["strangers_stopped"], found["strangers_matched"]) == (2, 1, 0)


def test_stranger_matched_as_holder_is_told(lane: Lane, officer: Officer, supervisor: Officer) -> None:
    passage = lane.refer_to(officer, images=[], reasons=[{"code": "D11"}])
    officer.decide(passage, "second_line", "different_person")
    tell(lane, passage=passage)
    found = series(supervisor)["holders"]
    assert (found["strangers_matched"], found["low"]["n"]) == (1, 0)


def test_repeated_delivery_counts_once(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
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

    monkeypatch.setattr(alarms, "update", fails)
    tell(lane)
    assert evaluation(supervisor)["series"] == [], "nothing half counted"
    monkeypatch.undo()
    tell(lane)
    assert series(supervisor)["strangers"]["passengers"] == 1
    assert verify_ledger(desk.desk.database).head.seq > 2


def test_what_was_not_assessed_counts_nothing(lane: Lane, supervisor: Officer) -> None:
    tell(lane, matcher=None)
    assert evaluation(supervisor)["series"] == []
    tell(lane, own_match=None, cohort=OFF, limits=to_plain(Limits()))
    found = series(supervisor)
    assert found["strangers"]["low"]["rate"] is None
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
def test_no_lane_fills_disk_with_matchers(desk: RunningDesk, lane: Lane) -> None:
    facts = [
        body(str(uuid4()), matcher=MATCHER | {"name": f"invented-{number}"})
        for number in range(MOST_SERIES + 20)
    ]
    lane.deliver(*(lane.write("passage.evaluated", fact) for fact in facts))
    with desk.desk.database.read() as session:
        kept = session.scalar(select(func.count()).where(SeriesRow.lane == "lane-1"))
    assert kept == MOST_SERIES


@pytest.mark.thorough
def test_invented_matchers_take_no_others_place(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    with desk.lane("lane-2") as inventive:
        facts = [body(str(uuid4()), matcher=MATCHER | {"name": f"invented-{n}"}) for n in range(MOST_SERIES)]
        inventive.deliver(*(inventive.write("passage.evaluated", fact) for fact in facts))
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
