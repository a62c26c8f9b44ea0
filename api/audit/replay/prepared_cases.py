"""Replays entries about prepared cases and officers' accuracy; see `api.audit.replay.account`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api.review.officer_accuracy import Outcome, Truth, outcome
from lane.decision.referral import Answer, Ground
from lane.ledger.entry import Entry
from lane.platform.errors import LedgerBrokenError


@dataclass(slots=True)
class OfferedCase:
    """A prepared case before one officer."""

    case: str
    officer: str
    verdict: str | None = None
    claim: int = 0
    """The last claim under which it was judged."""
    outcome: str | None = None
    withdrawn: bool = False


class PreparedCaseReplay:
    """Give it the entries of its kinds. Raises LedgerBrokenError, KeyError or ValueError."""

    def __init__(self, officer_known: Callable[[str], object]) -> None:
        self.truths: dict[str, Truth] = {}
        self.retired: set[str] = set()
        self.offered: dict[str, OfferedCase] = {}
        self.alarms: dict[tuple[str, str], tuple[int, int]] = {}
        """Officer and kind → so many of so many."""
        self._officer_known = officer_known
        self.kinds: Mapping[str, Callable[[Entry], None]] = {
            "prepared.added": self._added,
            "prepared.retired": self._retired,
            "prepared.offered": self._offered,
            "prepared.judged": self._judged,
            "prepared.decided": self._decided,
            "prepared.withdrawn": self._withdrawn,
            "quality.alarm_raised": self._alarm_raised,
            "quality.alarm_cleared": self._alarm_cleared,
        }

    def _added(self, entry: Entry) -> None:
        _must(entry.body["case"] not in self.truths, "a prepared case is added twice")
        self.truths[entry.body["case"]] = Truth(entry.body["truth"])

    def _retired(self, entry: Entry) -> None:
        case = entry.body["case"]
        _must(
            case in self.truths and case not in self.retired, "a prepared case is retired that is not there"
        )
        self.retired.add(case)

    def _offered(self, entry: Entry) -> None:
        body = entry.body
        self._officer_known(body["officer"])
        _must(body["seeded"] is True, "a prepared case is not called one")
        _must(body["passage"] not in self.offered, "a prepared case is offered twice under one name")
        _must(
            body["case"] in self.truths and body["case"] not in self.retired,
            "a prepared case is offered that is not there",
        )
        self.offered[body["passage"]] = OfferedCase(body["case"], body["officer"])

    def _judged(self, entry: Entry) -> None:
        case, claim = self._open(entry), entry.body["claim"]
        _must(claim > case.claim, "a prepared case is judged twice")
        case.claim = claim
        case.verdict = str(entry.body["verdict"])

    def _decided(self, entry: Entry) -> None:
        case, body = self._open(entry), entry.body
        truth = self.truths[case.case]
        _must(case.verdict is not None, "a prepared case is decided before it was judged")
        _must(body["truth"] == truth, "the truth of a prepared case changed")
        found = outcome(truth, Answer(body["answer"]), Ground(body["ground"]))
        _must(Outcome(body["outcome"]) is found, "what came of a prepared case is not what was answered")
        case.outcome = found.value

    def _withdrawn(self, entry: Entry) -> None:
        self._open(entry).withdrawn = True

    def _alarm_raised(self, entry: Entry) -> None:
        body = entry.body
        self._officer_known(body["officer"])
        _must((body["officer"], body["kind"]) not in self.alarms, "an alarm is raised twice")
        self.alarms[body["officer"], body["kind"]] = (body["found"], body["n"])

    def _alarm_cleared(self, entry: Entry) -> None:
        del self.alarms[entry.body["officer"], entry.body["kind"]]

    def _open(self, entry: Entry) -> OfferedCase:
        case: OfferedCase = self.offered[entry.body["passage"]]
        _must(case.officer == entry.body["officer"], "a prepared case is another officer's")
        _must(case.outcome is None and not case.withdrawn, "a prepared case is over")
        return case

    def cases(self) -> dict[str, tuple[str, bool]]:
        """Each case's truth, and whether it is retired."""
        return {case: (truth.value, case in self.retired) for case, truth in self.truths.items()}

    def reviews(self) -> dict[str, tuple[Any, ...]]:
        """What the table must hold of each offered case."""
        return {
            passage: (one.case, one.officer, one.verdict, one.outcome, one.withdrawn)
            for passage, one in self.offered.items()
        }


def _must(holds: object, otherwise: str) -> None:
    if not holds:
        raise LedgerBrokenError(otherwise)
