"""Replays entries about prepared cases; see `api.audit.replay.account`."""

from dataclasses import dataclass

from api.audit.replay.rules import Replays, must
from api.audit.replay.staff import StaffReplay
from api.platform.database.tables import PreparedRow
from api.review.officer_accuracy import Outcome, Truth, outcome
from lane.decision.referral import Answer, Ground
from lane.ledger.entry import Entry


@dataclass(slots=True)
class InsertedCase:
    """A prepared case before one officer."""

    case: str
    officer: str
    verdict: str | None = None
    outcome: Outcome | None = None
    withdrawn: bool = False
    claim: int = 0
    """The last one under which it was judged."""


class PreparedCaseReplay:
    def __init__(self, staff: StaffReplay) -> None:
        self.cases: dict[str, PreparedRow] = {}
        self.inserted: dict[str, InsertedCase] = {}
        self._staff = staff
        self.kinds: Replays = {
            "prepared.added": self._added,
            "prepared.retired": self._retired,
            "prepared.offered": self._offered,
            "prepared.judged": self._judged,
            "prepared.decided": self._decided,
            "prepared.withdrawn": self._withdrawn,
        }

    def _added(self, entry: Entry) -> None:
        must(entry.body["case"] not in self.cases, "a prepared case is added twice")
        self.cases[entry.body["case"]] = PreparedRow(
            case=entry.body["case"], truth=Truth(entry.body["truth"])
        )

    def _retired(self, entry: Entry) -> None:
        case = self.cases[entry.body["case"]]
        must(case.retired_at is None, "a prepared case is retired that is not there")
        case.retired_at = entry.at

    def _offered(self, entry: Entry) -> None:
        body = entry.body
        self._staff.must_know(body["officer"])
        must(body["seeded"] is True, "a prepared case is not called one")
        must(body["passage"] not in self.inserted, "a prepared case is offered twice under one name")
        must(self.cases[body["case"]].retired_at is None, "a prepared case is offered that is not there")
        self.inserted[body["passage"]] = InsertedCase(body["case"], body["officer"])

    def _judged(self, entry: Entry) -> None:
        case, claim = self._open(entry), entry.body["claim"]
        must(claim > case.claim, "a prepared case is judged twice")
        case.claim, case.verdict = claim, str(entry.body["verdict"])

    def _decided(self, entry: Entry) -> None:
        case, body = self._open(entry), entry.body
        truth = Truth(self.cases[case.case].truth)
        must(case.verdict is not None, "a prepared case is decided before it was judged")
        must(body["truth"] == truth, "the truth of a prepared case changed")
        case.outcome = outcome(truth, Answer(body["answer"]), Ground(body["ground"]))
        must(body["outcome"] == case.outcome, "what came of a prepared case is not what was answered")

    def _withdrawn(self, entry: Entry) -> None:
        self._open(entry).withdrawn = True

    def _open(self, entry: Entry) -> InsertedCase:
        case = self.inserted[entry.body["passage"]]
        must(case.officer == entry.body["officer"], "a prepared case is another officer's")
        must(case.outcome is None and not case.withdrawn, "a prepared case is over")
        return case
