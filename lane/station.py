"""One passenger after another, start to end. Facts are on disk before the gate moves; what fails, refers.

document presented → capture → evidence → policy → gate, or referral → officer's decision → gate → closed
"""

import logging
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lane import __version__, pictures
from lane.capture import Capture, capture
from lane.courier import Courier
from lane.document import TravelDocument, check_expiry
from lane.errors import DocumentError, GateFaultError, LaneError, StoppedError, TransitionError
from lane.evidence import DeskContact, DocumentEvidence, Evidence, to_plain
from lane.measure import Measurer, Stopwatch, lowest_similarity
from lane.passage import State, Step, after
from lane.policy import Admit, Policy, Refer, decide
from lane.ports import Clock, DocumentReader, Draft, FrameSource, Gate, Journal, Picture, Screen, Standing
from lane.reasons import Code, Reason
from lane.reference import Reference, examine
from lane.referral import Answer, Decision, PassageId
from models.errors import ModelError
from models.measurement import Measure, NotAssessed

log = logging.getLogger(__name__)

UNREADABLE = TravelDocument(photo=b"", expires_on=None)
LIVENESS = NotAssessed("this release has no attack detection")
RETRY_S = 1.0


@dataclass(slots=True)
class Passage:
    """One passenger's way through; its state moves only along the table of `lane.passage`."""

    id: PassageId = field(default_factory=lambda: PassageId(str(uuid.uuid4())))
    state: State = State.WAITING

    def take(self, step: Step) -> None:
        """Raises TransitionError for a step that is not possible now."""
        self.state = after(self.state, step)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found, what the policy says of it, and the pictures an officer would need."""

    evidence: Evidence
    outcome: Admit | Refer
    shown: tuple[pictures.Shown, ...]
    timings_ms: dict[str, float]


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
    """The flow of one lane. Everything outside comes in through `lane.ports`."""

    def __init__(
        self,
        lane: str,
        *,
        camera: FrameSource,
        reader: DocumentReader,
        gate: Gate,
        journal: Journal,
        courier: Courier,
        measurer: Measurer,
        policy: Policy,
        clock: Clock,
        screen: Screen,
        gate_timeout_s: float = 15.0,
        officer_wait_s: float = 5.0,
    ) -> None:
        self._lane, self._camera, self._reader, self._gate = lane, camera, reader, gate
        self._journal, self._courier, self._measurer = journal, courier, measurer
        self._policy, self._clock, self._screen = policy, clock, screen
        self._gate_timeout_s, self._officer_wait_s = gate_timeout_s, officer_wait_s
        self._closed = False
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the wait for an officer, from any thread; the passage stays referred, and on disk."""
        self._stop.set()

    def start(self) -> PassageReport | None:
        """Close the gate, take up what an earlier run left, and say in the ledger which networks decide.

        A passage that waits for an officer goes on waiting, and its report comes back. Any other unfinished
        passage is closed as interrupted: its gate never opens by itself after a restart.
        """
        self._gate.close()
        left = self._journal.unfinished()
        self._journal.record([Draft("lane.started", self._identity())], at=self._clock.now())
        self._courier.deliver()
        if left is None:
            return None
        passage = Passage(left.passage, left.state)
        log.warning("passage %s was %s when the lane stopped", passage.id, passage.state)
        if passage.state is State.REFERRED:
            decision, opened = self._follow_officer(passage)
            return _report(passage, None, decision, gate_opened=opened)
        self._close(passage, Step.INTERRUPTED)
        return None

    def serve(self) -> PassageReport | None:
        """Serve the next passenger. None when no more come, or when the lane has closed itself (S04)."""
        document = None if self._closed else self._read_document()
        if document is None:
            return None
        passage = Passage()
        started = Draft("passage.started", {"passage": passage.id})
        self._record(passage, Step.DOCUMENT_PRESENTED, [started])
        judged = self._judge(document)
        if isinstance(judged.outcome, Admit):
            report = self._admit(passage, judged)
        else:
            report = self._refer(passage, judged, judged.outcome)
        if not judged.evidence.models_unchanged:
            self._close_lane()
        return report

    def _admit(self, passage: Passage, judged: Judged) -> PassageReport:
        self._record(passage, Step.ACCEPTED, [self._judged(passage, judged), _opening(passage)])
        return _report(passage, judged, None, gate_opened=self._let_through(passage))

    def _refer(self, passage: Passage, judged: Judged, outcome: Refer) -> PassageReport:
        shown = [one.picture for one in judged.shown]
        self._record(passage, Step.REFERRED, [self._judged(passage, judged)], shown)
        log.info("passage %s referred: %s", passage.id, ", ".join(map(str, outcome.reasons)))
        decision, opened = self._follow_officer(passage)
        return _report(passage, judged, decision, gate_opened=opened)

    def _judge(self, document: TravelDocument) -> Judged:
        """The one place that turns whatever fails into a referral."""
        watch, contact = Stopwatch(), self._courier.deliver()
        reference, taken, fault = Reference(_unexamined(document, self._clock)), Capture(), None
        similarity: Measure = NotAssessed("not compared")
        unchanged = False
        try:
            unchanged = self._models_unchanged()
            reference = examine(document, self._clock.now().date(), self._measurer, watch)
            taken = capture(self._camera, self._measurer, self._policy, self._clock, watch)
            similarity = lowest_similarity(reference.embedding, taken.probes, watch)
        except (LaneError, ModelError) as error:
            fault = type(error).__name__
        except Exception as error:
            log.error("judging failed, the passenger is referred", exc_info=error)
            fault = type(error).__name__
        evidence = Evidence(
            document=reference.evidence,
            capture=taken.evidence(),
            quality=taken.quality(),
            similarity=similarity,
            liveness=LIVENESS,
            matcher=self._measurer.networks.embedder.identity,
            networks=self._measurer.networks.identities,
            desk=contact,
            models_unchanged=unchanged,
            engine_fault=fault or reference.engine_fault or taken.engine_fault,
        )
        with watch.time("decide"):
            outcome = decide(evidence, self._policy)
        timings_ms = watch.timings_ms()
        shown = () if isinstance(outcome, Admit) else pictures.to_show(reference, taken)
        return Judged(evidence, outcome, shown, timings_ms)

    def _models_unchanged(self) -> bool:
        try:
            self._measurer.networks.check_files()
        except ModelError as error:
            log.critical("a model file is not what was checked at start, the lane closes: %s", error)
            return False
        return True

    def _follow_officer(self, passage: Passage) -> tuple[Decision, bool]:
        """Wait behind a closed gate for as long as it takes; nothing is decided by a timeout."""
        decision = self._wait_for_officer(passage)
        decided = Draft("passage.decided", {"passage": passage.id, "decision": _plain(decision)})
        if decision.answer is Answer.ADMIT:
            self._record(passage, Step.ADMITTED_BY_OFFICER, [decided, _opening(passage, decision)])
            return decision, self._let_through(passage)
        self._close(passage, Step.SENT_TO_SECOND_LINE, [decided])
        return decision, False

    def _wait_for_officer(self, passage: Passage) -> Decision:
        while not self._stop.is_set():
            if self._courier.deliver() is DeskContact.REACHED:
                decision = self._courier.answer(passage.id, self._officer_wait_s)
                if decision is not None:
                    return decision
            if self._courier.contact is not DeskContact.REACHED:
                self._clock.sleep(RETRY_S)
        raise StoppedError(f"stopped while passage {passage.id} waits for an officer")

    def _let_through(self, passage: Passage) -> bool:
        """Open, wait, close. True where the gate was opened."""
        if passage.state is not State.OPEN:
            raise TransitionError(f"the gate stays closed: passage {passage.id} is {passage.state}")
        opened, step = False, Step.GATE_FAULT
        try:
            self._gate.open(passage.id)
            opened = True
            passed = self._gate.wait_passed(self._gate_timeout_s)
            step = Step.PASSED_THROUGH if passed else Step.INTERRUPTED
        except GateFaultError:
            log.exception("gate fault in passage %s", passage.id)
        finally:
            self._gate.close()
        self._close(passage, step)
        return opened

    def _close(self, passage: Passage, step: Step, before: Sequence[Draft] = ()) -> None:
        closed = Draft("passage.closed", {"passage": passage.id, "how": step.value})
        self._record(passage, step, [*before, closed])
        self._courier.deliver()

    def _close_lane(self) -> None:
        self._closed = True
        detail = {"code": Code.MODEL_CHANGED.value, "detail": "a model file changed while the lane ran"}
        self._journal.record([Draft("lane.closed", detail)], at=self._clock.now())
        self._courier.deliver()

    def _record(
        self, passage: Passage, step: Step, drafts: Sequence[Draft], shown: Sequence[Picture] = ()
    ) -> None:
        passage.take(step)
        standing = Standing(passage.id, passage.state)
        self._journal.record(drafts, at=self._clock.now(), standing=standing, pictures=shown)
        self._screen.show(passage.id, passage.state)

    def _read_document(self) -> TravelDocument | None:
        try:
            return self._reader.read()
        except DocumentError:
            return UNREADABLE

    def _identity(self) -> dict[str, Any]:
        networks = self._measurer.networks
        return {
            "lane": self._lane,
            "version": __version__,
            "matcher": to_plain(networks.embedder.identity),
            "networks": to_plain(networks.identities),
            "policy": self._policy.identity(),
        }

    def _judged(self, passage: Passage, judged: Judged) -> Draft:
        reasons = judged.outcome.reasons if isinstance(judged.outcome, Refer) else ()
        body = {
            "passage": passage.id,
            "outcome": "refer" if reasons else "admit",
            "reasons": to_plain(reasons),
            "remarks": to_plain(judged.outcome.remarks),
            "evidence": to_plain(judged.evidence),
            "policy": self._policy.identity(),
            "images": [one.fact() for one in judged.shown],
            "timings_ms": judged.timings_ms,
        }
        return Draft("passage.judged", body)


def _unexamined(document: TravelDocument, clock: Clock) -> DocumentEvidence:
    expiry = check_expiry(document, clock.now().date())
    return DocumentEvidence(expiry, document.expires_on, NotAssessed("not examined"), {})


def _opening(passage: Passage, decision: Decision | None = None) -> Draft:
    because = "proof" if decision is None else "officer"
    body = {"passage": passage.id, "because": because, "decision": decision and decision.id}
    return Draft("gate.opening", body)


def _plain(decision: Decision) -> dict[str, Any]:
    return {**to_plain(decision), "decided_at": decision.decided_at.isoformat()}


def _report(
    passage: Passage, judged: Judged | None, decision: Decision | None, *, gate_opened: bool
) -> PassageReport:
    """A passage taken up after a restart was judged by the run before: its reasons are in the ledger."""
    outcome = judged.outcome if judged else Refer(())
    return PassageReport(
        passage=passage.id,
        outcome="admit" if isinstance(outcome, Admit) else "refer",
        reasons=outcome.reasons if isinstance(outcome, Refer) else (),
        remarks=outcome.remarks,
        officer=decision.answer if decision else None,
        gate_opened=gate_opened,
        frames=judged.evidence.capture.frames_seen if judged else 0,
        timings_ms=judged.timings_ms if judged else {},
    )
