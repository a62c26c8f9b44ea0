"""The officer's pages: the queue, and a case in its three steps. Each works without a script, by forms."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from api.people.officers import SignedInOfficer
from api.platform.errors import ClaimMissingError, GroundRefusedError, NotRevealedError
from api.platform.messages import PassageName
from api.review.cases.answers import Judgement, OfficerAnswer
from api.review.cases.steps import Verdict
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages import describe_cases
from api.web.pages import render
from api.web.pages.review import case_steps, case_views
from api.web.translations import language

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

_DECIDED_SHOWN = 5

Choice = Annotated[str, Form(max_length=64)]
Note = Annotated[str, Form(max_length=500)]
Seen = Literal["", "same", "different", "not_visible"]


class JudgementForm(BaseModel):
    """The blind answer as a plain form sends it; what a script would note as looked at, it cannot."""

    verdict: Verdict
    confidence: int = Field(ge=1, le=5)
    feature_ears: Seen = ""
    feature_brows: Seen = ""
    feature_nose: Seen = ""
    feature_mouth: Seen = ""
    feature_marks: Seen = ""
    feature_scars: Seen = ""

    def judgement(self) -> Judgement:
        """The answer as the desk takes it."""
        prefix = "feature_"
        seen = {name: value for name, value in self.model_dump().items() if name.startswith(prefix) and value}
        features = {name.removeprefix(prefix): value for name, value in seen.items()}
        return Judgement(self.verdict, self.confidence, features, [])


@router.get("/queue")
def show_queue(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """The queue."""
    return _queue(request, desk, who, "review/queue.html")


@router.get("/queue/cases")
def show_cases(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """The part of the queue that changes; asking for it is no sign that somebody sits there."""
    return _queue(request, desk, who, "review/queue_cases.html")


@router.post("/queue/next")
def claim_next(desk: TheDesk, who: TheOfficer) -> Response:
    """Take the case that comes first and go to it; to the queue where nobody waits."""
    found = desk.cases.claim_next(who)
    return _to(f"/referrals/{found[0]}" if found else "/queue")


@router.get("/referrals/{passage}")
def show_case(request: Request, passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    """One case: its faces for the officer who has it, its state for everyone else."""
    words, now = language.of_request(request), desk.clock()
    if (known := desk.cases.prepared_decision(passage, who)) is not None:
        feedback, training = describe_cases.feedback(known, words), desk.cases.inserted.in_training(passage)
        return render.page(request, "case/feedback.html", officer=who, feedback=feedback, training=training)
    window = timedelta(seconds=desk.settings.correction_window_s)
    page = case_views.case_page(desk.cases.view(passage, who), who, words, now, window)
    return render.page(
        request,
        "case/page.html",
        officer=who,
        case=page.case,
        review=page.review,
        reveal=page.reveal,
        undo=page.undo,
        lease_s=desk.settings.lease_s,
    )


@router.post("/referrals/{passage}/claim")
def claim(passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    """Take a case and go to it."""
    desk.cases.claim(passage, who)
    return _to(f"/referrals/{passage}")


@router.post("/referrals/{passage}/release")
def release(passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    """Give a case back and go to the queue."""
    desk.cases.release(passage, who)
    return _to("/queue")


@router.post("/referrals/{passage}/judgement")
def judge(
    passage: PassageName, desk: TheDesk, who: TheOfficer, form: Annotated[JudgementForm, Form()]
) -> Response:
    """Answer blind, and go to what the lane found."""
    desk.cases.judge(passage, who, form.judgement())
    return _to(f"/referrals/{passage}")


@router.post("/referrals/{passage}/confirm")
def confirm(
    request: Request,
    passage: PassageName,
    desk: TheDesk,
    who: TheOfficer,
    choice: Choice = "",
    note: Note = "",
) -> Response:
    """Ask once more; a page with a script asks in place."""
    words, now = language.of_request(request), desk.clock()
    page = case_views.case_page(desk.cases.view(passage, who), who, words, now, timedelta())
    if not page.case.mine:
        raise ClaimMissingError
    if page.reveal is None:
        raise NotRevealedError
    option, ground = _option(page.review.options, choice)
    return render.page(
        request, "confirm.html", officer=who, case=page.case, option=option, ground=ground, note=note
    )


@router.post("/referrals/{passage}/decision")
def decide(
    passage: PassageName, desk: TheDesk, who: TheOfficer, choice: Choice = "", note: Note = ""
) -> Response:
    """Decide by form."""
    desk.cases.decide(passage, who, _wanted(choice, note))
    return _to(f"/referrals/{passage}")


@router.post("/referrals/{passage}/correction")
def correct(
    passage: PassageName, desk: TheDesk, who: TheOfficer, choice: Choice = "", note: Note = ""
) -> Response:
    """Correct by form."""
    desk.cases.correct(passage, who, _wanted(choice, note))
    return _to(f"/referrals/{passage}")


def _queue(request: Request, desk: TheDesk, who: SignedInOfficer, template: str) -> Response:
    words, now = language.of_request(request), desk.clock()
    queue, nobodys = desk.cases.queue_view(who, decided=_DECIDED_SHOWN), desk.cases.unanswerable(who)
    waiting = [case_views.case_row(one, who, words, now, nobodys) for one in queue.waiting]
    decided = [case_views.case_row(one, who, words, now) for one in queue.decided]
    return render.page(
        request,
        template,
        officer=who,
        now=now,
        waiting=waiting,
        total=queue.total,
        decided=decided,
        duty=desk.shifts.show(who),
    )


def _option(
    options: tuple[case_steps.AnswerOption, ...], choice: str
) -> tuple[case_steps.AnswerOption, case_steps.Choice]:
    for option in options:
        for ground in option.grounds:
            if ground.value == choice:
                return option, ground
    raise GroundRefusedError


def _wanted(choice: str, note: str) -> OfficerAnswer:
    try:
        return OfficerAnswer(*case_steps.parse_choice(choice), note)
    except ValueError as error:
        raise GroundRefusedError from error


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)
