"""Replays entries about cases, by the tables of `api.review.cases.steps`; see `api.audit.replay.account`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from api.audit.replay.rules import Replays, must
from api.audit.replay.staff import StaffReplay
from api.lanes import intake
from api.ledger.facts import ClosedFact, ImageFact, JudgedFact, PassageFact
from api.people.roles import Task
from api.platform.database.tables import OpinionRow
from api.review.cases import decisions, queue, steps
from api.review.cases.steps import Act, Stage, State, Step, Verdict
from lane.decision.referral import Answer, Decision
from lane.ledger.entry import Entry
from lane.platform.errors import LedgerBrokenError

Body = Mapping[str, Any]

_NO_NOTE = decisions.note_hash("")


@dataclass(slots=True)
class Round:
    """A round that is over; `decision`: the one that ended it."""

    number: int
    judged: JudgedFact
    decision: str


@dataclass(slots=True)
class Case:
    """What the row of a case must hold, and what its next entries are checked against."""

    passage: str
    lane: str
    opened_at: datetime
    gravity: int
    judged: JudgedFact
    ended: str | None = None
    claimed_by: str | None = None
    """Who claimed it last and did not give it back."""
    shown: bool = False
    decision: Body | None = None
    note: str | None = None
    claimed_until: datetime | None = None
    """Until when the claim lasted under which the case was decided."""
    handed_at: datetime | None = None
    round: int = 1
    stage: Stage = Stage.FIRST
    step: Step = Step.BLIND
    claims: int = 0
    escalated_at: datetime | None = None
    state: State = State.WAITING
    verdict: Verdict | None = None
    """The judgement of the holder before the reveal."""
    proposals: dict[str, Decision] = field(default_factory=dict)
    """Officer → the answer to which another officer must agree, in this round."""
    acted_on: dict[str, Body] = field(default_factory=dict)
    """Every decision that a lane may act on: it was handed to it."""
    rounds: list[Round] = field(default_factory=list)
    opinions: dict[str, OpinionRow] = field(default_factory=dict)
    next_judged: tuple[JudgedFact, int] | None = None
    """The judgement of the next round and its gravity."""

    @property
    def images(self) -> tuple[ImageFact, ...]:
        judged = (*(one.judged for one in self.rounds), self.judged)
        return tuple(image for one in judged for image in one.images)


class CaseReplay:
    def __init__(self, staff: StaffReplay) -> None:
        self.by_passage: dict[str, Case] = {}
        self._staff = staff
        self.kinds: Replays = {
            "referral.claimed": self._claimed,
            "referral.released": self._released,
            "referral.shown": self._shown,
            "referral.judged_blind": self._judged_blind,
            "referral.revealed": self._revealed,
            "referral.proposed": self._proposed,
            "referral.decided": self._decided,
            "referral.corrected": self._corrected,
            "referral.handed": self._handed,
            "referral.reopened": self._reopened,
            "referral.escalated": self._escalated,
        }
        self.lane_kinds: dict[str, Callable[[Entry, Entry], None]] = {
            "passage.judged": self._judged,
            "passage.repeat_refused": self._repeat_refused,
            "passage.closed": self._closed,
            "passage.decided": self._decided_at_lane,
            "gate.opening": self._opened_by_officer,
        }

    # --- from lanes

    def _judged(self, inner: Entry, entry: Entry) -> None:
        referral = intake.new_referral(inner, at=entry.at)
        if referral is None:
            return
        opened = Case(referral.passage, referral.lane, referral.opened_at, referral.gravity, referral.judged)
        case = self.by_passage.setdefault(referral.passage, opened)
        if case.state is State.HANDED:
            case.next_judged = referral.judged, referral.gravity

    def _repeat_refused(self, inner: Entry, _: Entry) -> None:
        case = self.by_passage.get(PassageFact.model_validate(inner.body).passage)
        if case is not None and case.state is State.HANDED:
            case.next_judged = case.judged, case.gravity

    def _closed(self, inner: Entry, _: Entry) -> None:
        closed = ClosedFact.model_validate(inner.body)
        case = self.by_passage.get(closed.passage)
        if case is not None and case.ended is None:
            case.ended = closed.how

    def _decided_at_lane(self, inner: Entry, _: Entry) -> None:
        decision = inner.body.get("decision")
        given = self._given(inner, decision.get("id") if isinstance(decision, Mapping) else None)
        must(given is not None and _same_decision(given, decision), _NO_SUCH_DECISION)

    def _opened_by_officer(self, inner: Entry, _: Entry) -> None:
        if inner.body.get("because") == "officer":
            given = self._given(inner, inner.body.get("decision"))
            must(given is not None and given["answer"] == Answer.ADMIT, _NO_SUCH_DECISION)

    def _given(self, inner: Entry, decision: object) -> Body | None:
        passage = inner.body.get("passage")
        case = self.by_passage.get(passage) if isinstance(passage, str) else None
        return case.acted_on.get(decision) if case and isinstance(decision, str) else None

    # --- from officers

    def _waiting(self, entry: Entry) -> Case:
        case = self.by_passage.get(entry.body["passage"])
        if case is None or case.decision is not None or case.ended is not None:
            raise LedgerBrokenError("an officer acts on a case that does not wait for one")
        return case

    def _held(self, entry: Entry) -> Case:
        case = self._waiting(entry)
        must(case.claimed_by == entry.body["officer"], "an officer acts on a case without having it")
        must(case.claims == entry.body["claim"], "an officer acts under a claim that is over")
        return case

    def _claimed(self, entry: Entry) -> None:
        officer = entry.body["officer"]
        self._staff.must_know(officer)
        case = self._waiting(entry)
        self._take(case, officer, Step(entry.body["step"]), entry.body["claim"])
        case.claimed_by, case.shown, case.verdict = officer, False, None

    def _take(self, case: Case, officer: str, step: Step, claim: int) -> None:
        supervises = self._staff.may(officer, Task.SUPERVISE)
        may = steps.may_take(case.stage, officer, case.proposals, supervises=supervises)
        must(may, "an officer takes a case that needs another one")
        must(claim == case.claims + 1, "a claim has another number than its place")
        if case.state is not State.WAITING:
            _move(case, Act.GIVEN_BACK)
        faces = queue.comparable(case.judged)
        _move(case, Act.CLAIMED if faces else Act.CLAIMED_WITHOUT_FACES)
        must(step == case.state.value, "a claim begins at another step than it must")
        case.step, case.claims = step, claim

    def _released(self, entry: Entry) -> None:
        case = self._waiting(entry)
        must(case.claimed_by == entry.body["officer"], "an officer gives a case back without having it")
        _move(case, Act.GIVEN_BACK)
        case.claimed_by = None

    def _shown(self, entry: Entry) -> None:
        case = self.by_passage[entry.body["passage"]]
        must(case.claimed_by == entry.body["officer"], "a case is shown to an officer who does not have it")
        must(entry.body["step"] == case.step, "a step is shown that was not")
        must(set(entry.body["items"]) == steps.SHOWS[case.step], "a step shows what it must not")
        case.shown = True

    def _judged_blind(self, entry: Entry) -> None:
        case, body = self._held(entry), entry.body
        must(case.shown, "faces are judged that were not shown")
        _move(case, Act.JUDGED)
        case.verdict = Verdict(body["verdict"])
        case.step, case.shown = Step.REVEALED, False
        details = {name: body[name] for name in ("features", "viewed", "seen_before")}
        said = {"verdict": body["verdict"], "confidence": body["confidence"]}
        said["details"] = json.dumps(details, sort_keys=True)
        _keep(case, "judged", body["judgement"], body["officer"], entry.at, said)

    def _revealed(self, entry: Entry) -> None:
        case = self._held(entry)
        must(case.state is State.REVEALED and case.verdict, "findings are revealed before a judgement")
        must(entry.body["match"] == steps.match(case.judged), "another finding is revealed than the lane's")

    def _proposed(self, entry: Entry) -> None:
        given = self._answer(entry, entry.body["proposal"], "proposed")
        case = self.by_passage[given.passage]
        must(_next_stage(case, given) == entry.body["next"], "another officer is asked than must be")
        _move(case, Act.PROPOSED)
        case.proposals[given.officer] = given
        case.stage, case.step = Stage(entry.body["next"]), Step.BLIND
        case.claimed_by, case.shown = None, False

    def _decided(self, entry: Entry) -> None:
        body = entry.body
        given = self._answer(entry, body["decision"], "decided")
        case = self.by_passage[given.passage]
        must(_next_stage(case, given) is None, "an officer decides where another one is needed")
        _move(case, Act.DECIDED)
        case.decision, case.note = body["decision"], body["note_sha256"]
        case.claimed_until = datetime.fromisoformat(body["claimed_until"])

    def _answer(self, entry: Entry, decision: Body, kind: str) -> Decision:
        """An answer by the officer who has the case, in time, at its place, with a note where one is due."""
        case, body = self._waiting(entry), entry.body
        given = decisions.from_body(decision)
        must(given.passage == body["passage"], "a decision names another passage")
        must(given.decided_at == entry.at, "a decision has another time than its entry")
        must(case.claimed_by == given.officer, "an officer decides without having claimed the case")
        until = datetime.fromisoformat(body["claimed_until"])
        must(entry.at < until, "an officer decides after the claim has ended")
        must(body["stage"] == case.stage and body["claim"] == case.claims, "an answer out of its place")
        _check_note(case, given, body["note_sha256"])
        _keep(case, kind, given.id, given.officer, entry.at, _said(given, body))
        return given

    def _corrected(self, entry: Entry) -> None:
        case, body = self.by_passage[entry.body["passage"]], entry.body
        given = decisions.from_body(body["decision"])
        before = case.decision
        must(before is not None and before["id"] == body["corrects"], "a correction of what is not there")
        must(before and before["officer"] == given.officer, "an officer corrects another one's decision")
        must(given.decided_at == entry.at and given.passage == body["passage"], "a correction out of place")
        must(case.ended is None, "an officer corrects what has ended")
        reverses = steps.reverses(case.judged.codes, given.answer)
        opens = reverses and before and before["answer"] != Answer.ADMIT
        must(not opens, "an officer decides where another one is needed")
        _check_note(case, given, body["note_sha256"])
        _move(case, Act.CORRECTED)
        _keep(case, "corrected", given.id, given.officer, entry.at, _said(given, body))
        case.decision, case.note = body["decision"], body["note_sha256"]

    def _handed(self, entry: Entry) -> None:
        case = self.by_passage[entry.body["passage"]]
        given = case.decision
        if given is None or given["id"] != entry.body["decision"]:
            raise LedgerBrokenError("a lane is handed a decision that does not count")
        _move(case, Act.HANDED)
        case.acted_on[given["id"]] = given
        case.handed_at = entry.at

    def _reopened(self, entry: Entry) -> None:
        case = self.by_passage[entry.body["passage"]]
        given = case.decision
        if given is None or given["answer"] != Answer.REPEAT_CAPTURE or case.next_judged is None:
            raise LedgerBrokenError("a case is asked again without an officer's word")
        must(case.ended is None, "a case is asked again that has ended")
        must(entry.body["round"] == case.round + 1, "a round has another number than its place")
        _move(case, Act.REOPENED)
        case.rounds.append(Round(case.round, case.judged, given["id"]))
        case.judged, case.gravity = case.next_judged
        case.round, case.stage, case.step = case.round + 1, Stage.FIRST, Step.BLIND
        case.claimed_by, case.shown, case.verdict, case.proposals = None, False, None, {}
        case.decision = case.note = case.claimed_until = None
        case.handed_at = case.escalated_at = case.next_judged = None

    def _escalated(self, entry: Entry) -> None:
        case = self._waiting(entry)
        must(case.escalated_at is None, "a case is escalated twice")
        case.escalated_at = entry.at


_NO_SUCH_DECISION = "a lane acted on a decision that no officer gave"


def _keep(case: Case, kind: str, name: str, officer: str, at: datetime, said: dict[str, Any]) -> None:
    must(name not in case.opinions, "something is said twice")
    place = {"passage": case.passage, "round": case.round, "stage": case.stage, "claim": case.claims}
    case.opinions[name] = OpinionRow(id=name, kind=kind, officer=officer, at=at, **place, **said)


def _move(case: Case, act: Act) -> None:
    to = steps.after(case.state, act)
    if to is None:
        raise LedgerBrokenError(f"a case that is {case.state} cannot be {act}")
    case.state = to


def _next_stage(case: Case, given: Decision) -> Stage | None:
    first = next(iter(case.proposals.values()), None)
    return steps.next_stage(case.stage, case.judged.codes, given.answer, first.answer if first else None)


def _check_note(case: Case, given: Decision, note_sha256: str) -> None:
    due = steps.needs_note(case.judged.codes, case.verdict, given.answer, given.ground)
    must(not due or note_sha256 != _NO_NOTE, "an answer that needs a note has none")
    if given.answer is Answer.REPEAT_CAPTURE:
        must(steps.may_repeat(case.judged.codes, case.round - 1), "a passenger is captured too often")


def _said(given: Decision, body: Body) -> dict[str, Any]:
    # The ledger has the note as a hash alone.
    return {"answer": given.answer.value, "ground": given.ground.value, "note": body["note_sha256"]}


def _same_decision(given: Body, other: object) -> bool:
    try:
        return isinstance(other, Mapping) and decisions.from_body(other) == decisions.from_body(given)
    except (KeyError, TypeError, ValueError):
        return False
