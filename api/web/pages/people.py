"""The administrator's pages about people: each works without a script, by plain forms."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from pydantic import AfterValidator

from api.people.administration import People
from api.people.officers import DUTY
from api.people.roles import Role
from api.web.access.authentication import GuardedPage, TheDesk, TheOfficer
from api.web.messages.people import NewName, Pseudonym
from api.web.pages import render
from api.web.pages.render import redirect_to

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

One = Annotated[Pseudonym, Path()]


def _split(duties: str) -> list[str]:
    """Duties as somebody typed them, with commas or spaces between."""
    return sorted(set(duties.lower().replace(",", " ").replace("，", " ").split()))


def _are_duties(text: str) -> str:
    """Raises ValueError: one of them is none."""
    if not all(re.fullmatch(DUTY, duty) for duty in _split(text)):
        raise ValueError("a duty has 1 to 32 letters without accents, digits, dashes or underscores")
    return text


Duties = Annotated[str, Form(max_length=256), AfterValidator(_are_duties)]


@router.get("/people")
def list_officers(request: Request, desk: TheDesk) -> Response:
    return render.page(
        request,
        "people/people.html",
        people=desk.people.listed(),
        roles=list(Role),
        unanswerable=desk.people.unanswerable(),
    )


@router.post("/people")
def add_officer(
    request: Request,
    desk: TheDesk,
    who: TheOfficer,
    role: Annotated[Role, Form()],
    name: Annotated[NewName, Form()],
    duties: Duties = "",
) -> Response:
    pseudonym, password = desk.people.add(name, role, _split(duties), who)
    return _password_page(request, desk.people, pseudonym, password)


@router.get("/people/{officer}")
def show_person(request: Request, officer: One, desk: TheDesk) -> Response:
    return render.page(
        request,
        "people/person.html",
        one=desk.people.one(officer),
        sessions=desk.people.sessions_of(officer),
        roles=list(Role),
    )


@router.post("/people/{officer}/role")
def set_role(officer: One, desk: TheDesk, who: TheOfficer, role: Annotated[Role, Form()]) -> Response:
    desk.people.set_role(officer, role, who)
    return redirect_to(f"/people/{officer}")


@router.post("/people/{officer}/duties")
def set_duties(officer: One, desk: TheDesk, who: TheOfficer, duties: Duties = "") -> Response:
    desk.people.set_duties(officer, _split(duties), who)
    return redirect_to(f"/people/{officer}")


@router.post("/people/{officer}/password")
def reset_password(request: Request, officer: One, desk: TheDesk, who: TheOfficer) -> Response:
    return _password_page(request, desk.people, officer, desk.people.reset_password(officer, who))


@router.post("/people/{officer}/sessions/end")
def end_officer_sessions(officer: One, desk: TheDesk, who: TheOfficer) -> Response:
    desk.people.end_sessions(officer, who)
    return redirect_to(f"/people/{officer}")


@router.post("/people/{officer}/disable")
def disable_officer(officer: One, desk: TheDesk, who: TheOfficer) -> Response:
    desk.people.disable(officer, who)
    return redirect_to(f"/people/{officer}")


def _password_page(request: Request, people: People, pseudonym: str, password: str) -> Response:
    one = people.one(pseudonym)
    return render.page(request, "people/new_password.html", one=one, password=password)
