"""The administrator's pages about people: each works without a script, by plain forms."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from pydantic import AfterValidator

from api.auth import GuardedPage, TheOfficer
from api.console import people as shown
from api.console import render
from api.messages.accounts import NewName, Pseudonym
from api.routes.entrance import to
from api.routes.people import ThePeople
from api.store.officers import DUTY, Role, SignedInOfficer
from api.work.people import People

router = APIRouter(route_class=GuardedPage, include_in_schema=False)

One = Annotated[Pseudonym, Path()]


def _are_duties(text: str) -> str:
    """Raises ValueError: one of them is none."""
    if not all(re.fullmatch(DUTY, duty) for duty in shown.duties(text)):
        raise ValueError("a duty has 1 to 32 letters without accents, digits, dashes or underscores")
    return text


Duties = Annotated[str, Form(max_length=256), AfterValidator(_are_duties)]


@router.get("/people")
def show_people(request: Request, people: ThePeople, who: TheOfficer) -> Response:
    """Everybody, and a form for somebody new."""
    return render.page(
        request,
        "people.html",
        officer=who,
        people=people.listed(),
        roles=shown.ROLES,
        unanswerable=people.unanswerable(),
        problem="",
    )


@router.post("/people")
def add_person(
    request: Request,
    people: ThePeople,
    who: TheOfficer,
    role: Annotated[Role, Form()],
    name: Annotated[NewName, Form()],
    duties: Duties = "",
) -> Response:
    """Register somebody, and show the password once."""
    pseudonym, password = people.add(name, role, shown.duties(duties), who)
    return _told(request, people, who, pseudonym, password)


@router.get("/people/{officer}")
def show_person(request: Request, officer: One, people: ThePeople, who: TheOfficer) -> Response:
    """One of them, and what may be changed."""
    return render.page(
        request,
        "person.html",
        officer=who,
        one=people.one(officer),
        sessions=people.sessions_of(officer),
        roles=shown.ROLES,
        ways=shown.WAYS,
    )


@router.post("/people/{officer}/role")
def change_role(officer: One, people: ThePeople, who: TheOfficer, role: Annotated[Role, Form()]) -> Response:
    """Give somebody another role by form."""
    people.set_role(officer, role, who)
    return to(f"/people/{officer}")


@router.post("/people/{officer}/duties")
def change_duties(officer: One, people: ThePeople, who: TheOfficer, duties: Duties = "") -> Response:
    """Give somebody duties by form."""
    people.set_duties(officer, shown.duties(duties), who)
    return to(f"/people/{officer}")


@router.post("/people/{officer}/password")
def renew_password(request: Request, officer: One, people: ThePeople, who: TheOfficer) -> Response:
    """Give somebody a new password, and show it once."""
    return _told(request, people, who, officer, people.reset_password(officer, who))


@router.post("/people/{officer}/sessions/end")
def end_sessions(officer: One, people: ThePeople, who: TheOfficer) -> Response:
    """Sign somebody out everywhere by form."""
    people.end_sessions(officer, who)
    return to(f"/people/{officer}")


@router.post("/people/{officer}/disable")
def disable_person(officer: One, people: ThePeople, who: TheOfficer) -> Response:
    """Let somebody sign in no more, by form."""
    people.disable(officer, who)
    return to(f"/people/{officer}")


def _told(request: Request, people: People, who: SignedInOfficer, pseudonym: str, password: str) -> Response:
    one = people.one(pseudonym)
    return render.page(request, "password_told.html", officer=who, one=one, password=password)
