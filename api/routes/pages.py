"""The officer's pages: each works without a script, by plain forms."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import RedirectResponse, Response

from api import exposition, wire
from api.auth import (
    GuardedPage,
    TheDesk,
    TheOfficer,
    TheSupervisor,
)
from api.console import render, views, watch
from api.errors import ClaimMissingError, GroundRefusedError
from api.review import Verdict
from api.schemas import PassageName
from api.store.officers import SignedInOfficer
from api.store.reviews import Judgement, Wanted
from api.words import language
from lane.referral import Answer, Ground

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

_DECIDED_SHOWN = 5


FormOfficer = TheOfficer
"""The officer who sends a form of the own page."""
Choice = Annotated[str, Form(max_length=64)]
Note = Annotated[str, Form(max_length=500)]


@router.get("/queue")
def show_queue(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """The queue."""
    return _queue(request, desk, who, "queue.html")


@router.get("/queue/cases")
def show_cases(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """The part of the queue that changes; asking for it is no sign that somebody sits there."""
    return _queue(request, desk, who, "cases.html")


@router.get("/referrals/{passage}")
def show_case(request: Request, passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    """One case: its faces for the officer who has it, its state for everyone else."""
    words, now = language.of_request(request), desk.clock()
    if (known := desk.cases.known(passage, who)) is not None:
        return render.page(request, "feedback.html", officer=who, told=wire.feedback(known, words))
    shown = views.review(desk.cases.look(passage, who), who, words, now)
    return render.page(
        request,
        "review.html",
        officer=who,
        now=now,
        review=shown,
        case=shown.case,
        lease_s=desk.settings.lease_s,
    )


@router.post("/referrals/{passage}/claim")
def claim(passage: PassageName, desk: TheDesk, who: FormOfficer) -> Response:
    """Take a case and go to it."""
    desk.cases.claim(passage, who)
    return _to(f"/referrals/{passage}")


@router.post("/referrals/{passage}/release")
def release(passage: PassageName, desk: TheDesk, who: FormOfficer) -> Response:
    """Give a case back and go to the queue."""
    desk.cases.release(passage, who)
    return _to("/queue")


@router.post("/queue/next")
def claim_next(desk: TheDesk, who: FormOfficer) -> Response:
    """Take the case that comes first and go to it."""
    found = desk.cases.claim_next(who)
    return _to(f"/referrals/{found[0]}" if found else "/queue")


@router.post("/referrals/{passage}/judgement")
def judge(
    passage: PassageName,
    desk: TheDesk,
    who: FormOfficer,
    verdict: Annotated[Verdict, Form()],
    confidence: Annotated[int, Form(ge=1, le=5)],
) -> Response:
    """Judge the faces by form, and see what the machine found."""
    desk.cases.judge(passage, who, Judgement(verdict, confidence, {}, []))
    return _to(f"/referrals/{passage}")


@router.post("/referrals/{passage}/correction")
def correct(
    passage: PassageName, desk: TheDesk, who: FormOfficer, choice: Choice = "", note: Note = ""
) -> Response:
    """Correct the own decision by form."""
    answer, ground = _chosen(choice)
    desk.cases.correct(passage, who, Wanted(answer, ground, note))
    return _to(f"/referrals/{passage}")


@router.post("/referrals/{passage}/confirm")
def confirm(
    request: Request,
    passage: PassageName,
    desk: TheDesk,
    who: FormOfficer,
    choice: Choice = "",
    note: Note = "",
) -> Response:
    """Ask once more; a page with a script asks in place."""
    words = language.of_request(request)
    referral = desk.cases.look(passage, who)
    if referral.claimed_by != who.pseudonym:
        raise ClaimMissingError
    option, ground = _option(choice, words)
    shown = views.case(referral, who, words, desk.clock())
    return render.page(
        request,
        "confirm.html",
        officer=who,
        now=desk.clock(),
        case=shown,
        option=option,
        ground=ground,
        note=note,
    )


@router.post("/referrals/{passage}/decision")
def decide(
    passage: PassageName, desk: TheDesk, who: FormOfficer, choice: Choice = "", note: Note = ""
) -> Response:
    """Decide by form."""
    answer, ground = _chosen(choice)
    desk.cases.decide(passage, who, Wanted(answer, ground, note))
    return _to(f"/referrals/{passage}")


@router.get("/evaluation")
def show_evaluation(request: Request, desk: TheDesk, who: TheSupervisor) -> Response:
    """How the comparison does in service."""
    words = language.of_request(request)
    shown = watch.page(exposition.evaluation(desk.evaluation()), words)
    return render.page(request, "evaluation.html", officer=who, shown=shown)


@router.get("/evaluation/live")
def show_evaluation_live(request: Request, desk: TheDesk) -> Response:
    """The part of it that changes; asking for it is no sign that somebody sits there."""
    shown = watch.page(exposition.evaluation(desk.evaluation()), language.of_request(request))
    return render.page(request, "evaluation_live.html", shown=shown)


@router.post("/evaluation/alarms/{alarm}/acknowledgement")
def acknowledge(alarm: Annotated[int, Path(ge=1, le=2**53)], desk: TheDesk, who: FormOfficer) -> Response:
    """Say by form that somebody looks into it."""
    desk.acknowledge(alarm, who)
    return _to("/evaluation")


def _queue(request: Request, desk: TheDesk, who: SignedInOfficer, template: str) -> Response:
    words, now = language.of_request(request), desk.clock()
    waiting = [views.case(one, who, words, now) for one in desk.cases.listed("waiting", who)]
    last = desk.cases.listed("decided", limit=_DECIDED_SHOWN)
    decided = [views.case(one, who, words, now) for one in last]
    total = desk.cases.waiting(who)
    return render.page(request, template, officer=who, now=now, waiting=waiting, total=total, decided=decided)


def _option(choice: str, words: language.Words) -> tuple[views.Option, views.Choice]:
    answer, _ = _chosen(choice)
    option = views.option(answer, words)
    for ground in option.grounds:
        if ground.value == choice:
            return option, ground
    raise GroundRefusedError


def _chosen(choice: str) -> tuple[Answer, Ground]:
    try:
        return views.chosen(choice)
    except ValueError as error:
        raise GroundRefusedError from error


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)
