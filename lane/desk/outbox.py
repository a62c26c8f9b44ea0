"""Delivers ledger entries and pictures to the desk, and asks for officers' answers.

A desk out of reach is a result, not an exception.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from lane.decision.evidence import DeskContact
from lane.decision.referral import Decision, PassageId
from lane.desk.port import Desk
from lane.ledger.clock_check import Timekeeper
from lane.ledger.entry import Head
from lane.ledger.journal import SqliteJournal, UndeliveredEntry
from lane.platform.clock import Clock
from lane.platform.errors import DeskBehindError, DeskError, DeskLostError, DeskRefusedError, NetworkLostError

log = logging.getLogger(__name__)

_BATCH = 20
PICTURES_FOR_S = 12 * 3600.0
"""How long the pictures of a referral may wait for a desk that is out of reach."""


class Outbox:
    """Delivers at least once: an entry leaves the outbox only when the desk has confirmed it."""

    def __init__(
        self,
        journal: SqliteJournal,
        desk: Desk,
        clock: Clock,
        pictures_for_s: float = PICTURES_FOR_S,
        timekeeper: Timekeeper | None = None,
    ) -> None:
        self._journal = journal
        self._desk = desk
        self._clock, self._pictures_for = clock, timedelta(seconds=pictures_for_s)
        self._timekeeper = timekeeper or Timekeeper(clock)
        self.contact = DeskContact.REACHED
        """The result of the last attempt."""

    def deliver(self) -> DeskContact:
        """Deliver everything that waits, oldest first. Returns whether the desk was reached; never raises.

        With nothing to deliver the desk is not asked, and the result is that of the last attempt. Pictures
        that waited longer than a face may stay are dropped first, and the ledger says so; while the clock
        counts as wrong, none is dropped.
        """
        self._drop_old_pictures()
        try:
            while waiting_entries := self._journal.pending(_BATCH):
                for undelivered in waiting_entries:
                    self._deliver_pictures(undelivered)
                self._deliver_entries(waiting_entries)
        except DeskError as error:
            self._note_lost(error)
        return self.contact

    def _deliver_entries(self, waiting_entries: Sequence[UndeliveredEntry]) -> None:
        entries = [undelivered.entry for undelivered in waiting_entries]
        through = self._journal.recovered_through()
        recovered = through if through is not None and entries[0].seq <= through else None
        try:
            head = self._desk.put_entries(entries, recovered)
        except DeskBehindError as error:
            if not self._journal.go_back(Head(error.seq, error.hash)):
                raise
            log.warning("the desk was restored: all entries after %s are delivered again", error.seq)
        else:
            self._journal.confirmed(entries[-1].seq, head)
            self._note_reached()

    def answer(self, passage: PassageId, wait_s: float) -> Decision | None:
        """The officer's decision on exactly this passage, or None: there is none yet, or the desk is lost."""
        try:
            decision = self._desk.decision(passage, wait_s)
            if decision is not None and decision.passage != passage:
                raise DeskLostError("the desk answered for another passage")
        except DeskError as error:
            self._note_lost(error)
            return None
        self._note_reached()
        return decision

    def _deliver_pictures(self, undelivered: UndeliveredEntry) -> None:
        for picture in undelivered.pictures:
            self._desk.put_picture(picture, undelivered.entry.body["passage"])
        for sha256 in undelivered.dropped:
            self._desk.report_lost_picture(sha256, undelivered.entry.body["passage"])

    def _drop_old_pictures(self) -> None:
        if not self._timekeeper.trusts():
            return
        now = self._clock.now()
        dropped = self._journal.drop_pictures(now - self._pictures_for, at=now)
        if dropped:
            log.warning("%d pictures waited too long for the desk and are dropped", dropped)

    def _note_lost(self, error: DeskError) -> None:
        lost = isinstance(error, NetworkLostError)
        contact = DeskContact.NETWORK_LOST if lost else DeskContact.DESK_LOST
        if isinstance(error, DeskRefusedError):
            log.error("the desk refuses this lane until somebody mends it: %s", error)
        elif contact is not self.contact:
            log.warning("desk out of reach (%s): %s", contact, error)
        self.contact = contact

    def _note_reached(self) -> None:
        if self.contact is not DeskContact.REACHED:
            log.warning("desk reached again")
        self.contact = DeskContact.REACHED
