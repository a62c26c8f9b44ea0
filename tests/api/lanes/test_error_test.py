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
from tests.support.evaluated_lane import (
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
from tests.support.running_desk import Lane, Officer, RunningDesk

pytestmark = pytest.mark.usefixtures("early_in_an_hour")


def test_holders_who_are_not_recognised_raise_an_alarm(
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


def test_strangers_who_would_pass_raise_an_alarm(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    tell_many(lane, 70, cohort=cohort(Tally(10, 0, 0, 0)))
    tell_many(lane, 10, cohort=cohort(Tally(10, 1, 0, 0)))
    assert series(supervisor)["alarms"] == [], "a window is looked at when its hour is full"
    desk.clock.pass_time(hours=1)
    tell(lane)
    (alarm,) = alarms(supervisor)
    assert (alarm["rate"], alarm["errors"], alarm["passengers"]) == ("fmr", 10, 80)
    assert alarm["expected"] == pytest.approx(0.01)


def test_one_passenger_who_is_like_many_raises_no_alarm(
    desk: RunningDesk, lane: Lane, supervisor: Officer
) -> None:
    tell_many(lane, 99)
    tell(lane, cohort=cohort(Tally(100, 60, 0, 0)))
    desk.clock.pass_time(hours=1)
    tell(lane)
    assert alarms(supervisor) == []


def test_a_few_errors_of_a_few_passengers_raise_no_alarm(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    for _ in range(12):
        refer(lane, officer, "admit", "same_person")
    desk.clock.pass_time(hours=1)
    tell(lane)
    assert alarms(supervisor) == []


def test_an_alarm_stays_until_the_window_is_clean_again(
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


def test_a_supervisor_acknowledges_an_alarm_once_and_it_stays(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
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


def test_an_alarm_of_a_matcher_that_is_gone_goes_with_its_last_count(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    fnmr_alarm(desk, lane, officer)
    desk.clock.pass_time(days=32)
    tell(lane, matcher=MATCHER | {"name": "another"})
    assert [one["matcher"]["name"] for one in evaluation(supervisor)["series"]] == ["another"] * 2
    assert verify_ledger(desk.desk.database).head.seq == len(kinds(desk))


@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(1e-5, 0.5),
)
def test_no_alarm_without_errors_beyond_chance_and_none_that_is_clean(
    counts: tuple[int, int], limit: float
) -> None:
    trials = error_test.Trials(*counts, limit)
    assert not (trials.alarming and trials.clean)
    if trials.alarming:
        assert trials.chance <= error_test.FALSE_ALARM
        assert trials.errors >= error_test.FEWEST_ERRORS
        assert trials.errors / trials.passengers > limit


def test_a_year_of_looks_at_a_rate_that_is_as_expected_hardly_ever_alarms() -> None:
    assert 24 * 366 * error_test.FALSE_ALARM < 0.009
    least = next(k for k in range(1000) if error_test.Trials(k, 1000, 0.05).alarming)
    below, reached = (error_test.Trials(errors, 1000, 0.05).chance for errors in (least - 1, least))
    assert below > error_test.FALSE_ALARM >= reached


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60), st.floats(1e-4, 5e-3))
def test_the_test_holds_whatever_number_of_strangers_each_passenger_met(
    strangers: list[int], limit: float
) -> None:
    tail = at_least([limit * number for number in strangers])
    for errors in range(1, len(strangers) + 1):
        trials = error_test.of_strangers(errors, len(strangers), sum(strangers), limit)
        if errors >= trials.expected_errors + 1:
            assert tail[errors] <= trials.chance + 1e-12


def test_documents_that_look_like_more_people_than_others_raise_no_alarm() -> None:
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


def test_a_passenger_counts_in_one_way_only() -> None:
    for own_match in (True, False, None):
        told = EvaluatedFact.model_validate(body("p-1", own_match=own_match))
        counts = counts_of(told, None, in_group=False)
        ways = (counts.recognised, counts.unrecognised, counts.undecided, counts.strangers_stopped)
        assert sum(ways) == (own_match is not None)
