"""An officer's work: travellers' cases and, now and then, an inserted prepared case, which looks the same.

A request about a case goes to the queue first; a case that is not there may be the officer's prepared case.
Each change is one transaction; its events are published after the commit.
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
from api.platform.errors import ReferralUnknownError
from api.platform.events import Broker, Event
from api.platform.settings import Settings
from api.review import shifts
from api.review.cases import answers, queue
from api.review.cases.answers import AnswerResult, Judgement, LaneDecision, OfficerAnswer
from api.review.cases.queue import ListedState, Referral
from api.review.cases.queue_view import QueueReader, QueueView
from api.review.cases.steps import rank_of
from api.review.prepared.inserted import InsertedCases

log = structlog.get_logger(__name__)

_WAITING: tuple[ListedState, ...] = (None, "waiting", "open", "claimed")


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
        with self.database.write() as session:
            new = answers.judge(session, passage, officer.pseudonym, given, at=self.clock())
        if new:
            log.info("referral.judged_blind", passage=passage, officer=officer.pseudonym)

    def decide(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> AnswerResult:
        with self.database.write() as session:
            given = answers.decide(session, passage, officer.pseudonym, wanted, at=self.clock())
        if given.new and given.decision is None:
            self._publish("referral.proposed", passage, officer)
        elif given.new:
            self._publish_decision("referral.decided", passage, officer, wanted)
        return given

    def correct(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> AnswerResult:
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


@dataclass(frozen=True, slots=True)
class OfficerWork:
    """Both kinds of cases; travellers' come first."""

    travellers: TravellersCases
    inserted: InsertedCases
    queue_reader: QueueReader

    def queue_view(self, officer: SignedInOfficer, decided: int) -> QueueView:
        """The queue's page: as `listed` and `waiting` have it, and what was decided last."""
        found = self.queue_reader.view(officer, decided)
        prepared = self.inserted.case_for(officer)
        if prepared is None:
            return found
        waiting = _in_order([*found.waiting, prepared])[: queue.MOST_LISTED]
        return QueueView(waiting, found.decided, found.total + 1)

    def listed(self, state: ListedState, officer: SignedInOfficer) -> list[Referral]:
        """The queue as this officer sees it, at most `queue.MOST_LISTED` of it."""
        found = self.travellers.listed(state, officer)
        prepared = self.inserted.case_for(officer) if state in _WAITING else None
        if prepared is not None and state not in (None, "waiting", prepared.state):
            prepared = None
        gone = self.inserted.ended(officer) if state in (None, "ended") else []
        if prepared is None and not gone:
            return found
        waiting = [one for one in found if _waits(one)] + ([prepared] if prepared else [])
        over = [one for one in found if not _waits(one)] + gone
        return [*_in_order(waiting), *sorted(over, key=_over_at, reverse=True)][: queue.MOST_LISTED]

    def waiting(self, officer: SignedInOfficer) -> int:
        return self.travellers.waiting(officer) + (self.inserted.case_for(officer) is not None)

    def unanswerable(self, officer: SignedInOfficer) -> list[str]:
        """Cases that no one on site may answer, for a supervisor to know of."""
        return self.travellers.unanswerable() if officer.supervises else []

    def view(self, passage: str, officer: SignedInOfficer) -> Referral:
        try:
            return self.travellers.view(passage, officer)
        except ReferralUnknownError:
            return self.inserted.view(passage, officer)

    def claim(self, passage: str, officer: SignedInOfficer) -> datetime:
        try:
            until = self.travellers.claim(passage, officer)
        except ReferralUnknownError:
            return self.inserted.claim(passage, officer)
        self.inserted.withdraw_for(officer)
        return until

    def claim_next(self, officer: SignedInOfficer) -> tuple[str, datetime] | None:
        """Take the case that comes first; a prepared one only where no traveller waits for this officer."""
        found = self.travellers.claim_next(officer)
        if found is not None:
            self.inserted.withdraw_for(officer)
            return found
        prepared = self.inserted.case_for(officer)
        return (prepared.passage, self.inserted.claim(prepared.passage, officer)) if prepared else None

    def release(self, passage: str, officer: SignedInOfficer) -> None:
        try:
            self.travellers.release(passage, officer)
        except ReferralUnknownError:
            self.inserted.release(passage, officer)
        else:
            self.inserted.withdraw_all()

    def judge(self, passage: str, officer: SignedInOfficer, given: Judgement) -> None:
        try:
            self.travellers.judge(passage, officer, given)
        except ReferralUnknownError:
            self.inserted.judge(passage, officer, given)

    def decide(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> AnswerResult:
        try:
            given = self.travellers.decide(passage, officer, wanted)
        except ReferralUnknownError:
            return self.inserted.decide(passage, officer, wanted)
        if given.next is not None:
            self.inserted.withdraw_all()
        return given

    def correct(self, passage: str, officer: SignedInOfficer, wanted: OfficerAnswer) -> AnswerResult:
        try:
            return self.travellers.correct(passage, officer, wanted)
        except ReferralUnknownError:
            self.inserted.correct(passage, officer, wanted)

    def image(self, passage: str, sha256: str, officer: SignedInOfficer) -> bytes:
        try:
            return self.travellers.image(passage, sha256, officer)
        except ReferralUnknownError:
            return self.inserted.image(passage, sha256, officer)


def _in_order(waiting: list[Referral]) -> list[Referral]:
    """The order of answering, as `api.review.cases.queue` has it."""
    return sorted(waiting, key=lambda one: (not one.escalated, rank_of(one.judged.codes), one.opened_at))


def _waits(referral: Referral) -> bool:
    return referral.state in ("open", "claimed")


def _over_at(referral: Referral) -> datetime:
    return referral.decision.decided_at if referral.decision else referral.opened_at
