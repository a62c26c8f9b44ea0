"""Takes the outbox to the desk and brings the officer's answer; a lost desk is a fact, not an exception."""

import logging

from lane.errors import DeskError, DeskLostError, DeskRefusedError, NetworkLostError
from lane.evidence import DeskContact
from lane.ports import Desk, Journal
from lane.referral import Decision, PassageId

log = logging.getLogger(__name__)

_BATCH = 20


class Courier:
    """Delivers at least once: an entry leaves the outbox only when the desk has confirmed it."""

    def __init__(self, journal: Journal, desk: Desk) -> None:
        self._journal = journal
        self._desk = desk
        self._contact = DeskContact.REACHED

    def deliver(self) -> DeskContact:
        """Hand over everything that waits, oldest first. Never raises for a lost desk: says so.

        With nothing to hand over nobody is asked, and the answer is how the last attempt went.
        """
        try:
            while parcels := self._journal.pending(_BATCH):
                for parcel in parcels:
                    for picture in parcel.pictures:
                        self._desk.put_picture(picture, parcel.entry.body["passage"])
                head = self._desk.put_entries([parcel.entry for parcel in parcels])
                self._journal.confirmed(parcels[-1].entry.seq, head)
                self._reached()
        except DeskError as error:
            self._lost(error)
        return self._contact

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
