"""What the desk makes of the evaluation in service: counted once, told to supervisors, alarming by a test."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, select

from api import drift
from api.desk import FEWEST_OF_A_GROUP
from api.figures import EvaluatedTold
from api.store import alarms as store_of_alarms
from api.store.evaluation import MOST_SERIES, counted
from api.store.officers import Role
from api.store.tables import CountsRow, LedgerRow, SeriesRow
from api.store.verify import verify_ledger
from lane.cohort import Counts, Tally
from lane.errors import LedgerBrokenError
from lane.evaluation import Limits
from lane.evidence import to_plain
from lane.intervals import rate
from lane.ledger import read
from tests.api.desks import Lane, Officer, RunningDesk

MATCHER = {"name": "sface-2021dec", "sha256": "a" * 64, "preprocessing": "b" * 64}
SHADOW = {"name": "dlib-resnet-29", "sha256": "c" * 64, "preprocessing": "d" * 64}
OFF = {"not_assessed": "switched off"}
TOKEN = "a token that only the monitoring system knows"


@pytest.fixture(autouse=True)
def early_in_an_hour(desk: RunningDesk) -> None:
    """No hour ends while a test runs, unless the test says so."""
    now = desk.clock()
    desk.clock.pass_time(minutes=61 - now.minute)


@pytest.fixture
def supervisor(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer("zhou", Role.SUPERVISOR) as made:
        yield made


def body(passage: str, **more: Any) -> dict[str, Any]:
    """A fact as a lane writes it: a holder who was recognised, and compared with 100 strangers."""
    return {
        "passage": passage,
        "matcher": MATCHER,
        "group": None,
        "own_match": True,
        "cohort": cohort(Tally(100, 0, 0, 0)),
        "shadow": OFF,
        "limits": to_plain(Limits(fmr=1e-3, fnmr=0.05)),
        "timings_ms": {"cohort": 1.5, "shadow": 0.0},
    } | more


def cohort(others: Tally, in_group: Tally | None = None) -> Any:
    return to_plain(Counts(size=100, others=others, in_group=in_group, highest=0.31))


def tell(lane: Lane, *, passage: str | None = None, **more: Any) -> str:
    name = passage or str(uuid4())
    assert lane.deliver(lane.write("passage.evaluated", body(name, **more))).status_code == 200
    return name


def tell_many(lane: Lane, number: int, **more: Any) -> None:
    for first in range(0, number, 100):
        facts = [body(str(uuid4()), **more) for _ in range(min(100, number - first))]
        entries = [lane.write("passage.evaluated", fact) for fact in facts]
        assert lane.deliver(*entries).status_code == 200


def evaluation(supervisor: Officer) -> Any:
    supervisor.sign_in()
    answer = supervisor.ask("GET", "/evaluation")
    assert answer.status_code == 200, answer.text
    return answer.json()


def series(supervisor: Officer, lane: str | None = "lane-1", group: str | None = None) -> Any:
    found = [one for one in evaluation(supervisor)["series"] if (one["lane"], one["group"]) == (lane, group)]
    assert len(found) == 1
    return found[0]


def refer(lane: Lane, officer: Officer, answer: str | None, ground: str = "") -> str:
    """A passenger who did not match, what an officer decided, and the lane's fact about it."""
    passage = lane.refer(images=[])
    if answer is not None:
        officer.claim(passage)
        assert officer.decide(passage, answer, ground).status_code == 200
    return tell(lane, passage=passage, own_match=False)


def test_strangers_are_counted_with_both_bounds_and_exact_intervals(lane: Lane, supervisor: Officer) -> None:
    tell(lane, cohort=cohort(Tally(100, 0, 0, 0)))
    tell(lane, cohort=cohort(Tally(99, 1, 1, 1)))
    for where in ("lane-1", None):
        found = series(supervisor, where)["strangers"]
        assert (found["passengers"], found["passengers_matched"], found["expected"]) == (2, 1, 1e-3)
        assert found["low"] == rate(1, 199).plain()
        assert found["high"] == rate(2, 200).plain()


def test_a_passenger_who_did_not_match_the_own_document_counts_no_stranger(
    lane: Lane, supervisor: Officer
) -> None:
    tell(lane, own_match=False, cohort=cohort(Tally(100, 3, 0, 0)))
    assert series(supervisor)["strangers"]["low"] == rate(0, 0).plain()


def test_holders_are_those_whom_an_officer_admitted(
    lane: Lane, officer: Officer, supervisor: Officer
) -> None:
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


def test_a_stranger_whom_the_matcher_took_for_the_holder_is_told(
    lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    passage = lane.refer(images=[], reasons=[{"code": "D11"}])
    officer.claim(passage)
    officer.decide(passage, "second_line", "different_person")
    tell(lane, passage=passage)
    found = series(supervisor)["holders"]
    assert (found["strangers_matched"], found["low"]["n"]) == (1, 0)


def test_a_delivery_that_is_repeated_counts_once(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
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
        {"own_match": "yes"},
        {"own_match": 1},
        {"matcher": MATCHER | {"name": "x" * 129}},
        {"limits": {"fmr": 2}},
        {"limits": {"fmr": -1e-9}},
        {"limits": {"fmr": "0.1"}},
        {"passage": "../.."},
    ],
)
def test_a_fact_that_makes_no_sense_is_kept_and_holds_nothing_up(
    wrong: dict[str, Any], desk: RunningDesk, lane: Lane, supervisor: Officer
) -> None:
    entries = [
        lane.write("passage.evaluated", body("p-1") | wrong),
        lane.write("passage.started", {"passage": "p-2"}),
    ]
    assert lane.deliver(*entries).json()["applied_through"] == 2
    assert evaluation(supervisor)["series"] == []
    assert verify_ledger(desk.desk.database).head.seq > 2


def test_a_fault_in_the_statistics_holds_no_delivery_up(
    desk: RunningDesk, lane: Lane, supervisor: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store_of_alarms, "look", fails)
    tell(lane)
    assert evaluation(supervisor)["series"] == [], "nothing half counted"
    monkeypatch.undo()
    tell(lane)
    assert series(supervisor)["strangers"]["passengers"] == 1
    assert verify_ledger(desk.desk.database).head.seq > 2


def test_more_matches_than_comparisons_are_not_counted(lane: Lane, supervisor: Officer) -> None:
    tell(lane, cohort={"others": {"compared": 1, "matched": 2}})
    assert evaluation(supervisor)["series"] == []


def test_what_was_not_assessed_counts_nothing(lane: Lane, supervisor: Officer) -> None:
    tell(lane, matcher=None)
    assert evaluation(supervisor)["series"] == []
    tell(lane, own_match=None, cohort=OFF, limits=to_plain(Limits()))
    found = series(supervisor)
    assert found["strangers"]["low"]["rate"] is None
    assert found["holders"]["low"]["rate"] is None
    assert found["strangers"]["expected"] is None


def test_another_file_or_preprocessing_is_another_matcher(lane: Lane, supervisor: Officer) -> None:
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


def test_no_lane_says_what_is_expected_of_the_others(
    desk: RunningDesk, lane: Lane, supervisor: Officer
) -> None:
    with desk.lane("lane-2") as other:
        tell_many(lane, 9)
        tell(other, limits=to_plain(Limits(fmr=1.0, fnmr=None)))
        desk.clock.pass_time(hours=1)
        tell(other, limits=to_plain(Limits(fmr=1.0, fnmr=None)))
    site = series(supervisor, lane=None)
    assert site["strangers"]["expected"] == pytest.approx((9 * 1e-3 + 2 * 1.0) / 11)
    assert site["holders"]["expected"] == pytest.approx(0.05)
    assert series(supervisor)["strangers"]["expected"] == 1e-3


def test_a_group_of_few_is_not_told(lane: Lane, supervisor: Officer) -> None:
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


def test_no_lane_fills_the_disk_with_matchers(desk: RunningDesk, lane: Lane) -> None:
    facts = [
        body(str(uuid4()), matcher=MATCHER | {"name": f"invented-{number}"})
        for number in range(MOST_SERIES + 20)
    ]
    lane.deliver(*(lane.write("passage.evaluated", fact) for fact in facts))
    with desk.desk.database.read() as session:
        kept = session.scalar(select(func.count()).where(SeriesRow.lane == "lane-1"))
    assert kept == MOST_SERIES


def test_a_lane_that_invents_matchers_takes_no_other_lanes_place(
    desk: RunningDesk, lane: Lane, supervisor: Officer
) -> None:
    with desk.lane("lane-2") as inventive:
        facts = [body(str(uuid4()), matcher=MATCHER | {"name": f"invented-{n}"}) for n in range(MOST_SERIES)]
        inventive.deliver(*(inventive.write("passage.evaluated", fact) for fact in facts))
    tell(lane)
    told = [one["lane"] for one in evaluation(supervisor)["series"] if one["matcher"] == MATCHER]
    assert told == [None, "lane-1"]
    assert supervisor.http.get(f"{desk.address}/evaluation").status_code == 200


def test_what_is_older_than_the_window_is_gone(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
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


def fnmr_alarm(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """A hundred holders, of whom twenty-five are not recognised where five are expected."""
    tell_many(lane, 75)
    for _ in range(25):
        refer(lane, officer, "admit", "same_person")
    desk.clock.pass_time(hours=1)
    officer.sign_in()
    tell(lane)


def alarms(supervisor: Officer, lane: str | None = "lane-1") -> Any:
    return series(supervisor, lane)["alarms"]


def kinds(desk: RunningDesk) -> list[str]:
    with desk.desk.database.read() as session:
        rows = session.execute(select(LedgerRow.payload, LedgerRow.hash).order_by(LedgerRow.seq))
        return [read(payload, hash_).kind for payload, hash_ in rows]


def test_holders_who_are_not_recognised_raise_an_alarm(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    fnmr_alarm(desk, lane, officer)
    for where in ("lane-1", None):
        (alarm,) = alarms(supervisor, where)
        assert (alarm["rate"], alarm["errors"], alarm["passengers"]) == ("fnmr", 25, 100)
        assert alarm["chance"] <= drift.FALSE_ALARM
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
    assert officer.ask("POST", path).json()["code"] == "not_supervisor"
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
    trials = drift.Trials(*counts, limit)
    assert not (trials.alarming and trials.clean)
    if trials.alarming:
        assert trials.chance <= drift.FALSE_ALARM
        assert trials.errors >= drift.FEWEST_ERRORS
        assert trials.errors / trials.passengers > limit


def test_a_year_of_looks_at_a_rate_that_is_as_expected_hardly_ever_alarms() -> None:
    assert 24 * 366 * drift.FALSE_ALARM < 0.009
    least = next(k for k in range(1000) if drift.Trials(k, 1000, 0.05).alarming)
    below, reached = (drift.Trials(errors, 1000, 0.05).chance for errors in (least - 1, least))
    assert below > drift.FALSE_ALARM >= reached


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60), st.floats(1e-4, 5e-3))
def test_the_test_holds_whatever_number_of_strangers_each_passenger_met(
    strangers: list[int], limit: float
) -> None:
    tail = at_least([limit * number for number in strangers])
    for errors in range(1, len(strangers) + 1):
        trials = drift.of_strangers(errors, len(strangers), sum(strangers), limit)
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
        assert not drift.of_strangers(errors, passengers, passengers * size, limit).alarming


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
        told = EvaluatedTold.model_validate(body("p-1", own_match=own_match))
        counts = counted(told, None, in_group=False)
        ways = (counts.recognised, counts.unrecognised, counts.undecided, counts.strangers_stopped)
        assert sum(ways) == (own_match is not None)


# --- who may see it, and what is in it


def test_supervisors_alone_see_it(officer: Officer, lane: Lane, supervisor: Officer) -> None:
    for path in ("/evaluation", "/metrics"):
        assert officer.ask("GET", path).json()["code"] == "not_supervisor"
        assert lane.http.get(path).status_code == 401
        assert supervisor.ask("GET", path).status_code == 200
    assert supervisor.ask("GET", "/session").json()["officer"]["role"] == "supervisor"


def test_a_monitoring_system_reads_the_metrics_and_nothing_else(desk: RunningDesk) -> None:
    made = desk.settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})
    desk.app.state.desk = replace(desk.desk, settings=made)
    with httpx.Client(base_url=f"{desk.address}/api/v1", trust_env=False) as prometheus:
        assert prometheus.get("/metrics").status_code == 401
        prometheus.headers["Authorization"] = "Bearer something else"
        assert prometheus.get("/metrics").status_code == 401
        prometheus.headers["Authorization"] = f"Bearer {TOKEN}"
        answer = prometheus.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert prometheus.get("/evaluation").status_code == 401
        assert prometheus.get("/referrals").status_code == 401


SAMPLE = re.compile(r'passenger_lane_\w+(\{\w+="[^"\n]*"(,\w+="[^"\n]*")*\})? [0-9.e+-]+')


def test_metrics_are_text_that_prometheus_reads_and_name_nobody(
    lane: Lane, officer: Officer, supervisor: Officer, desk: RunningDesk
) -> None:
    fnmr_alarm(desk, lane, officer)
    waiting = lane.refer(images=[])
    supervisor.sign_in()
    text = supervisor.ask("GET", "/metrics").text
    lines = text.splitlines()
    assert text.endswith("\n")
    assert [line for line in lines if not line.startswith("# ") and not SAMPLE.fullmatch(line)] == []
    assert "passenger_lane_referrals_waiting 1" in lines
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(set(families)) == len(families)
    hashes = f'sha256="{"a" * 64}",preprocessing="{"b" * 64}"'
    labels = f'lane="lane-1",matcher="sface-2021dec",{hashes},group=""'
    assert f'passenger_lane_evaluation_fnmr_errors{{{labels},bound="low"}} 25' in lines
    assert f'passenger_lane_evaluation_fnmr_trials{{{labels},bound="low"}} 101' in lines
    assert f'passenger_lane_evaluation_alarm{{{labels},rate="fnmr"}} 1' in lines
    for told in (waiting, officer.pseudonym, supervisor.pseudonym, "wang", "zhou"):
        assert told not in text


def test_no_two_samples_have_the_same_labels(lane: Lane, supervisor: Officer) -> None:
    odd = 'a" name\\ with\n everything'
    for matcher in (MATCHER, MATCHER | {"sha256": "a" * 63 + "b"}, MATCHER | {"name": odd}):
        tell(lane, matcher=matcher, shadow={"matcher": SHADOW | {"name": odd}, "agreement": "disagree"})
    supervisor.sign_in()
    lines = supervisor.ask("GET", "/metrics").text.splitlines()
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("# ")]
    assert len(set(samples)) == len(samples)
    escaped = r'"a\" name\\ with\n everything"'
    assert sum(f"matcher={escaped}" in line for line in samples) > 5
    assert all(line.startswith("passenger_lane_") for line in samples)


def test_metrics_round_no_count(lane: Lane, supervisor: Officer) -> None:
    for _ in range(13):
        tell(lane, cohort=cohort(Tally(99_999, 1, 0, 0)))
    supervisor.sign_in()
    trials = [line for line in supervisor.ask("GET", "/metrics").text.splitlines() if "fmr_trials{" in line]
    assert [line.split()[-1] for line in trials] == ["1299987", "1299987"]


def test_the_counts_tables_name_no_passage(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    passage = tell(lane)
    text = supervisor.ask("GET", "/evaluation").text
    assert passage not in text
    assert not {"passage", "document", "name"} & {column.name for column in CountsRow.__table__.columns}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM evaluation_alarms",
        "UPDATE evaluation_alarms SET acknowledged_by = (SELECT pseudonym FROM officers LIMIT 1)",
        "UPDATE evaluation_alarms SET raised_at = '2026-01-01 00:00:00'",
        "UPDATE evaluation_alarms SET rate = 'fmr'",
    ],
)
def test_an_alarm_that_somebody_made_disappear_is_found(
    statement: str, desk: RunningDesk, lane: Lane, officer: Officer
) -> None:
    fnmr_alarm(desk, lane, officer)
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql(statement)
    with pytest.raises(LedgerBrokenError, match="alarm"):
        verify_ledger(desk.desk.database)
