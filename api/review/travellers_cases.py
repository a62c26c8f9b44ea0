"""The use cases of travellers' cases: list, claim, view, judge, decide, correct, hand to the lane.

Each method is one transaction; its events are published after the commit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from api.faces import images
from api.faces.keyring import Keyring
from api.ledger import search
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database
from api.platform.events import Broker, Event
from api.platform.settings import Settings
from api.review import shifts
from api.review.cases import answers, queue
from api.review.cases.answers import AnswerResult, Judgement, LaneDecision, OfficerAnswer
from api.review.cases.queue import ListedState, Referral

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TravellersCases:
    settings: Settings
    database: Database
    broker: Broker
    keyring: Keyring
    clock: Callable[[], datetime]

    def listed(self, state: ListedState, officer: SignedInOfficer) -> list[Referral]:
        with self.database.read() as session:
            return queue.listed(session, state, officer, at=self.clock())

    def waiting(self, officer: SignedInOfficer) -> int:
        with self.database.read() as session:
            return queue.count_waiting(session, officer)

    def unanswerable(self) -> list[str]:
        with self.database.read() as session:
            return shifts.unanswerable(session, at=self.clock())

    def view(self, passage: str, officer: SignedInOfficer) -> Referral:
        """One case. If it is the officer's own, the ledger records first that its step is shown."""
        with self.database.read() as session:
            referral = queue.for_officer(session, passage, officer, at=self.clock())
            gate = search.seen_at_gate(session, passage)
            refused = search.repeat_refused(session, passage)
            referral = replace(referral, gate=gate, repeat_refused=refused)
        if referral.claimed_by == officer.pseudonym and not referral.shown:
            with self.database.write() as session:
                queue.note_shown(session, passage, officer.pseudonym, at=self.clock())
        return referral

    def claim(self, passage: str, officer: SignedInOfficer) -> datetime:
        """Take a case, or renew the claim; return until when it is the officer's.

        A renewal is no entry of the ledger, and waits for no writer. Neither does a claim that is too late: a
        read refuses it.
        """
        with self.database.read() as session:
            mine = queue.is_mine(session, passage, officer, at=self.clock())
        if mine:
            with self.database.write(turn=False) as session:
                kept = queue.renew(session, passage, officer.pseudonym, at=self.clock(), lease=self._lease)
            if kept is not None:
                return kept
        with self.database.write() as session:
            until, taken = queue.claim(session, passage, officer, at=self.clock(), lease=self._lease)
        if taken:
            self._publish("referral.claimed", passage, officer)
        return until

    def claim_next(self, officer: SignedInOfficer) -> tuple[str, datetime] | None:
        """Take the case that comes first; None where nobody waits whom this officer may take."""
        with self.database.read() as session:
            if not queue.waits_for(session, officer, at=self.clock()):
                return None
        with self.database.write() as session:
            found = queue.claim_next(session, officer, at=self.clock(), lease=self._lease)
        if found is None:
            return None
        passage, until, taken = found
        if taken:
            self._publish("referral.claimed", passage, officer)
        return passage, until

    def release(self, passage: str, officer: SignedInOfficer) -> None:
        with self.database.write() as session:
            released = queue.release(session, passage, officer.pseudonym, at=self.clock())
        if released:
            self._publish("referral.released", passage, officer)

    def judge(self, passage: str, officer: SignedInOfficer, given: Judgement) -> None:
        """Record the blind judgement; the findings are then revealed."""
        with self.database.write() as session:
            new = answers.judge(session, passage, officer.pseudonym, given, at=self.clock())
        if new:
            log.info("referral.judged_blind", passage=passage, officer=officer.pseudonym)

    def decide(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> AnswerResult:
        """Answer for a case: the decision, or the question to another officer, and its ledger entry."""
        with self.database.write() as session:
            given = answers.decide(session, passage, officer.pseudonym, wanted, at=self.clock())
        if given.new and given.decision is None:
            self._publish("referral.proposed", passage, officer)
        elif given.new:
            self._publish_decision("referral.decided", passage, officer, wanted)
        return given

    def correct(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> AnswerResult:
        """Put another decision in place of the own one, as long as the lane does not have it."""
        with self.database.write() as session:
            given = answers.correct(session, passage, officer.pseudonym, wanted, at=self.clock())
        if given.new:
            self._publish_decision("referral.corrected", passage, officer, wanted)
        return given

    def hand(self, lane: str, passage: str) -> LaneDecision:
        """The decision for the lane; from the first time on it stays as it is. Raises PassageUnknownError."""
        with self.database.read() as session:
            search.owns_passage(session, lane, passage)
            found = answers.decision_for_lane(session, passage, at=self.clock(), window=self._window)
        if found.due_in_s != 0:
            return found
        with self.database.write() as session:
            found = answers.hand(session, passage, at=self.clock(), window=self._window)
        if found.new:
            log.info("referral.handed", passage=passage, lane=lane)
            self.broker.publish(Event("referral.handed", passage))
        return found

    def escalate(self) -> list[str]:
        """Put cases that wait too long before all others; return which. This decides nothing."""
        after = timedelta(seconds=self.settings.escalate_after_s)
        with self.database.read() as session:
            if not queue.overdue(session, at=self.clock(), after=after):
                return []
        with self.database.write() as session:
            now = self.clock()
            late = queue.overdue(session, at=now, after=after)
            escalated = [passage for passage in late if queue.escalate(session, passage, at=now)]
        for passage in escalated:
            log.warning("referral.escalated", passage=passage)
            self.broker.publish(Event("referral.changed", passage))
        return escalated

    def image(self, passage: str, sha256: str, officer: SignedInOfficer) -> bytes:
        with self.database.read() as session:
            queue.may_see_image(session, passage, sha256, officer.pseudonym, at=self.clock())
            return images.image(session, self.keyring, passage, sha256)

    def _publish(self, kind: str, passage: str, officer: SignedInOfficer) -> None:
        log.info(kind, passage=passage, officer=officer.pseudonym)
        self.broker.publish(Event("referral.changed", passage))

    def _publish_decision(
        self, kind: str, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer
    ) -> None:
        log.info(kind, passage=passage, officer=officer.pseudonym, answer=wanted.answer.value)
        self.broker.publish(Event("referral.decided", passage))

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.settings.lease_s)

    @property
    def _window(self) -> timedelta:
        return timedelta(seconds=self.settings.correction_window_s)
