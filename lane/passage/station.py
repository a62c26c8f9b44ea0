"""One passenger after another, start to end. Facts are on disk before the gate moves; what fails, refers.

document presented → capture → evidence → policy → gate, or referral → officer's decision → gate → closed
"""

import logging
import math
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lane import __version__
from lane.capture.guidance import INSTRUCTION_OF_STATE, Guide, Instruction, no_guide
from lane.decision.decide import Admit, Refer
from lane.decision.evidence import Check, DeskContact, to_plain
from lane.decision.passage_states import State, Step, after
from lane.decision.reason_codes import NEVER_CAPTURED, Code, Reason
from lane.decision.referral import Answer, Decision, PassageId
from lane.desk.command_handler import Service
from lane.desk.outbox import Courier
from lane.desk.status_reporter import Beacon
from lane.document.port import DocumentReader
from lane.document.travel_document import TravelDocument
from lane.evaluation.evaluation_thread import Observer
from lane.gate.doorway import Doorway
from lane.gate.port import Gate
from lane.kiosk.traveller_requests import NoWishes, Wishes
from lane.ledger.clock_check import Timekeeper, clock_fact, doubted
from lane.ledger.port import Draft, Journal, Picture, Standing
from lane.passage.judge import Judge, Judged
from lane.passage.network_recovery import After, Engine
from lane.passage.port import Screen
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


def nothing_to_tidy() -> None:
    """At a lane that keeps nothing beside its journal."""


@dataclass(slots=True)
class Passage:
    """One passenger's way through; its state moves only along the table of `lane.decision.passage_states`."""

    id: PassageId = field(default_factory=lambda: PassageId(str(uuid.uuid4())))
    state: State = State.WAITING
    repeats: int = 0
    """How often it was captured again, by an officer's word."""
    answer: str | None = None
    """The last decision that was acted on: a desk tells it again until it knows of the new capture."""
    events: list[Code] = field(default_factory=list)
    """What was seen at the gate since it began."""

    def take(self, step: Step) -> None:
        """Raises TransitionError for a step that is not possible now."""
        self.state = after(self.state, step)


@dataclass(frozen=True, slots=True)
class PassageReport:
    """How one passage went."""

    passage: PassageId
    outcome: str
    reasons: tuple[Reason, ...]
    remarks: tuple[Reason, ...]
    officer: Answer | None
    gate_opened: bool
    frames: int
    timings_ms: dict[str, float]


class Station:
    """The flow of one lane. Everything outside comes in through `lane.ledger.port`."""

    def __init__(
        self,
        lane: str,
        *,
        judge: Judge,
        reader: DocumentReader,
        gate: Gate,
        journal: Journal,
        courier: Courier,
        clock: Clock,
        screen: Screen,
        tidy: Callable[[], None] = nothing_to_tidy,
        observer: Observer | None = None,
        beacon: Beacon | None = None,
        engine: Engine | None = None,
        guide: Guide = no_guide,
        wishes: Wishes | None = None,
        timekeeper: Timekeeper | None = None,
        gate_timeout_s: float = 15.0,
        officer_wait_s: float = 5.0,
    ) -> None:
        self._lane, self._judge, self._reader = lane, judge, reader
        self._journal, self._courier = journal, courier
        self._clock, self._screen, self._observer = clock, screen, observer
        self._guide, self._wishes = guide, wishes or NoWishes()
        self._service, self._engine = Service(journal, clock, beacon), engine
        self._doorway = Doorway(gate, journal, clock, self._service, gate_timeout_s)
        self._officer_wait_s, self._tidy = officer_wait_s, tidy
        self._timekeeper, self._doubted = timekeeper, False
        self._closed = False
        self._stop = threading.Event()

    @property
    def closed(self) -> bool:
        """Whether it has closed itself (S01, S04, a gate that does not close): somebody must look at it."""
        return self._closed

    def stop(self) -> None:
        """End the wait for an officer, from any thread; the next start closes the passage as interrupted."""
        self._stop.set()

    def start(self) -> None:
        """Close the gate, take up what an earlier run left, and say in the ledger which networks decide.

        An unfinished passage is closed as interrupted: after a restart nobody knows who stands at the gate,
        so it opens for no earlier proof and no earlier answer. The passenger presents the document again.
        """
        self._doorway.start()
        self._service.start()
        self._doubted = doubted(self._journal)
        left = self._journal.unfinished()
        self._journal.record([Draft("lane.started", self._identity())], at=self._clock.now())
        self._courier.deliver()
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
        document = None if self._closed else self._next_document()
        if document is None:
            return None
        passage = Passage()
        recorded = {"recorded": True} if self._judge.records else {}
        started = Draft("passage.started", {"passage": passage.id, **recorded})
        self._record(passage, Step.DOCUMENT_PRESENTED, [started])
        judged, report = self._follow(passage, document)
        if judged.evidence.models_unchanged:
            self._observe(passage, judged)
            self._look_after_engine(judged)
        else:
            self._close_lane("a model file changed while the lane ran", Code.MODEL_CHANGED)
        return report

    def _follow(self, passage: Passage, document: TravelDocument) -> tuple[Judged, PassageReport]:
        """From the capture to the end; an officer may have the lane capture once more on the way."""
        while True:
            contact, asked = self._courier.deliver(), partial(self._asked, passage)
            events = partial(self._look, passage)
            judged = self._judge.judge(document, contact, wishes=asked(), meanwhile=asked, events=events)
            if self._stopped:
                self._close(passage, Step.INTERRUPTED)
                return judged, _report(passage, judged, None, gate_opened=False)
            if isinstance(judged.outcome, Admit):
                return judged, self._admit(passage, judged)
            report = self._refer(passage, judged, judged.outcome)
            if passage.state is not State.CAPTURING:
                return judged, report

    def _admit(self, passage: Passage, judged: Judged) -> PassageReport:
        verdict = [*self._clock_facts(), self._verdict(passage, judged)]
        self._record(passage, Step.ACCEPTED, [*verdict, _opening(passage)])
        return _report(passage, judged, None, gate_opened=self._let_through(passage))

    def _refer(self, passage: Passage, judged: Judged, outcome: Refer) -> PassageReport:
        shown = [one.picture for one in judged.shown]
        verdict = [*self._clock_facts(), self._verdict(passage, judged)]
        self._record(passage, Step.REFERRED, verdict, shown)
        log.info("passage %s referred: %s", passage.id, ", ".join(map(str, outcome.reasons)))
        decision, opened = self._follow_officer(passage, outcome)
        return _report(passage, judged, decision, gate_opened=opened)

    def _follow_officer(self, passage: Passage, outcome: Refer) -> tuple[Decision | None, bool]:
        """Wait behind a closed gate for as long as it takes; nothing is decided by a timeout.

        Without a decision where a supervisor stopped the lane.
        """
        while True:
            answered = self._wait_for_officer(passage)
            if answered is None:
                self._close(passage, Step.INTERRUPTED)
                return None, False
            decision, age_s = answered
            if decision.answer is not Answer.REPEAT_CAPTURE or self._may_repeat(passage, outcome):
                return decision, self._obey(passage, decision, age_s)
            self._refuse_repeat(passage, decision)

    def _obey(self, passage: Passage, decision: Decision, age_s: float) -> bool:
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
        """Within the policy, and never a diplomat, a child or somebody who declines it."""
        never = any(reason.code in NEVER_CAPTURED for reason in outcome.reasons)
        return not never and passage.repeats < self._judge.policy.capture.max_repeat_captures

    def _refuse_repeat(self, passage: Passage, decision: Decision) -> None:
        """Go on waiting, and let the desk know that it takes another answer."""
        log.warning("passage %s is not captured again: its policy does not allow it", passage.id)
        passage.answer = decision.id
        body = {"passage": passage.id, "decision": decision.id}
        self._journal.record([Draft("passage.repeat_refused", body)], at=self._clock.now())

    def _wait_for_officer(self, passage: Passage) -> tuple[Decision, float] | None:
        """The answer, and how old it may be: the time since the desk last said that there was none.

        Infinitely old where the gate saw something that the desk may have heard of only afterwards. None
        where a supervisor or an alarm stopped the lane: then no answer counts any more.
        """
        none_yet_s, known = self._clock.monotonic_s(), len(passage.events)
        while not self._stop.is_set():
            self._look(passage)
            if self._stopped:
                return None
            told = self._courier.deliver() is DeskContact.REACHED
            asked_s, seen = self._clock.monotonic_s(), len(passage.events)
            # At once where there is news: an answer that is there already was given without it.
            decision = self._courier.answer(passage.id, 0 if seen > known else self._officer_wait_s)
            if decision is not None and decision.id != passage.answer:
                return decision, math.inf if seen > known else self._clock.monotonic_s() - none_yet_s
            if reached := self._courier.contact is DeskContact.REACHED:
                none_yet_s, known = asked_s, seen if told else known
            if decision is not None or not (reached and told):
                self._clock.sleep(RETRY_S)
        raise StoppedError(f"stopped while passage {passage.id} waits for an officer")

    def _let_through(self, passage: Passage) -> bool:
        """Open, wait, close. True where the gate said that it opened."""
        if passage.state is not State.OPEN:
            raise TransitionError(f"the gate stays closed: passage {passage.id} is {passage.state}")
        crossed = self._doorway.let_through(passage.id)
        self._close(passage, crossed.step)
        if not crossed.closed:
            self._close_lane(GATE_STAYS_OPEN)
        return crossed.opened

    @property
    def _stopped(self) -> bool:
        """Whether the passage under way goes no further: by a supervisor's word, or an alarm at the gate."""
        return self._service.stopped or self._doorway.alarmed

    def _asked(self, passage: Passage) -> tuple[Code, ...]:
        """What the passenger asks for at the buttons, or an officer in the passenger's place."""
        return tuple(dict.fromkeys(self._wishes.asked() + self._service.asked(passage.id)))

    def _look(self, passage: Passage) -> tuple[Code, ...]:
        """What was seen at the gate since the passage began."""
        passage.events += self._doorway.look(passage.id)
        return tuple(dict.fromkeys(passage.events))

    def _look_up(self) -> bool:
        """Between passengers: whether the doorway is well. What was seen there is told at once.

        What must not stay any longer goes then, too, whether the lane serves or is closed.
        """
        self._tidy()
        if facts := self._clock_facts():
            self._journal.record(facts, at=self._clock.now())
        if self._doorway.look():
            self._courier.deliver()
        return self._doorway.well()

    def _clock_facts(self) -> list[Draft]:
        """What is new of the clock: a lane that is killed mistrusts it afterwards as it did before.

        A jump is found by the next look, some seconds later at most; one that is killed before knows nothing
        of it, and has only the last date in the ledger.
        """
        found = self._timekeeper is not None and self._timekeeper.check() is not Check.SUCCESSFUL
        if self._timekeeper is None or found == self._doubted:
            return []
        self._doubted = found
        log.warning("the clock counts as %s from now on", "wrong" if found else "right")
        return [clock_fact(trusted=not found, by="lane")]

    def _close(self, passage: Passage, step: Step, before: Sequence[Draft] = ()) -> None:
        closed = Draft("passage.closed", {"passage": passage.id, "how": step.value})
        self._record(passage, step, [*before, closed])
        self._courier.deliver()

    def _observe(self, passage: Passage, judged: Judged) -> None:
        """The passage is over: what is found here decides nothing, and what fails here stops nothing."""
        if self._observer is None or judged.compared is None:
            return
        taken = False
        try:
            taken = self._observer.take(passage.id, judged.compared)
        except Exception as error:  # no passenger waits for this, and the next one shall not
            log.error("passage %s was not evaluated", passage.id, exc_info=error)
        self._note_evaluations(wait=taken)

    def _note_evaluations(self, *, wait: bool) -> None:
        """Put into the ledger what was found, also what came late about an earlier passage."""
        if self._observer is None:
            return
        try:
            found = self._observer.found(wait=wait)
            for passage, body in found:
                evaluated = Draft("passage.evaluated", {**body, "passage": passage})
                self._journal.record([evaluated], at=self._clock.now())
            if found:
                self._courier.deliver()
        except Exception as error:  # as above
            log.error("an evaluation was not recorded", exc_info=error)

    def _close_lane(self, detail: str, code: Code | None = None) -> None:
        """Serve nobody any more: somebody must look at this lane first."""
        self._closed = True
        self._guide(Instruction.CLOSED)
        self._service.note_fault()
        self._end_evaluation()
        log.critical("the lane closes: %s", detail)
        self._journal.record([Draft("lane.closed", {"code": code, "detail": detail})], at=self._clock.now())
        self._courier.deliver()

    def _await_journal(self, error: JournalError) -> bool:
        """Keep the gate shut until the journal can be written again; False where the lane ends before."""
        log.critical("nobody is served, and no passage goes on: %s", error)
        shut = self._doorway.shut()
        self._guide(Instruction.CLOSED)
        self._service.note_fault()
        while not self._stop.wait(RETRY_S):
            try:
                self._resume()
                if not shut:
                    self._close_lane(GATE_STAYS_OPEN)
            except JournalError:
                continue
            log.warning("the journal can be written again")
            self._service.note_fault(over=not self._closed)
            return True
        return False

    def _resume(self) -> None:
        """Say that facts may be missing; close the passage that was under way: nobody knows how it went."""
        self._doubted = doubted(self._journal)
        resumed, left = Draft("lane.resumed", {"after": "journal"}), self._journal.unfinished()
        if left is None:
            self._journal.record([resumed], at=self._clock.now())
        else:
            self._close(Passage(left.passage, left.state), Step.INTERRUPTED, [resumed])

    def _look_after_engine(self, judged: Judged) -> None:
        """After a passage in which a network failed: S01 sent that passenger to an officer already."""
        if judged.evidence.engine_fault is None or self._engine is None:
            return
        match self._engine.after_fault():
            case After.LOST:
                self._close_lane("the networks do not run", Code.ENGINE_LOST)
            case After.ON_CPU:
                identities = self._judge.measurer.networks.identities
                log.critical("the networks run on the CPU from now on")
                self._service.note_engine(identities)
                moved = Draft("lane.engine", {"code": Code.ENGINE_LOST, "networks": to_plain(identities)})
                self._journal.record([moved], at=self._clock.now())
                self._courier.deliver()

    def _end_evaluation(self) -> None:
        try:
            if self._observer is not None:
                self._observer.close()
        except Exception as error:  # why the lane closes must be told in any case
            log.error("the evaluation in service did not end", exc_info=error)

    def _record(
        self, passage: Passage, step: Step, drafts: Sequence[Draft], shown: Sequence[Picture] = ()
    ) -> None:
        passage.take(step)
        standing = Standing(passage.id, passage.state)
        self._journal.record(drafts, at=self._clock.now(), standing=standing, pictures=shown)
        self._screen.show(passage.id, passage.state)
        self._guide(INSTRUCTION_OF_STATE[passage.state])
        self._service.note(passage.state)

    def _next_document(self) -> TravelDocument | None:
        """The next passenger's, once the lane serves. One presented while it did not is not served."""
        while self._ready():
            self._guide(Instruction.WELCOME)
            try:
                document = self._read_document()
            except NobodyYetError:
                self._courier.deliver()
                continue
            if document is None or (self._service.serves and self._look_up()):
                return document
        return None

    def _ready(self) -> bool:
        if not (self._service.serves and self._look_up()):
            self._guide(Instruction.CLOSED)
        return self._service.ready(self._stop, self._look_up, self._courier.deliver)

    def _read_document(self) -> TravelDocument | None:
        try:
            return self._reader.read()
        except DocumentError:
            return UNREADABLE

    def _identity(self) -> dict[str, Any]:
        networks, policy = self._judge.measurer.networks, self._judge.policy
        return {
            "lane": self._lane,
            "version": __version__,
            "matcher": to_plain(networks.embedder.identity),
            "networks": to_plain(networks.identities),
            "policy": policy.identity(),
            "band": to_plain(policy.band(networks.embedder.identity)),
        }

    def _verdict(self, passage: Passage, judged: Judged) -> Draft:
        reasons = judged.outcome.reasons if isinstance(judged.outcome, Refer) else ()
        body = {
            "passage": passage.id,
            "outcome": "admit" if isinstance(judged.outcome, Admit) else "refer",
            "reasons": to_plain(reasons),
            "remarks": to_plain(judged.outcome.remarks),
            "evidence": to_plain(judged.evidence),
            "policy": self._judge.policy.identity(),
            "band": to_plain(self._judge.policy.band(judged.evidence.matcher)),
            "images": [one.fact() for one in judged.shown],
            "timings_ms": judged.timings_ms,
        }
        if judged.recording is not None:
            body["recording"] = judged.recording
        return Draft("passage.judged", body)


def _opening(passage: Passage, decision: Decision | None = None) -> Draft:
    because = "proof" if decision is None else "officer"
    body = {"passage": passage.id, "because": because, "decision": decision and decision.id}
    return Draft("gate.opening", body)


def _report(
    passage: Passage, judged: Judged, decision: Decision | None, *, gate_opened: bool
) -> PassageReport:
    return PassageReport(
        passage=passage.id,
        outcome="admit" if isinstance(judged.outcome, Admit) else "refer",
        reasons=judged.outcome.reasons if isinstance(judged.outcome, Refer) else (),
        remarks=judged.outcome.remarks,
        officer=decision.answer if decision else None,
        gate_opened=gate_opened,
        frames=judged.evidence.capture.frames_seen,
        timings_ms=judged.timings_ms,
    )
