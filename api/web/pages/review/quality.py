"""Pages of quality and training: each works without a script, by plain forms."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages import describe_hall
from api.web.pages import render
from api.web.pages.render import redirect_to
from api.web.translations import language

router = APIRouter(route_class=GuardedPage, include_in_schema=False)


@router.get("/quality")
def show_quality(request: Request, desk: TheDesk) -> Response:
    words = language.of_request(request)
    shown = [describe_hall.quality(one, words) for one in desk.training.records()]
    return render.page(request, "review/accuracy.html", shown=shown, own=False)


@router.get("/quality/me")
def show_own_quality(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    words = language.of_request(request)
    shown = [describe_hall.quality(desk.training.record_of(who.pseudonym), words, own=True)]
    return render.page(request, "review/accuracy.html", shown=shown, own=True)


@router.get("/training")
def show_training(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    shown = describe_hall.trained(desk.training.trained(who))
    return render.page(request, "review/training.html", shown=shown, none_left=False)


@router.post("/training/next")
def train_on_next(request: Request, desk: TheDesk, who: TheOfficer) -> Response:
    found = desk.training.next(who)
    if found is None:
        shown = describe_hall.trained(desk.training.trained(who))
        return render.page(request, "review/training.html", shown=shown, none_left=True)
    return redirect_to(f"/referrals/{found[0]}")
