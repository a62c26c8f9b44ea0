"""Who may see the evaluation in service, and that nobody is named in it."""

import httpx
import pytest
from pydantic import SecretStr

from api.audit.verify.ledger import verify_ledger
from api.platform.database.tables import CountsRow
from lane.evaluation.cohort import Tally
from lane.platform.errors import LedgerBrokenError
from tests.support import tiers
from tests.support.api.evaluated_lane import MATCHER, SHADOW, TOKEN, Labels, cohort, fnmr_alarm, samples, tell
from tests.support.api.running_desk import Lane, Officer, RunningDesk

pytestmark = pytest.mark.usefixtures("early_in_an_hour")


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
    assert found["passenger_lane_referrals_waiting"] == {(): 1}

    def of(**more: str) -> Labels:
        about = {"lane": "lane-1", "matcher": "sface-2021dec", "group": ""}
        hashes = {"sha256": "a" * 64, "preprocessing": "b" * 64}
        return tuple(sorted((about | hashes | more).items()))

    assert found["passenger_lane_evaluation_fnmr_errors"][of(bound="low")] == 25
    assert found["passenger_lane_evaluation_fnmr_trials"][of(bound="low")] == 101
    assert found["passenger_lane_evaluation_alarm"][of(rate="fnmr")] == 1
    for told in (waiting, officer.pseudonym, supervisor.pseudonym, "wang", "zhou"):
        assert told not in text


def test_no_two_samples_share_labels(lane: Lane, supervisor: Officer) -> None:
    odd = 'a" name\\ with\n everything'
    for matcher in (MATCHER, MATCHER | {"sha256": "a" * 63 + "b"}, MATCHER | {"name": odd}):
        tell(lane, matcher=matcher, shadow={"matcher": SHADOW | {"name": odd}, "agreement": "disagree"})
    supervisor.sign_in()
    found = samples(supervisor.ask("GET", "/metrics").text)
    labelled = [labels for family in found.values() for labels in family]
    assert sum(("matcher", odd) in labels for labels in labelled) > 5
    assert all(name.startswith("passenger_lane_") for name in found)


def test_metrics_round_no_count(lane: Lane, supervisor: Officer) -> None:
    for _ in range(13):
        tell(lane, cohort=cohort(Tally(99_999, 1, 0, 0)))
    supervisor.sign_in()
    found = samples(supervisor.ask("GET", "/metrics").text)
    assert set(found["passenger_lane_evaluation_fmr_trials"].values()) == {1299987}


def test_the_counts_tables_name_no_passage(desk: RunningDesk, lane: Lane, supervisor: Officer) -> None:
    passage = tell(lane)
    text = supervisor.ask("GET", "/evaluation").text
    assert passage not in text
    assert not {"passage", "document", "name"} & {column.name for column in CountsRow.__table__.columns}


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
