"""Takes the outbox to the desk and brings the officer's answer; a lost desk is a fact, not an exception."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from lane.decision.evidence import DeskContact
from lane.decision.referral import Decision, PassageId
from lane.desk.port import Desk
from lane.ledger.chain import Head
from lane.ledger.clock_check import Timekeeper
from lane.ledger.port import Journal, Parcel
from lane.platform.clock import Clock
from lane.platform.errors import DeskBehindError, DeskError, DeskLostError, DeskRefusedError, NetworkLostError

log = logging.getLogger(__name__)

_BATCH = 20
PICTURES_FOR_S = 12 * 3600.0
"""So long may the pictures of a referral wait for a desk that is out of reach."""


class Courier:
    """Delivers at least once: an entry leaves the outbox only when the desk has confirmed it."""

    def __init__(
        self,
        journal: Journal,
        desk: Desk,
        clock: Clock,
        pictures_for_s: float = PICTURES_FOR_S,
        timekeeper: Timekeeper | None = None,
    ) -> None:
        self._journal = journal
        self._desk = desk
        self._clock, self._pictures_for = clock, timedelta(seconds=pictures_for_s)
        self._timekeeper = timekeeper or Timekeeper(clock)
        self._contact = DeskContact.REACHED

    def deliver(self) -> DeskContact:
        """Hand over everything that waits, oldest first. Never raises for a lost desk: says so.

        With nothing to hand over nobody is asked, and the answer is how the last attempt went. Pictures that
        waited for a lost desk longer than a face may stay are dropped first, which the ledger says; by a
        clock that counts as wrong none waited too long.
        """
        self._drop_old_pictures()
        try:
            while parcels := self._journal.pending(_BATCH):
                for parcel in parcels:
                    self._hand_over_pictures(parcel)
                self._hand_over(parcels)
        except DeskError as error:
            self._lost(error)
        return self._contact

    def _hand_over(self, parcels: Sequence[Parcel]) -> None:
        entries = [parcel.entry for parcel in parcels]
        through = self._journal.recovered_through()
        told_again = through if through is not None and entries[0].seq <= through else None
        try:
            head = self._desk.put_entries(entries, told_again)
        except DeskBehindError as error:
            if not self._journal.go_back(Head(error.seq, error.hash)):
                raise
            log.warning("the desk was restored: it is told again all after entry %s", error.seq)
        else:
            self._journal.confirmed(entries[-1].seq, head)
            self._reached()

    def answer(self, passage: PassageId, wait_s: float) -> Decision | None:
        """The officer's decision on exactly this passage, or None: there is none yet, or the desk is lost."""
        try:
            decision = self._desk.decision(passage, wait_s)
            if decision is not None and decision.passage != passage:
                raise DeskLostError("the desk answered for another passage")
        except DeskError as error:
            self._lost(error)
            return None
        self._reached()
        return decision

    @property
    def contact(self) -> DeskContact:
        """How the last attempt went."""
        return self._contact

    def _hand_over_pictures(self, parcel: Parcel) -> None:
        for picture in parcel.pictures:
            self._desk.put_picture(picture, parcel.entry.body["passage"])
        for sha256 in parcel.dropped:
            self._desk.miss_picture(sha256, parcel.entry.body["passage"])

    def _drop_old_pictures(self) -> None:
        if not self._timekeeper.trusts():
            return
        now = self._clock.now()
        dropped = self._journal.drop_pictures(now - self._pictures_for, at=now)
        if dropped:
            log.warning("%d pictures waited too long for the desk and are dropped", dropped)

    def _lost(self, error: DeskError) -> None:
        lost = isinstance(error, NetworkLostError)
        contact = DeskContact.NETWORK_LOST if lost else DeskContact.DESK_LOST
        if isinstance(error, DeskRefusedError):
            log.error("the desk refuses this lane until somebody mends it: %s", error)
        elif contact is not self._contact:
            log.warning("desk out of reach (%s): %s", contact, error)
        self._contact = contact

    def _reached(self) -> None:
        if self._contact is not DeskContact.REACHED:
            log.warning("desk reached again")
        self._contact = DeskContact.REACHED
