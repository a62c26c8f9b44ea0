"""What a lane tells of its matcher, and what a supervisor is told, for the tests of both."""

from typing import Any
from uuid import uuid4

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from api.platform.database.tables import LedgerRow
from api.review.cases.answers import OfficerAnswer
from lane.decision.evidence import to_plain
from lane.decision.referral import Answer, Ground
from lane.evaluation.cohort import CohortCounts, Tally
from lane.evaluation.evaluator import Limits
from lane.ledger.entry import read
from tests.support.api.running_desk import REFERRED, Lane, Officer, RunningDesk, judged

MATCHER = {"name": "sface-2021dec", "sha256": "a" * 64, "preprocessing": "b" * 64}
SHADOW = {"name": "dlib-resnet-29", "sha256": "c" * 64, "preprocessing": "d" * 64}
OFF = {"not_assessed": "switched off"}
TOKEN = "a token that only the monitoring system knows"


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
    return to_plain(CohortCounts(size=100, others=others, in_group=in_group, highest=0.31))


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
    return supervisor.read("/evaluation")


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


def fnmr_alarm(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    """A hundred holders, of whom twenty-five are not recognised where five are expected."""
    tell_many(lane, 75)
    passages = [str(uuid4()) for _ in range(25)]
    referrals = [lane.write("passage.judged", judged(passage, [], REFERRED)) for passage in passages]
    assert lane.deliver(*referrals).status_code == 200
    cases, admit = desk.desk.cases, OfficerAnswer(Answer.ADMIT, Ground.SAME_PERSON)
    for passage in passages:
        cases.claim(passage, officer.who)
        cases.view(passage, officer.who)
        cases.decide(passage, officer.who, admit)
    facts = [body(passage, own_match=False) for passage in passages]
    assert lane.deliver(*(lane.write("passage.evaluated", fact) for fact in facts)).status_code == 200
    desk.clock.pass_time(hours=1)
    officer.sign_in()
    tell(lane)


def alarms(supervisor: Officer, lane: str | None = "lane-1") -> Any:
    return series(supervisor, lane)["alarms"]


def kinds(desk: RunningDesk) -> list[str]:
    with desk.desk.database.read() as session:
        rows = session.execute(select(LedgerRow.payload, LedgerRow.hash).order_by(LedgerRow.seq))
        return [read(payload, hash_).kind for payload, hash_ in rows]


Labels = tuple[tuple[str, str], ...]


def samples(text: str) -> dict[str, dict[Labels, float]]:
    """Metrics as a reader understands them: name → labels → value; none of them comes twice."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), sample.name
            found[sample.name][labels] = sample.value
    return found
