"""What a monitoring system is told of the desk at work: right, bounded, and nothing of one person."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from pydantic import SecretStr

from api.audit.verify.ledger import verify_ledger
from api.platform.database.tables import CountsRow
from api.platform.metrics import SHARED, Meters
from api.web.desk import Desk
from api.web.periodic_tasks import Chore, Chores
from lane.evaluation.cohort import Tally
from lane.platform.errors import LedgerBrokenError
from tests.support import tiers
from tests.support.api.evaluated_lane import MATCHER, SHADOW, TOKEN, Labels, cohort, fnmr_alarm, samples, tell
from tests.support.api.running_desk import Lane, Officer, RunningDesk, wait_until

ROOT = Path(__file__).parents[3]
P = "passenger_lane_"


def told(desk: RunningDesk, supervisor: Officer) -> dict[str, Any]:
    supervisor.sign_in()
    return samples(supervisor.ask("GET", "/metrics").text)


@pytest.mark.usefixtures("standing_clock")
def test_each_passenger_wait_is_told_once(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    passage = lane.refer(images=[])
    desk.clock.pass_time(seconds=40)
    officer.claim(passage)
    officer.ask("GET", f"/referrals/{passage}")
    officer.ask("DELETE", f"/referrals/{passage}/claim")
    desk.clock.pass_time(seconds=40)
    officer.claim(passage)
    officer.ask("GET", f"/referrals/{passage}")
    officer.decide(passage)
    found = told(desk, supervisor)
    for what, below, above in (("shown", "30.0", "45.0"), ("decided", "60.0", "90.0")):
        buckets = found[f"{P}referral_{what}_seconds_bucket"]
        assert buckets[(("le", below),)] == 0
        assert buckets[(("le", above),)] == found[f"{P}referral_{what}_seconds_count"][()] == 1


@pytest.mark.usefixtures("standing_clock")
def test_queue_faces_and_lanes_told_as_numbers(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    assert told(desk, supervisor)[f"{P}referrals_oldest_seconds"][()] == 0
    first = lane.refer(images=[])
    desk.clock.pass_time(seconds=90)
    lane.refer()
    officer.claim(first)
    found = told(desk, supervisor)
    assert found[f"{P}referrals"] == {(("state", "claimed"),): 1, (("state", "open"),): 1}
    assert found[f"{P}referrals_waiting"][()] == 2
    assert found[f"{P}claims_held"][()] == 1
    assert found[f"{P}referrals_oldest_seconds"][()] == 90
    entries = found[f"{P}ledger_entries_total"]
    assert entries[(("kind", "entry.received"),)] == 4
    assert entries[(("kind", "referral.claimed"),)] == 1
    assert found[f"{P}ledger_size_entries"][()] >= sum(entries.values())
    assert found[f"{P}database_turn_seconds_count"][()] > 4
    assert found[f"{P}faces_held"][()] == 1
    assert found[f"{P}lanes"][(("state", "silent"),)] == sum(found[f"{P}lanes"].values()) == 1
    status = {"state": "capturing", "since": desk.clock().isoformat()}
    assert lane.http.put("/lane/status", json=status).status_code == 200
    found = told(desk, supervisor)
    assert found[f"{P}lanes"][(("state", "capturing"),)] == sum(found[f"{P}lanes"].values()) == 1


def test_requests_told_by_template_not_address(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    passage = lane.refer(images=[])
    officer.ask("GET", f"/referrals/{passage}")
    for path in (
        "/api/v1/referrals/no-such",
        "/nothing/E1234567",
        "/static/shared/desk.css",
        "/static/nothing",
    ):
        officer.http.get(path)
    officer.http.request("SMUGGLE", "/queue")
    officer.sign_in("a wrong password")
    supervisor.sign_in()
    text = supervisor.ask("GET", "/metrics").text
    asked = {
        tuple(value for _, value in labels): number
        for labels, number in samples(text)[f"{P}request_seconds_count"].items()
    }
    assert asked["GET", "/api/v1/referrals/{passage}", "200"] == 1
    assert asked["GET", "/api/v1/referrals/{passage}", "404"] == 1
    assert asked["GET", "unknown", "404"] == 1
    assert asked["GET", "/static", "404"] == 1
    assert {method for method, _, _ in asked} <= {"GET", "POST", "PUT", "DELETE", "other"}
    assert samples(text)[f"{P}sign_ins_refused_total"] == {(("status", "401"),): 1}
    for secret in (passage, officer.pseudonym, officer.name, "E1234567", "SMUGGLE", "no-such"):
        assert secret not in text


def test_event_delivery_time_is_told(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    with officer.http.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        lane.refer(images=[])
        while "referral.opened" not in next(lines):
            pass
    wait_until(lambda: told(desk, supervisor)[f"{P}event_seconds_count"][()] == 1)


def test_chores_told_by_their_outcome(desk: RunningDesk, supervisor: Officer) -> None:
    def fail(_: Desk) -> None:
        raise ValueError

    Chores([Chore("one", 60, lambda _: None), Chore("other", 60, fail)], lambda: desk.desk).run_due()
    runs = told(desk, supervisor)[f"{P}chore_runs_total"]
    done, failed = ((("chore", "one"), ("outcome", "done")), (("chore", "other"), ("outcome", "failed")))
    assert runs == {done: 1, failed: 1}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/openmetrics-text; version=1.0.0,text/plain;q=0.5", "application/openmetrics-text"),
        ("application/openmetrics-text;version=nonsense", "application/openmetrics-text"),
        ("text/plain;version=nonsense", "text/plain"),
        ("*/*", "text/plain"),
    ],
)
def test_reader_gets_requested_text_format(supervisor: Officer, accept: str, media_type: str) -> None:
    answer = supervisor.ask("GET", "/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    if media_type.startswith("application"):
        names = {family.name for family in open_families(answer.text)}  # type: ignore[no-untyped-call]
        assert {f"{P}request_seconds", f"{P}ledger_entries"} <= names
        assert answer.text.endswith("# EOF\n")
    else:
        assert samples(answer.text)[f"{P}referrals_waiting"] == {(): 0}


def test_desks_in_one_process_count_separately() -> None:
    one, other = Meters(), Meters()
    one.turns.observe(1)
    counts = [
        sample.value
        for meters in (one, other)
        for metric in meters.collect()
        for sample in metric.samples
        if sample.name == f"{P}database_turn_seconds_count"
    ]
    assert counts == [1, 0]


WORKER = """
import json, sys
from api.platform.metrics import Meters, answer
meters = Meters()
for _ in range(int(sys.argv[1])):
    meters.requests.labels("GET", "/queue", "200").observe(0.02)
    meters.chores.labels("one", "done").inc()
sys.stdout.write(answer(meters, [], "")[0].decode())
"""


def test_workers_sharing_address_tell_together(tmp_path: Path) -> None:
    """Also of those that have ended: a counter never falls."""
    texts = [
        subprocess.run(
            [sys.executable, "-c", WORKER, str(number)],
            cwd=ROOT,
            env=os.environ | {SHARED: str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in (2, 3, 4)
    ]
    found = [samples(text) for text in texts]
    route = (("method", "GET"), ("route", "/queue"), ("status", "200"))
    assert [one[f"{P}request_seconds_count"][route] for one in found] == [2, 5, 9]
    assert found[-1][f"{P}chore_runs_total"] == {(("chore", "one"), ("outcome", "done")): 9}


def test_monitor_reads_only_metrics(desk: RunningDesk) -> None:
    address = f"{desk.address}/api/v1"
    with (
        desk.changed(metrics_token=SecretStr(TOKEN)),
        httpx.Client(base_url=address, trust_env=False) as prometheus,
    ):
        assert "metrics_token" in prometheus.get("/metrics").json()["message"]
        prometheus.headers["Authorization"] = "Bearer something else"
        assert prometheus.get("/metrics").status_code == 401
        prometheus.headers["Authorization"] = f"Bearer {TOKEN}"
        answer = prometheus.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert prometheus.get("/evaluation").status_code == 401
        assert prometheus.get("/referrals").status_code == 401


@pytest.mark.usefixtures("early_in_an_hour")
@pytest.mark.thorough
def test_metrics_fit_prometheus_and_name_nobody(
    lane: Lane, officer: Officer, supervisor: Officer, desk: RunningDesk
) -> None:
    fnmr_alarm(desk, lane, officer)
    waiting = lane.refer(images=[])
    supervisor.sign_in()
    text = supervisor.ask("GET", "/metrics").text
    assert text.endswith("\n")
    found = samples(text)
    assert found[f"{P}referrals_waiting"] == {(): 1}

    def of(**more: str) -> Labels:
        about = {"lane": "lane-1", "matcher": "sface-2021dec", "group": ""}
        hashes = {"sha256": "a" * 64, "preprocessing": "b" * 64}
        return tuple(sorted((about | hashes | more).items()))

    assert found[f"{P}evaluation_fnmr_errors"][of(bound="low")] == 25
    assert found[f"{P}evaluation_fnmr_trials"][of(bound="low")] == 101
    assert found[f"{P}evaluation_alarm"][of(rate="fnmr")] == 1
    for name in (waiting, officer.pseudonym, supervisor.pseudonym, "wang", "zhou"):
        assert name not in text


def test_counts_are_exact_and_name_nobody(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    for _ in range(13):
        tell(lane, matcher=MATCHER | {"name": "other"}, cohort=cohort(Tally(99_999, 1, 0, 0)))
    odd = 'a" name\\ with\n everything'
    shadow = {"matcher": SHADOW | {"name": odd}, "agreement": "disagree"}
    matchers = (MATCHER, MATCHER | {"sha256": "a" * 63 + "b"}, MATCHER | {"name": odd})
    passages = [tell(lane, matcher=matcher, shadow=shadow) for matcher in matchers]
    found = told(desk, supervisor)
    labelled = [labels for family in found.values() for labels in family]
    assert sum(("matcher", odd) in labels for labels in labelled) > 5
    assert all(name.startswith(P) for name in found)
    trials = found[f"{P}evaluation_fmr_trials"]
    counted = {number for labels, number in trials.items() if ("matcher", "other") in labels}
    assert counted == {1299987}, "no count is rounded"
    texts = [supervisor.ask("GET", path).text for path in ("/metrics", "/evaluation")]
    for name in (*passages, supervisor.pseudonym, "zhou"):
        assert all(name not in text for text in texts)
    assert not {"passage", "document", "name"} & {column.name for column in CountsRow.__table__.columns}


@pytest.mark.usefixtures("early_in_an_hour")
@pytest.mark.thorough
@tiers.parametrize(
    "statement",
    [
        "DELETE FROM evaluation_alarms",
        "UPDATE evaluation_alarms SET acknowledged_by = (SELECT pseudonym FROM officers LIMIT 1)",
        "UPDATE evaluation_alarms SET raised_at = '2026-01-01 00:00:00'",
        "UPDATE evaluation_alarms SET rate = 'fmr'",
    ],
    quick=1,
)
def test_removed_alarm_is_found(statement: str, desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    fnmr_alarm(desk, lane, officer)
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql(statement)
    with pytest.raises(LedgerBrokenError, match="alarm"):
        verify_ledger(desk.desk.database)
