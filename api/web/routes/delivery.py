"""Lanes deliver images and entries, and wait for decisions."""

from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.platform import errors
from api.platform.errors import documented
from api.platform.events import MOST_OF_A_LANE, Listener
from api.platform.messages import ChainHead, PassageName, Sha256
from api.review.cases.answers import LaneDecision
from api.web.access.authentication import Guarded, TheDesk, TheLane
from api.web.desk import Desk
from api.web.messages.cases import Applied, DecisionOrNone, EntryBatch

router = APIRouter(route_class=Guarded, tags=["lane"], responses=documented())

# Another process may have decided: the database is asked again at least this often.
_LOOK_AGAIN_S = 2.0
_JUST_AFTER_S = 0.01
"""Added to the wait, so that a decision due just then needs no second look."""


def _batch_schema() -> dict[str, Any]:
    schema = EntryBatch.model_json_schema()
    parts = schema.pop("$defs")
    schema["properties"]["entries"]["items"] = parts["StoredEntry"]
    return schema


@router.put(
    "/passages/{passage}/images/{sha256}",
    status_code=204,
    summary="Upload an image of a passage that is referred",
    responses=documented(
        errors.PassageUnknownError,
        errors.TooManyImagesError,
        errors.ImageRefusedError,
        errors.BodyTooLargeError,
        errors.KeyWrongError,
        errors.KeyringError,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload_image(
    request: Request,
    desk: TheDesk,
    lane: TheLane,
    passage: PassageName,
    sha256: Annotated[Sha256, Path(description="SHA-256 of the body.")],
    content_type: Annotated[str, Header()],
) -> Response:
    """Keep one JPEG image, at most 4 MiB, before the entry that names it. Sending it again changes nothing.

    A passage of another lane is unknown to this one. Of a passage whose faces are erased an image
    is taken and not kept.
    """
    if content_type != "image/jpeg":
        raise errors.ImageRefusedError
    body = await request.body()
    await run_in_threadpool(desk.take_image, lane, passage, sha256, body)
    return Response(status_code=204)


@router.delete(
    "/passages/{passage}/images/{sha256}",
    status_code=204,
    summary="Say that an image will not come",
    responses=documented(errors.PassageUnknownError, errors.TooManyImagesError),
)
def miss_image(
    passage: PassageName, desk: TheDesk, lane: TheLane, sha256: Annotated[Sha256, Path()]
) -> Response:
    """The lane had it as long as it may, while the desk was out of reach: the entry that names it may come
    without it. An image that is here stays for as long as it would have.
    """
    desk.miss_image(lane, passage, sha256)
    return Response(status_code=204)


@router.post(
    "/entries",
    summary="Deliver ledger entries",
    responses=documented(
        errors.ChainBrokenError, errors.ImageMissingError, errors.EntryRefusedError, errors.BodyTooLargeError
    ),
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": _batch_schema()}}}
    },
)
async def deliver_entries(request: Request, desk: TheDesk, lane: TheLane) -> Applied:
    """Apply entries of the lane's chain, in order: the whole batch or nothing, each of them once."""
    # The body is read here and not by FastAPI, which would parse megabytes before it asks who sends them.
    return await run_in_threadpool(_apply, desk, lane, await request.body())


def _apply(desk: Desk, lane: str, body: bytes) -> Applied:
    try:
        batch = EntryBatch.model_validate_json(body)
    except ValidationError as error:
        faults = [dict(fault, loc=("body", *fault["loc"])) for fault in error.errors(include_input=False)]
        raise RequestValidationError(faults) from error
    through, head = desk.take_entries(lane, batch.entries, batch.recovered_through)
    return Applied(applied_through=through, head=ChainHead(seq=head.seq, hash=head.hash))


@router.get(
    "/passages/{passage}/decision",
    summary="Wait for an officer's decision",
    responses=documented(errors.PassageUnknownError, errors.TooManyListenersError),
)
async def wait_for_decision(
    passage: PassageName,
    desk: TheDesk,
    lane: TheLane,
    wait_s: Annotated[float, Query(ge=0, le=25, description="How long to wait for it.")] = 0,
) -> DecisionOrNone:
    """The decision on one of the lane's passages, or null when `wait_s` is over without one.

    It is given `correction_window_s` after it was made or corrected, and from then on it stays as it is.
    """
    until = monotonic() + wait_s
    found = await run_in_threadpool(desk.cases.travellers.hand, lane, passage)
    if found.decision is None and wait_s > 0:
        listener = desk.broker.listen(lane, MOST_OF_A_LANE, passage)
        try:
            found = await _awaited(desk, lane, passage, listener, until)
        finally:
            desk.broker.leave(listener)
    return DecisionOrNone.model_validate({"decision": found.decision})


async def _awaited(desk: Desk, lane: str, passage: str, listener: Listener, until: float) -> LaneDecision:
    while True:
        # Looked for again with the listener in place: nothing is missed in between.
        found = await run_in_threadpool(desk.cases.travellers.hand, lane, passage)
        left = until - monotonic()
        if found.decision is not None or left <= 0 or listener.dropped:
            return found
        due_in_s = _LOOK_AGAIN_S if found.due_in_s is None else found.due_in_s + _JUST_AFTER_S
        await listener.next_event(min(left, _LOOK_AGAIN_S, due_in_s))
