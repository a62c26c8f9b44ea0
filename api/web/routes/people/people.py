"""Who may sign in, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.people.administration import People
from api.people.officers import Person
from api.platform.database.tables import SessionRow
from api.platform.errors import (
    LastAdministratorError,
    NameTakenError,
    NoPasswordError,
    OfficerUnknownError,
    OwnRoleError,
    TooManySignInsError,
    documented,
)
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages.people import (
    NewDuties,
    NewPerson,
    NewRole,
    PasswordMessage,
    PeopleList,
    PersonMessage,
    Pseudonym,
    SessionList,
    SessionMessage,
)

router = APIRouter(route_class=Guarded, prefix="/officers", tags=["people"])

ThePseudonym = Annotated[Pseudonym, Path(description="The officer's pseudonym.")]


def people_of(desk: TheDesk) -> People:
    """The running desk's people."""
    return desk.people


ThePeople = Annotated[People, Depends(people_of)]


@router.get("", summary="List people", operation_id="list_officers", responses=documented())
def list_officers(people: ThePeople) -> PeopleList:
    """Everybody who is or was at the desk."""
    return PeopleList(officers=[person_message(person) for person in people.listed()])


@router.post(
    "",
    status_code=201,
    summary="Register somebody",
    operation_id="add_officer",
    responses=documented(NameTakenError, TooManySignInsError),
)
def add_officer(wanted: NewPerson, people: ThePeople, who: TheOfficer) -> PasswordMessage:
    """The password in the answer is shown this once, and is good for choosing another."""
    pseudonym, password = people.add(wanted.name, wanted.role, wanted.duties, who)
    return PasswordMessage(officer=pseudonym, password=password)


@router.put(
    "/{officer}/role",
    status_code=204,
    summary="Give somebody another role",
    operation_id="set_role",
    responses=documented(OfficerUnknownError, OwnRoleError, LastAdministratorError),
)
def set_role(officer: ThePseudonym, wanted: NewRole, people: ThePeople, who: TheOfficer) -> Response:
    """Sessions with the old role end. Nobody changes the own role, and the last administrator stays."""
    people.set_role(officer, wanted.role, who)
    return Response(status_code=204)


@router.put(
    "/{officer}/duties",
    status_code=204,
    summary="Give somebody duties",
    operation_id="set_duties",
    responses=documented(OfficerUnknownError, OwnRoleError),
)
def set_duties(officer: ThePseudonym, wanted: NewDuties, people: ThePeople, who: TheOfficer) -> Response:
    """These and no other, from the next request on."""
    people.set_duties(officer, wanted.duties, who)
    return Response(status_code=204)


@router.post(
    "/{officer}/password",
    summary="Give somebody a new password",
    operation_id="reset_password",
    responses=documented(OfficerUnknownError, OwnRoleError, NoPasswordError, TooManySignInsError),
)
def reset_password(officer: ThePseudonym, people: ThePeople, who: TheOfficer) -> PasswordMessage:
    """For a forgotten one. The new password is shown this once, for choosing another; all sessions end."""
    return PasswordMessage(officer=officer, password=people.reset_password(officer, who))


@router.delete(
    "/{officer}",
    status_code=204,
    summary="Let somebody sign in no more",
    operation_id="disable_officer",
    responses=documented(OfficerUnknownError, OwnRoleError, LastAdministratorError),
)
def disable_officer(officer: ThePseudonym, people: ThePeople, who: TheOfficer) -> Response:
    """For good, and at once. What the officer decided stays."""
    people.disable(officer, who)
    return Response(status_code=204)


@router.get(
    "/{officer}/sessions",
    summary="See where somebody is signed in",
    operation_id="list_officer_sessions",
    responses=documented(OfficerUnknownError),
)
def list_officer_sessions(officer: ThePseudonym, people: ThePeople, who: TheOfficer) -> SessionList:
    """The sessions that are not over."""
    return session_list(people.sessions_of(officer), who.session_sha256)


@router.delete(
    "/{officer}/sessions",
    status_code=204,
    summary="Sign somebody out everywhere",
    operation_id="end_officer_sessions",
    responses=documented(OfficerUnknownError),
)
def end_officer_sessions(officer: ThePseudonym, people: ThePeople, who: TheOfficer) -> Response:
    """All sessions end, but the one that asks."""
    people.end_sessions(officer, who)
    return Response(status_code=204)


def person_message(person: Person) -> PersonMessage:
    """A person as a message."""
    return PersonMessage(
        officer=person.pseudonym,
        name=person.name,
        role=person.role,
        duties=list(person.duties),
        disabled=person.disabled,
        external=person.external,
        passkeys=person.passkeys,
        sessions=person.sessions,
        added_at=person.added_at,
    )


def session_list(found: list[SessionRow], present_sha256: str) -> SessionList:
    """Sessions as a message."""
    return SessionList(
        sessions=[
            SessionMessage.model_validate(
                {
                    "session": one.handle,
                    "way": one.way,
                    "started_at": one.started_at,
                    "used_at": one.used_at,
                    "present": one.token_sha256 == present_sha256,
                }
            )
            for one in found
        ]
    )
