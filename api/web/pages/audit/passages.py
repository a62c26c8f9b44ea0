"""The auditor's pages: a search by plain form, and one passage as a timeline. They change nothing."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator

from api.ledger.search import PassageQuery
from api.platform.messages import PassageName
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.pages import render
from api.web.pages.audit import passage_views
from api.web.routes.audit.passages import Before
from api.web.translations import language

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
def show_passages(
    request: Request,
    desk: TheDesk,
    who: TheOfficer,
    since: Moment = "",
    until: Moment = "",
    lane: Text = "",
    reason: Text = "",
    officer: Text = "",
    passage: Text = "",
    before: Before = None,
) -> Response:
    """The search, and what was found, newest first."""
    words = language.of_request(request)
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
        officer=who,
        asked=asked,
        times={name: at and (_field(at), at.isoformat()) for name, at in times.items()},
        reasons=passage_views.reasons(words),
        found=[passage_views.line(one, words) for one in found.passages],
        older=older,
        newest=urlencode(kept) if before else None,
        clock=_clock,
    )


@router.get("/audit/{passage}")
def show_audited_passage(request: Request, passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    """One passage from document to gate."""
    words = language.of_request(request)
    audited = desk.audit.passage(passage)
    hold, images = desk.legal_holds.on(passage)
    return render.page(
        request,
        "audit/passage.html",
        officer=who,
        found=passage_views.line(audited.found, words),
        steps=passage_views.timeline(audited, words),
        hold=hold,
        images=images,
        clock=_clock,
    )


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


def _clock(at: datetime) -> str:
    """Day and time with the zone, for a browser that runs no script."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S (UTC%z)")
