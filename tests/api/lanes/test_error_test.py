"""An alarm is raised by an exact test, hardly ever by chance, and stays until the window is clean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.audit.verify.ledger import verify_ledger
from api.lanes.evaluation import error_test
from api.lanes.evaluation.series import counts_of
from api.ledger.facts import EvaluatedFact
from lane.evaluation.cohort import Tally
from tests.support.api.evaluated_lane import (
    MATCHER,
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
from tests.support.api.running_desk import Lane, Officer, RunningDesk

pytestmark = pytest.mark.usefixtures("early_in_an_hour")


@pytest.mark.thorough
def test_unrecognised_holders_raise_alarm(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    fnmr_alarm(desk, lane, officer)
    for where in ("lane-1", None):
        (alarm,) = alarms(supervisor, where)
        assert (alarm["rate"], alarm["errors"], alarm["passengers"]) == ("fnmr", 25, 100)
        assert alarm["chance"] <= error_test.FALSE_ALARM
        assert alarm["acknowledged_by"] is None
    assert kinds(desk).count("alarm.raised") == 2
    assert verify_ledger(desk.desk.database).head.seq == len(kinds(desk))


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
def test_alarm_stays_until_window_is_clean(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    fnmr_alarm(desk, lane, officer)
    tell_many(lane, 300)
    desk.clock.pass_time(hours=1)
    tell(lane)
    assert len(alarms(supervisor)) == 1, "still more than is expected"
    tell_many(lane, 200)
    desk.clock.pass_time(hours=1)
    tell(lane)
    assert alarms(supervisor) == []
    assert kinds(desk).count("alarm.cleared") == 2
    assert verify_ledger(desk.desk.database).head.seq == len(kinds(desk))


@pytest.mark.thorough
def test_supervisor_acknowledges_alarm_once(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    """It stays acknowledged."""
    fnmr_alarm(desk, lane, officer)
    (alarm,) = alarms(supervisor)
    path = f"/evaluation/alarms/{alarm['id']}/acknowledgement"
    assert officer.ask("POST", path).json()["code"] == "not_allowed"
    for _ in range(2):
        assert supervisor.ask("POST", path).status_code == 204
    (after,) = alarms(supervisor)
    assert after["acknowledged_by"] == supervisor.pseudonym
    assert kinds(desk).count("alarm.acknowledged") == 1
    desk.clock.pass_time(hours=1)
    tell(lane)
    (later,) = alarms(supervisor)
    assert later["acknowledged_by"] == supervisor.pseudonym, "no second alarm about the same"
    assert verify_ledger(desk.desk.database).head.seq == len(kinds(desk))
    unknown = supervisor.ask("POST", "/evaluation/alarms/999/acknowledgement")
    assert unknown.json()["code"] == "alarm_unknown"


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
    trials = error_test.Trials(*counts, limit)
    assert not (trials.alarming and trials.clean)
    if trials.alarming:
        assert trials.chance <= error_test.FALSE_ALARM
        assert trials.errors >= error_test.FEWEST_ERRORS
        assert trials.errors / trials.passengers > limit


def test_yearlong_expected_rate_hardly_alarms() -> None:
    assert 24 * 366 * error_test.FALSE_ALARM < 0.009
    least = next(k for k in range(1000) if error_test.Trials(k, 1000, 0.05).alarming)
    below, reached = (error_test.Trials(errors, 1000, 0.05).chance for errors in (least - 1, least))
    assert below > error_test.FALSE_ALARM >= reached


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60), st.floats(1e-4, 5e-3))
def test_bound_holds_for_any_stranger_count(strangers: list[int], limit: float) -> None:
    tail = at_least([limit * number for number in strangers])
    for errors in range(1, len(strangers) + 1):
        trials = error_test.of_strangers(errors, len(strangers), sum(strangers), limit)
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
        assert not error_test.of_strangers(errors, passengers, passengers * size, limit).alarming


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
