"""An officer's work: travellers' cases and, now and then, a prepared one that looks like any other.

What is asked of a case goes to the queue; one that is not there may be this officer's prepared case.
"""

from dataclasses import dataclass
from datetime import datetime

from api.people.officers import SignedInOfficer
from api.platform.errors import ReferralUnknownError
from api.review.cases import queue
from api.review.cases.answers import Given, Handing, Judgement, Wanted
from api.review.cases.duties import rank_of
from api.review.cases.queue import Listed, Referral
from api.review.cases.queue_view import Board, Shown
from api.review.officer_accuracy import Known
from api.review.prepared.inserting import Seeding
from api.review.travellers_cases import Reviewing

_WAITING: tuple[Listed, ...] = (None, "waiting", "open", "claimed")


@dataclass(frozen=True, slots=True)
class Working:
    """See `Reviewing` and `Seeding`: travellers always come first."""

    reviewing: Reviewing
    seeding: Seeding
    board: Board

    def shown(self, officer: SignedInOfficer, decided: int) -> Shown:
        """The queue's page: as `listed` and `waiting` have it, and what was decided last."""
        found = self.board.shown(officer, decided)
        prepared = self.seeding.before(officer)
        if prepared is None:
            return found
        waiting = _in_order([*found.waiting, prepared])[: queue.MOST_LISTED]
        return Shown(waiting, found.decided, found.total + 1)

    def listed(
        self, state: Listed, officer: SignedInOfficer, limit: int = queue.MOST_LISTED
    ) -> list[Referral]:
        """The queue, at most `limit` of it, as this officer sees it."""
        found = self.reviewing.listed(state, officer, limit)
        prepared = self.seeding.before(officer) if state in _WAITING else None
        if prepared is not None and state not in (None, "waiting", prepared.state):
            prepared = None
        gone = self.seeding.ended(officer, limit) if state in (None, "ended") else []
        if prepared is None and not gone:
            return found
        waiting = [one for one in found if _waits(one)] + ([prepared] if prepared else [])
        over = [one for one in found if not _waits(one)] + gone
        return [*_in_order(waiting), *sorted(over, key=_over_at, reverse=True)][:limit]

    def waiting(self, officer: SignedInOfficer) -> int:
        """How many cases wait, however many are listed."""
        return self.reviewing.waiting(officer) + (self.seeding.before(officer) is not None)

    def unanswerable(self, officer: SignedInOfficer) -> list[str]:
        """Cases that no one on site may answer, for a supervisor to know of."""
        return self.reviewing.unanswerable() if officer.supervises else []

    def look(self, passage: str, officer: SignedInOfficer) -> Referral:
        """One case, as far as it is this officer's to see."""
        try:
            return self.reviewing.look(passage, officer)
        except ReferralUnknownError:
            return self.seeding.look(passage, officer)

    def claim(self, passage: str, officer: SignedInOfficer) -> datetime:
        """Take a case, or renew the claim; return until when it is the officer's."""
        try:
            until = self.reviewing.claim(passage, officer)
        except ReferralUnknownError:
            return self.seeding.claim(passage, officer)
        self.seeding.give_way(officer)
        return until

    def claim_next(self, officer: SignedInOfficer) -> tuple[str, datetime] | None:
        """Take the case that comes first; a prepared one only where no traveller waits for this officer."""
        found = self.reviewing.claim_next(officer)
        if found is not None:
            self.seeding.give_way(officer)
            return found
        prepared = self.seeding.before(officer)
        return (prepared.passage, self.seeding.claim(prepared.passage, officer)) if prepared else None

    def release(self, passage: str, officer: SignedInOfficer) -> None:
        """Give a case back."""
        try:
            self.reviewing.release(passage, officer)
        except ReferralUnknownError:
            self.seeding.release(passage, officer)
        else:
            self.seeding.make_way()

    def judge(self, passage: str, officer: SignedInOfficer, given: Judgement) -> None:
        """Say of the faces what the officer sees; the findings are revealed."""
        try:
            self.reviewing.judge(passage, officer, given)
        except ReferralUnknownError:
            self.seeding.judge(passage, officer, given)

    def decide(self, passage: str, officer: SignedInOfficer, wanted: Wanted) -> Given:
        """Answer for a case."""
        try:
            given = self.reviewing.decide(passage, officer, wanted)
        except ReferralUnknownError:
            return self.seeding.decide(passage, officer, wanted)
        if given.next is not None:
            self.seeding.make_way()
        return given

    def correct(self, passage: str, officer: SignedInOfficer, wanted: Wanted) -> Given:
        """Put another decision in place of the own one, as long as the lane does not have it."""
        try:
            return self.reviewing.correct(passage, officer, wanted)
        except ReferralUnknownError:
            self.seeding.correct(passage, officer, wanted)

    def known(self, passage: str, officer: SignedInOfficer) -> Known | None:
        """The truth, where this was a prepared case that the officer has decided."""
        return self.seeding.known(passage, officer)

    def hand(self, lane: str, passage: str) -> Handing:
        """The decision for the lane. Of a prepared case no lane is told."""
        return self.reviewing.hand(lane, passage)

    def escalate(self) -> list[str]:
        """Put who waits too long before all others; return whom."""
        return self.reviewing.escalate()

    def image(self, passage: str, sha256: str, officer: SignedInOfficer) -> bytes:
        """One image of a case, for the officer who has it."""
        try:
            return self.reviewing.image(passage, sha256, officer)
        except ReferralUnknownError:
            return self.seeding.image(passage, sha256, officer)


def _in_order(waiting: list[Referral]) -> list[Referral]:
    """The order of answering, as `api.review.cases.queue` has it."""
    return sorted(waiting, key=lambda one: (not one.escalated, rank_of(one.judged.codes), one.opened_at))


def _waits(referral: Referral) -> bool:
    return referral.state in ("open", "claimed")


def _over_at(referral: Referral) -> datetime:
    return referral.decision.decided_at if referral.decision else referral.opened_at
