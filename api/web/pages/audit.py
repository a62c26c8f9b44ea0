"""The auditor's pages: a search by plain form, and one passage as a timeline. Beside it, its legal hold."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator

from api.ledger.search import PassageQuery
from api.platform.messages import PassageName
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.pages import passage_views, render
from api.web.pages.render import redirect_to
from api.web.routes.audit import Before, HoldReason
from api.web.translations import language
from lane.decision.reason_codes import BY_GROUP

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


def _in_reach(given: datetime) -> datetime:
    """Near the first year and the last, a time in one zone is none in another."""
    try:
        _both(given)
    except OverflowError as error:
        raise ValueError("no year that a clock shows") from error
    return given


# A form sends what was left empty, too.
Moment = Annotated[datetime, AfterValidator(_in_reach)] | Literal[""]
Text = Annotated[str, Query(pattern="^[A-Za-z0-9._ -]{0,64}$")]


@router.get("/audit")
def find_passages(
    request: Request,
    desk: TheDesk,
    since: Moment = "",
    until: Moment = "",
    lane: Text = "",
    reason: Text = "",
    officer: Text = "",
    passage: Text = "",
    before: Before = None,
) -> Response:
    asked = {"lane": lane, "reason": reason, "officer": officer, "passage": passage}
    given = {name: text.strip() or None for name, text in asked.items()}
    times = {"since": _first(since), "until": _last(until)}
    found = desk.audit.search(PassageQuery(times["since"], times["until"], **given), before)
    kept = {name: text for name, text in asked.items() if text}
    kept |= {name: at.isoformat() for name, at in times.items() if at}
    older = urlencode({**kept, "before": found.before}) if found.before else None
    return render.page(
        request,
        "audit/search.html",
        asked=asked,
        times={name: at and (_field(at), at.isoformat()) for name, at in times.items()},
        reasons=BY_GROUP,
        texts=passage_views,
        found=found.passages,
        older=older,
        newest=urlencode(kept) if before else None,
    )


@router.get("/audit/{passage}")
def audit_passage(request: Request, passage: PassageName, desk: TheDesk) -> Response:
    words = language.of_request(request)
    audited = desk.audit.passage(passage)
    hold, images = desk.legal_holds.on(passage)
    return render.page(
        request,
        "audit/passage.html",
        found=audited.found,
        steps=audited.steps,
        texts=passage_views,
        who=partial(passage_views.who, words=words),
        lines=partial(passage_views.lines, words=words),
        measured=partial(passage_views.measured, words=words),
        hold=hold,
        images=images,
    )


@router.post("/audit/{passage}/hold")
def place_hold_by_form(
    passage: PassageName, desk: TheDesk, who: TheOfficer, reason: Annotated[HoldReason, Form()]
) -> Response:
    desk.legal_holds.place(passage, who.pseudonym, reason)
    return redirect_to(f"/audit/{passage}")


@router.post("/audit/{passage}/hold/lift")
def lift_hold_by_form(
    passage: PassageName, desk: TheDesk, who: TheOfficer, reason: Annotated[HoldReason, Form()]
) -> Response:
    desk.legal_holds.lift(passage, who.pseudonym, reason)
    return redirect_to(f"/audit/{passage}")


def _first(given: Moment) -> datetime | None:
    return min(_both(given)) if isinstance(given, datetime) else None


def _last(given: Moment) -> datetime | None:
    return max(_both(given)) if isinstance(given, datetime) else None


def _both(given: datetime) -> tuple[datetime, datetime]:
    """A time with its zone, or by the desk's own clock, which shows it twice where summer time ends."""
    first, second = (given.replace(fold=fold).astimezone() for fold in (0, 1))
    return first, second


def _field(at: datetime) -> str:
    """The value of a form's field in the desk's time zone, for browsers without scripts."""
    return at.astimezone().replace(tzinfo=None).isoformat(timespec="minutes")
