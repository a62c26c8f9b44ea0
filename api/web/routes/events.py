"""Events for open pages, as server-sent events."""

from collections.abc import AsyncIterator
from time import monotonic, time
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.people.officers import SignedInOfficer
from api.platform.errors import NotSignedInError, TooManyListenersError, documented
from api.platform.events import MOST_OF_A_SESSION, Event, Listener
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.desk import Desk

router = APIRouter(route_class=Guarded, tags=["referrals"], responses=documented())

_STILL_HERE_S = 10.0
_LOOK_AGAIN_S = 1.0
"""Events come in bursts: the session is not looked up for each of them."""
_COME_BACK_MS = 2000
_OF_THE_HALL = {"lane.changed", "staff.changed"}


async def listening(desk: TheDesk, who: TheOfficer) -> AsyncIterator[Listener]:
    """A listener for the time of the request, for a signed-in officer only."""
    listener = desk.broker.listen(who.session_sha256, MOST_OF_A_SESSION)
    try:
        yield listener
    finally:
        desk.broker.leave(listener)


@router.get(
    "/events",
    summary="Follow the queue",
    response_class=EventSourceResponse,
    responses=documented(TooManyListenersError, streams=True),
)
async def follow_events(
    desk: TheDesk, who: TheOfficer, listener: Annotated[Listener, Depends(listening)]
) -> AsyncIterator[ServerSentEvent]:
    """`referral.opened`, `referral.changed`, `referral.decided` and `referral.handed` (the lane has it),
    each with {"passage": id}; to supervisors `lane.changed` and `staff.changed`, with nothing.

    The stream ends with the session, or when the client does not keep up; EventSource then comes again.
    """
    yield ServerSentEvent(comment="following", retry=_COME_BACK_MS)
    looked_at = float("-inf")
    while not listener.dropped:
        if monotonic() - looked_at >= _LOOK_AGAIN_S:
            if not await run_in_threadpool(_still_signed_in, desk, who):
                return
            looked_at = monotonic()
        event = await listener.next_event(_STILL_HERE_S)
        if event is None:
            yield ServerSentEvent(comment="still here")
        elif event.name in _OF_THE_HALL and not who.supervises:
            continue  # lanes change all the time: an officer's page is left alone by that
        elif event.officer not in ("", who.pseudonym):
            continue
        else:
            desk.meters.event_delay.observe(max(0.0, time() - event.published_at))
            yield ServerSentEvent(event=event.name, data=_data(event))


def _data(event: Event) -> dict[str, str]:
    return {"passage": event.passage} if event.name.startswith("referral.") else {}


def _still_signed_in(desk: Desk, who: SignedInOfficer) -> bool:
    try:
        desk.officer_of(who.session_sha256, acting=False)
    except NotSignedInError:
        return False
    return True
