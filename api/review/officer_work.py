"""An officer's work: travellers' cases and, now and then, an inserted prepared case, which looks the same.

A request about a case goes to the queue first; a case that is not there may be the officer's prepared case.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from api.people.officers import SignedInOfficer
from api.platform.errors import ReferralUnknownError
from api.review import shifts
from api.review.cases import queue
from api.review.cases.answers import AnswerResult, Judgement, OfficerAnswer
from api.review.cases.duties import rank_of
from api.review.cases.queue import ListedState, Referral
from api.review.cases.queue_view import QueueReader, QueueView
from api.review.prepared import inserted
from api.review.prepared.inserted import InsertedCases
from api.review.travellers_cases import TravellersCases

_WAITING: tuple[ListedState, ...] = (None, "waiting", "open", "claimed")


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
        """One case, as far as it is this officer's to see."""
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


class OfficersCasework:
    """The cases of officers whose account changes: see `api.people.casework.Casework`."""

    def leave(self, session: Session, officer: str, *, at: datetime) -> list[str]:
        return inserted.leave(session, officer, at=at)

    def release_others(self, session: Session, officer: SignedInOfficer, *, at: datetime) -> list[str]:
        return queue.release_others(session, officer, at=at)

    def start_shift(self, session: Session, officer: str, *, at: datetime) -> None:
        shifts.start(session, officer, at=at)

    def unanswerable(self, session: Session, *, at: datetime) -> list[str]:
        return shifts.unanswerable(session, at=at)


def _in_order(waiting: list[Referral]) -> list[Referral]:
    """The order of answering, as `api.review.cases.queue` has it."""
    return sorted(waiting, key=lambda one: (not one.escalated, rank_of(one.judged.codes), one.opened_at))


def _waits(referral: Referral) -> bool:
    return referral.state in ("open", "claimed")


def _over_at(referral: Referral) -> datetime:
    return referral.decision.decided_at if referral.decision else referral.opened_at
