"""The flow of a lane: one passenger after another. Facts are on disk before the gate moves; a fault refers.

document presented → capture → evidence → policy → gate, or referral → officer's decision → gate → closed
"""

import logging
import math
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from lane import __version__
from lane.capture.guidance import INSTRUCTION_OF_STATE, Guide, Instruction, no_guide
from lane.capture.measuring import Measurer
from lane.decision.decide import Admit, Refer, describe
from lane.decision.evidence import Check, DeskContact, to_plain
from lane.decision.passage_states import State, Step, after
from lane.decision.reason_codes import NEVER_CAPTURED, Code, Reason
from lane.decision.referral import Answer, Decision, PassageId
from lane.desk.command_handler import CommandHandler
from lane.desk.outbox import Outbox
from lane.desk.status_reporter import StatusReporter
from lane.document.port import DocumentReader
from lane.document.travel_document import TravelDocument
from lane.evaluation.evaluator import EvaluationThread
from lane.gate.doorway import Doorway
from lane.gate.port import Gate
from lane.kiosk.traveller_requests import TravellerRequests, no_requests
from lane.ledger.clock_check import Timekeeper, clock_fact, clock_is_doubted
from lane.ledger.entry import Draft, Picture
from lane.ledger.journal import SqliteJournal, Standing
from lane.passage.judge import Judge, JudgedPassage, NetworkRecovery
from lane.platform.clock import Clock
from lane.platform.errors import DocumentError, JournalError, NobodyYetError, StoppedError, TransitionError

log = logging.getLogger(__name__)

UNREADABLE = TravelDocument(photo=b"", expires_on=None)
RETRY_S = 1.0
GATE_STAYS_OPEN = "the gate does not close"
ENDS = {
    Answer.SECOND_LINE: Step.SENT_TO_SECOND_LINE,
    Answer.OTHER_AGENCY: Step.HANDED_TO_AGENCY,
}
"""How a passage ends by an answer that keeps the gate closed."""


Screen: TypeAlias = Callable[[PassageId, State], None]
"""Shows that a passage has entered a state, which is on disk already: never a reason, never a face."""


@dataclass(slots=True)
class Passage:
    """One passenger's way through; its state moves only along the table of `lane.decision.passage_states`."""

    id: PassageId = field(default_factory=lambda: PassageId(str(uuid.uuid4())))
    state: State = State.WAITING
    repeats: int = 0
    """How often an officer had the passenger captured again."""
    answer: str | None = None
    """The last decision that was carried out: a desk repeats it until it knows of the new capture."""
    events: list[Code] = field(default_factory=list)
    """What the gate's sensors saw since it began."""


@dataclass(frozen=True, slots=True)
class PassageReport:
    passage: PassageId
    outcome: str
    reasons: tuple[Reason, ...]
    remarks: tuple[Reason, ...]
    officer: Answer | None
    gate_opened: bool
    frames: int
    timings_ms: dict[str, float]


class Station:
    """The flow of one lane. Everything outside is passed in."""

    def __init__(
        self,
        lane: str,
        *,
        judge: Judge,
        reader: DocumentReader,
        gate: Gate,
        journal: SqliteJournal,
        outbox: Outbox,
        clock: Clock,
        status_reporter: StatusReporter,
        screen: Screen = lambda *_: None,
        erase_expired: Callable[[], None] = lambda: None,
        evaluation: EvaluationThread | None = None,
        networks_on_cpu: Callable[[], Measurer] | None = None,
        guide: Guide = no_guide,
        requests: TravellerRequests = no_requests,
        timekeeper: Timekeeper | None = None,
        gate_timeout_s: float = 15.0,
        officer_wait_s: float = 5.0,
    ) -> None:
        self._lane, self._judge, self._reader = lane, judge, reader
        self._journal, self._outbox = journal, outbox
        self._clock, self._screen, self._evaluation = clock, screen, evaluation
        self._guide, self._traveller_requests = guide, requests
        self._reporter, self._networks_on_cpu = status_reporter, networks_on_cpu
        self._commands = CommandHandler(journal, clock, status_reporter)
        self._doorway = Doorway(gate, journal, clock, self._commands, status_reporter, gate_timeout_s)
        self._officer_wait_s, self._erase_expired = officer_wait_s, erase_expired
        self._timekeeper, self._clock_doubted = timekeeper, False
        self.closed = False
        """Whether the lane has closed itself (S01, S04, a gate that does not close) and needs attention."""
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the wait for an officer, from any thread; the next start closes the passage as interrupted."""
        self._stop.set()

    def start(self) -> None:
        """Close the gate, take up what an earlier run left, and say in the ledger which networks decide.

        An unfinished passage is closed as interrupted: after a restart nobody knows who stands at the gate,
        so it opens for no earlier proof and no earlier answer. The passenger presents the document again.
        """
        self._doorway.start()
        self._commands.start()
        self._clock_doubted = clock_is_doubted(self._journal)
        left = self._journal.unfinished()
        self._journal.record([Draft("lane.started", self._started_fact())], at=self._clock.now())
        self._outbox.deliver()
        if left is not None:
            log.warning("passage %s was %s when the lane stopped", left.passage, left.state)
            self._close(Passage(left.passage, left.state), Step.INTERRUPTED)

    def serve(self) -> PassageReport | None:
        """Serve the next passenger. None when no more come, or when the lane has closed itself (S01, S04).

        While the journal cannot be written nobody is served: without a record nothing happens.
        """
        while True:
            try:
                return self._serve_next()
            except JournalError as error:
                if not self._await_journal(error):
                    return None

    def _serve_next(self) -> PassageReport | None:
        self._note_evaluations(wait=False)
        document = None if self.closed else self._next_document()
        if document is None:
            return None
        passage = Passage()
        recorded = {"recorded": True} if self._judge.records else {}
        started = Draft("passage.started", {"passage": passage.id, **recorded})
        self._record(passage, Step.DOCUMENT_PRESENTED, [started])
        judged, report = self._run(passage, document)
        if judged.evidence.models_unchanged:
            self._evaluate(passage, judged)
            self._recover_networks(judged)
        else:
            self._close_lane("a model file changed while the lane ran", Code.MODEL_CHANGED)
        return report

    def _run(self, passage: Passage, document: TravelDocument) -> tuple[JudgedPassage, PassageReport]:
        """Run a passage from its capture to its end; an officer may have it captured once more on the way."""
        while True:
            contact, requests = self._outbox.deliver(), partial(self._take_requests, passage)
            events = partial(self._read_events, passage)
            judged = self._judge.judge(
                document, contact, wishes=requests(), meanwhile=requests, events=events
            )
            if self._stopped:
                self._close(passage, Step.INTERRUPTED)
                return judged, _report(passage, judged, None, gate_opened=False)
            if isinstance(judged.outcome, Admit):
                return judged, self._admit(passage, judged)
            report = self._refer(passage, judged, judged.outcome)
            if passage.state is not State.CAPTURING:
                return judged, report

    def _admit(self, passage: Passage, judged: JudgedPassage) -> PassageReport:
        self._record(passage, Step.ACCEPTED, [*self._judged_facts(passage, judged), _opening(passage)])
        return _report(passage, judged, None, gate_opened=self._let_through(passage))

    def _refer(self, passage: Passage, judged: JudgedPassage, outcome: Refer) -> PassageReport:
        pictures = [one.picture for one in judged.pictures]
        self._record(passage, Step.REFERRED, self._judged_facts(passage, judged), pictures)
        log.info("passage %s referred: %s", passage.id, ", ".join(map(str, outcome.reasons)))
        decision, opened = self._await_answer(passage, outcome)
        return _report(passage, judged, decision, gate_opened=opened)

    def _await_answer(self, passage: Passage, outcome: Refer) -> tuple[Decision | None, bool]:
        """Wait behind a closed gate; no timeout decides.

        No decision and False where a supervisor or an alarm stops the lane.
        """
        while True:
            answered = self._wait_for_officer(passage)
            if answered is None:
                self._close(passage, Step.INTERRUPTED)
                return None, False
            decision, age_s = answered
            if decision.answer is not Answer.REPEAT_CAPTURE or self._may_repeat(passage, outcome):
                return decision, self._carry_out(passage, decision, age_s)
            self._refuse_repeat(passage, decision)

    def _carry_out(self, passage: Passage, decision: Decision, age_s: float) -> bool:
        """Do what the officer decided; True where the gate opened."""
        decided = Draft("passage.decided", {"passage": passage.id, "decision": to_plain(decision)})
        if age_s > self._judge.policy.desk.max_answer_age_s:
            log.warning("passage %s: the answer may be too old (%.0f s) and opens no gate", passage.id, age_s)
            self._close(passage, Step.INTERRUPTED, [decided])
        elif self._stopped:
            self._close(passage, Step.INTERRUPTED, [decided])
        elif decision.answer is Answer.ADMIT:
            self._record(passage, Step.ADMITTED_BY_OFFICER, [decided, _opening(passage, decision)])
            return self._let_through(passage)
        elif decision.answer is Answer.REPEAT_CAPTURE:
            passage.repeats, passage.answer = passage.repeats + 1, decision.id
            self._record(passage, Step.REPEAT_CAPTURE, [decided])
        else:
            self._close(passage, ENDS[decision.answer], [decided])
        return False

    def _may_repeat(self, passage: Passage, outcome: Refer) -> bool:
        """Whether the policy allows another capture; never of a diplomat, a child or who declines it."""
        never = any(reason.code in NEVER_CAPTURED for reason in outcome.reasons)
        return not never and passage.repeats < self._judge.policy.capture.max_repeat_captures

    def _refuse_repeat(self, passage: Passage, decision: Decision) -> None:
        """Record that the repeat is refused: the desk then asks the officer for another answer."""
        log.warning("passage %s is not captured again: its policy does not allow it", passage.id)
        passage.answer = decision.id
        body = {"passage": passage.id, "decision": decision.id}
        self._journal.record([Draft("passage.repeat_refused", body)], at=self._clock.now())

    def _wait_for_officer(self, passage: Passage) -> tuple[Decision, float] | None:
        """The answer, and its greatest possible age: the time since the desk last had none.

        The age is infinite where the gate saw something that the desk may not have known. None where a
        supervisor or an alarm stopped the lane: then no answer counts any more.
        """
        none_yet_s, known = self._clock.monotonic_s(), len(passage.events)
        while not self._stop.is_set():
            self._read_events(passage)
            if self._stopped:
                return None
            delivered = self._outbox.deliver() is DeskContact.REACHED
            asked_s, seen = self._clock.monotonic_s(), len(passage.events)
            # At once where something was seen: an answer that is there already was given without it.
            decision = self._outbox.answer(passage.id, 0 if seen > known else self._officer_wait_s)
            if decision is not None and decision.id != passage.answer:
                return decision, math.inf if seen > known else self._clock.monotonic_s() - none_yet_s
            if reached := self._outbox.contact is DeskContact.REACHED:
                none_yet_s, known = asked_s, seen if delivered else known
            if decision is not None or not (reached and delivered):
                self._clock.sleep(RETRY_S)
        raise StoppedError(f"stopped while passage {passage.id} waits for an officer")

    def _let_through(self, passage: Passage) -> bool:
        """Open the gate, wait, close it. True where it opened."""
        if passage.state is not State.OPEN:
            raise TransitionError(f"the gate stays closed: passage {passage.id} is {passage.state}")
        result = self._doorway.let_through(passage.id)
        self._close(passage, result.step)
        if not result.closed:
            self._close_lane(GATE_STAYS_OPEN)
        return result.opened

    @property
    def _stopped(self) -> bool:
        """Whether the passage under way must not go on: by a supervisor's command, or by an alarm."""
        return self._commands.stopped or self._doorway.alarmed

    def _take_requests(self, passage: Passage) -> tuple[Code, ...]:
        """New requests of the passenger at the buttons, or of an officer in the passenger's place."""
        return tuple(dict.fromkeys(self._traveller_requests() + self._commands.take_requests(passage.id)))

    def _read_events(self, passage: Passage) -> tuple[Code, ...]:
        """What the gate's sensors saw since the passage began."""
        passage.events += self._doorway.read_events(passage.id)
        return tuple(dict.fromkeys(passage.events))

    def _check_doorway(self) -> bool:
        """Between passengers: whether the doorway is ready; its events are delivered at once.

        Old faces are erased, whether the lane serves or a supervisor closed it.
        """
        self._erase_expired()
        if facts := self._clock_facts():
            self._journal.record(facts, at=self._clock.now())
        if self._doorway.read_events():
            self._outbox.deliver()
        return self._doorway.is_ready()

    def _clock_facts(self) -> list[Draft]:
        """The fact that the clock is doubted, or trusted again: it holds after a restart as before.

        A jump is found by the next check, some seconds later. A lane that is killed before that check knows
        only the last date in its ledger.
        """
        found = self._timekeeper is not None and self._timekeeper.check() is not Check.SUCCESSFUL
        if self._timekeeper is None or found == self._clock_doubted:
            return []
        self._clock_doubted = found
        log.warning("the clock counts as %s from now on", "wrong" if found else "right")
        return [clock_fact(trusted=not found, by="lane")]

    def _close(self, passage: Passage, step: Step, before: Sequence[Draft] = ()) -> None:
        closed = Draft("passage.closed", {"passage": passage.id, "how": step.value})
        self._record(passage, step, [*before, closed])
        self._outbox.deliver()

    def _evaluate(self, passage: Passage, judged: JudgedPassage) -> None:
        """Evaluate the passage, which is over: this decides nothing, and a fault here stops nothing."""
        if self._evaluation is None or judged.verification is None:
            return
        submitted = False
        try:
            submitted = self._evaluation.submit(passage.id, judged.verification)
        except Exception as error:  # no passenger waits for this, and the next one shall not
            log.error("passage %s was not evaluated", passage.id, exc_info=error)
        self._note_evaluations(wait=submitted)

    def _note_evaluations(self, *, wait: bool) -> None:
        """Record the evaluation's results, also late ones of an earlier passage."""
        if self._evaluation is None:
            return
        try:
            found = self._evaluation.results(wait=wait)
            for passage, body in found:
                evaluated = Draft("passage.evaluated", {**body, "passage": passage})
                self._journal.record([evaluated], at=self._clock.now())
            if found:
                self._outbox.deliver()
        except Exception as error:  # decides nothing; a journal that fails stops the lane at its next fact
            log.error("an evaluation was not recorded", exc_info=error)

    def _close_lane(self, detail: str, code: Code | None = None) -> None:
        """Serve nobody any more, until a person has attended to the lane."""
        self.closed = True
        self._guide(Instruction.CLOSED)
        self._reporter.note_fault()
        self._end_evaluation()
        log.critical("the lane closes: %s", detail)
        self._journal.record([Draft("lane.closed", {"code": code, "detail": detail})], at=self._clock.now())
        self._outbox.deliver()

    def _await_journal(self, error: JournalError) -> bool:
        """Keep the gate shut until the journal can be written again; False where the lane ends before."""
        log.critical("nobody is served, and no passage goes on: %s", error)
        shut = self._doorway.shut()
        self._guide(Instruction.CLOSED)
        self._reporter.note_fault()
        while not self._stop.wait(RETRY_S):
            try:
                self._resume()
                if not shut:
                    self._close_lane(GATE_STAYS_OPEN)
            except JournalError:
                continue
            log.warning("the journal can be written again")
            self._reporter.note_fault(over=not self.closed)
            return True
        return False

    def _resume(self) -> None:
        """Record that facts may be missing; close the passage that was under way as interrupted."""
        self._clock_doubted = clock_is_doubted(self._journal)
        resumed, left = Draft("lane.resumed", {"after": "journal"}), self._journal.unfinished()
        if left is None:
            self._journal.record([resumed], at=self._clock.now())
        else:
            self._close(Passage(left.passage, left.state), Step.INTERRUPTED, [resumed])

    def _recover_networks(self, judged: JudgedPassage) -> None:
        """After a passage in which a network failed: S01 sent that passenger to an officer already."""
        if judged.evidence.engine_fault is None or self._networks_on_cpu is None:
            return
        match self._judge.recover_networks(self._networks_on_cpu):
            case NetworkRecovery.LOST:
                self._close_lane("the networks do not run", Code.ENGINE_LOST)
            case NetworkRecovery.ON_CPU:
                identities = self._judge.measurer.networks.identities
                log.critical("the networks run on the CPU from now on")
                self._reporter.note_engine(identities)
                moved = Draft("lane.engine", {"code": Code.ENGINE_LOST, "networks": to_plain(identities)})
                self._journal.record([moved], at=self._clock.now())
                self._outbox.deliver()

    def _end_evaluation(self) -> None:
        try:
            if self._evaluation is not None:
                self._evaluation.close()
        except Exception as error:  # the reason why the lane closes must be recorded in any case
            log.error("the evaluation in service did not end", exc_info=error)

    def _record(
        self, passage: Passage, step: Step, drafts: Sequence[Draft], pictures: Sequence[Picture] = ()
    ) -> None:
        passage.state = after(passage.state, step)
        standing = Standing(passage.id, passage.state)
        self._journal.record(drafts, at=self._clock.now(), standing=standing, pictures=pictures)
        self._screen(passage.id, passage.state)
        self._guide(INSTRUCTION_OF_STATE[passage.state])
        self._reporter.note_passage(passage.state, self._journal.waiting())

    def _next_document(self) -> TravelDocument | None:
        """The next passenger's document, once the lane serves. One presented before is not served."""
        while self._ready():
            self._guide(Instruction.WELCOME)
            try:
                document = self._read_document()
            except NobodyYetError:
                self._outbox.deliver()
                continue
            if document is None or (self._commands.serves and self._check_doorway()):
                return document
        return None

    def _ready(self) -> bool:
        if not (self._commands.serves and self._check_doorway()):
            self._guide(Instruction.CLOSED)
        return self._commands.ready(self._stop, self._check_doorway, self._outbox.deliver)

    def _read_document(self) -> TravelDocument | None:
        try:
            return self._reader.read()
        except DocumentError:
            return UNREADABLE

    def _started_fact(self) -> dict[str, Any]:
        networks, policy = self._judge.measurer.networks, self._judge.policy
        return {
            "lane": self._lane,
            "version": __version__,
            "matcher": to_plain(networks.embedder.identity),
            "networks": to_plain(networks.identities),
            "policy": policy.identity(),
            "band": to_plain(policy.band(networks.embedder.identity)),
        }

    def _judged_facts(self, passage: Passage, judged: JudgedPassage) -> list[Draft]:
        body = {
            "passage": passage.id,
            **describe(judged.outcome),
            "evidence": to_plain(judged.evidence),
            "policy": self._judge.policy.identity(),
            "band": to_plain(self._judge.policy.band(judged.evidence.matcher)),
            "images": [one.fact() for one in judged.pictures],
            "timings_ms": judged.timings_ms,
        }
        if judged.recording is not None:
            body["recording"] = judged.recording
        return [*self._clock_facts(), Draft("passage.judged", body)]


def _opening(passage: Passage, decision: Decision | None = None) -> Draft:
    because = "proof" if decision is None else "officer"
    body = {"passage": passage.id, "because": because, "decision": decision and decision.id}
    return Draft("gate.opening", body)


def _report(
    passage: Passage, judged: JudgedPassage, decision: Decision | None, *, gate_opened: bool
) -> PassageReport:
    return PassageReport(
        passage=passage.id,
        outcome=judged.outcome.word,
        reasons=judged.outcome.reasons,
        remarks=judged.outcome.remarks,
        officer=decision.answer if decision else None,
        gate_opened=gate_opened,
        frames=judged.evidence.capture.frames_seen,
        timings_ms=judged.timings_ms,
    )
