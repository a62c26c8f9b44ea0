"""The officer's pages: the queue, a case in its three steps, the own shift, training and accuracy.

Each works without a script, by plain forms.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api.people.officers import SignedInOfficer
from api.platform.errors import ClaimMissingError, GroundRefusedError, NotRevealedError
from api.platform.messages import PassageName
from api.platform.settings import Settings
from api.review.cases.answers import Judgement, OfficerAnswer
from api.review.cases.steps import Verdict
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages import describe_cases
from api.web.messages.cases import ReferralDetail, RevealedMessage
from api.web.messages.hall import quality_message, training_message
from api.web.pages import render
from api.web.pages.render import redirect_to
from api.web.translations.language import N_, of_request
from lane.decision.referral import Answer, Ground

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
        prefix = "feature_"
        seen = {name: value for name, value in self.model_dump().items() if name.startswith(prefix) and value}
        features = {name.removeprefix(prefix): value for name, value in seen.items()}
        return Judgement(self.verdict, self.confidence, features, [])


@router.get("/queue")
def list_referrals(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    return _queue(request, desk, who, "review/queue.html")


@router.get("/queue/cases")
def show_cases(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    """The part of the queue that changes; asking for it is no sign that somebody sits there."""
    return _queue(request, desk, who, "review/queue_cases.html")


@router.post("/queue/next")
def claim_next_referral(desk: TheDesk, who: TheOfficer) -> Response:
    """Take the case that comes first and go to it; to the queue where nobody waits."""
    found = desk.cases.claim_next(who)
    return redirect_to(f"/referrals/{found[0]}" if found else "/queue")


@router.get("/referrals/{passage}")
def show_referral(request: Request, passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    """One case: its faces for the officer who has it, its state for everyone else."""
    words, now = of_request(request), desk.clock()
    if (known := desk.cases.inserted.prepared_decision(passage, who)) is not None:
        feedback, training = describe_cases.feedback(known, words), desk.cases.inserted.in_training(passage)
        return render.page(request, "case/feedback.html", feedback=feedback, training=training)
    case = describe_cases.detail(desk.cases.view(passage, who), who, words, now)
    return render.page(
        request,
        "case/page.html",
        case=case,
        correctable_ms=_correctable_ms(case, now, desk.settings),
        lease_s=desk.settings.lease_s,
        warnings=_warnings,
    )


@router.post("/referrals/{passage}/claim")
def claim_referral(passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    desk.cases.claim(passage, who)
    return redirect_to(f"/referrals/{passage}")


@router.post("/referrals/{passage}/release")
def release_referral(passage: PassageName, desk: TheDesk, who: TheOfficer) -> Response:
    desk.cases.release(passage, who)
    return redirect_to("/queue")


@router.post("/referrals/{passage}/judgement")
def judge_referral(
    passage: PassageName, desk: TheDesk, who: TheOfficer, form: Annotated[JudgementForm, Form()]
) -> Response:
    desk.cases.judge(passage, who, form.judgement())
    return redirect_to(f"/referrals/{passage}")


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
    case = describe_cases.detail(desk.cases.view(passage, who), who, of_request(request), desk.clock())
    if not case.mine:
        raise ClaimMissingError
    if case.revealed is None:
        raise NotRevealedError
    wanted = _wanted(choice, note)
    if (wanted.answer, wanted.ground) not in [(rule.answer, rule.ground) for rule in case.revealed.answers]:
        raise GroundRefusedError
    return render.page(request, "confirm.html", case=case, choice=choice, wanted=wanted, warnings=_warnings)


@router.post("/referrals/{passage}/decision")
def decide_referral(
    passage: PassageName, desk: TheDesk, who: TheOfficer, choice: Choice = "", note: Note = ""
) -> Response:
    desk.cases.decide(passage, who, _wanted(choice, note))
    return redirect_to(f"/referrals/{passage}")


@router.post("/referrals/{passage}/correction")
def correct_referral(
    passage: PassageName, desk: TheDesk, who: TheOfficer, choice: Choice = "", note: Note = ""
) -> Response:
    desk.cases.correct(passage, who, _wanted(choice, note))
    return redirect_to(f"/referrals/{passage}")


def _queue(request: Request, desk: TheDesk, who: SignedInOfficer, template: str) -> Response:
    words, now = of_request(request), desk.clock()
    queue, nobodys = desk.cases.queue_view(who, decided=_DECIDED_SHOWN), desk.cases.unanswerable(who)
    return render.page(
        request,
        template,
        now=now,
        waiting=[describe_cases.summary(one, who, words, now, nobodys) for one in queue.waiting],
        total=queue.total,
        decided=[describe_cases.summary(one, who, words, now) for one in queue.decided],
        duty=desk.shifts.show(who),
    )


def _warnings(revealed: RevealedMessage, answer: Answer) -> list[str]:
    """What an officer must know before giving this answer."""
    rules = [rule for rule in revealed.answers if rule.answer is answer]
    found = []
    if answer is Answer.ADMIT and revealed.gate:
        found.append(N_("Something was seen at the gate: see to it first."))
    if any(rule.second_officer for rule in rules):
        found.append(N_("Against the lane’s sure result: needs a note and a second officer."))
    elif all(rule.note for rule in rules):
        found.append(N_("Against your answer before: needs a note."))
    return found


def _wanted(choice: str, note: str) -> OfficerAnswer:
    answer, _, ground = choice.partition(".")
    try:
        return OfficerAnswer(Answer(answer), Ground(ground), note)
    except ValueError as error:
        raise GroundRefusedError from error


def _correctable_ms(case: ReferralDetail, now: datetime, settings: Settings) -> int:
    """For how long the page offers to correct the own decision; 0: it does not."""
    decision = case.decision
    if decision is None or not case.correctable or decision.answer is Answer.SECOND_LINE:
        return 0
    until = decision.decided_at + timedelta(seconds=settings.correction_window_s)
    return max(0, int((until - now) / timedelta(milliseconds=1)))


# --- the own shift


@router.post("/shift/start")
def start_shift(desk: TheDesk, who: TheOfficer) -> Response:
    desk.shifts.start(who)
    return redirect_to("/queue")


@router.post("/shift/break")
def take_break(desk: TheDesk, who: TheOfficer) -> Response:
    """Take a break; the own cases go back to the queue, undecided."""
    desk.shifts.pause(who)
    return redirect_to("/queue")


@router.get("/shift/end")
def show_hand_over(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    colleagues = desk.shifts.colleagues(who)
    return render.page(request, "review/hand_over.html", ended=None, colleagues=colleagues)


@router.post("/shift/end")
def end_shift(
    request: Request,
    desk: TheDesk,
    who: TheOfficer,
    note: Annotated[str, Form(max_length=2000)] = "",
    colleague: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """End the shift; the own cases go to the colleague, who judges them blind, or back to the queue.

    Colleagues are called by name here: nobody learns in passing who is behind which pseudonym.
    """
    shifts = desk.shifts
    ended = shifts.end(who, note, shifts.colleague_named(colleague, who) if colleague else None)
    return render.page(request, "review/hand_over.html", ended=ended)


# --- training and accuracy


@router.get("/quality")
def show_quality(request: Request, desk: TheDesk) -> Response:
    words = of_request(request)
    shown = [quality_message(one, words) for one in desk.accuracy.records()]
    return render.page(request, "review/accuracy.html", shown=shown, own=False)


@router.get("/quality/me")
def show_own_quality(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    words = of_request(request)
    shown = [quality_message(desk.accuracy.record_of(who.pseudonym), words, own=True)]
    return render.page(request, "review/accuracy.html", shown=shown, own=True)


@router.get("/training")
def show_training(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    shown = training_message(desk.training.trained(who))
    return render.page(request, "review/training.html", shown=shown, none_left=False)


@router.post("/training/next")
def train_on_next(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    found = desk.training.next(who)
    if found is None:
        shown = training_message(desk.training.trained(who))
        return render.page(request, "review/training.html", shown=shown, none_left=True)
    return redirect_to(f"/referrals/{found[0]}")
